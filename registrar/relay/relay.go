// Package relay is the registrar's STUN and TURN server (RFC 8489, RFC 8656): it tells windows by which address others see
// them, and carries the media of those that routers keep apart. It carries SRTP, whose keys it does not have.
//
//	             desk: what pion/turn is not to see            peers: whom a window may send to
//	window ─UDP─▶ packets ─┐                                              │
//	  ─TCP, TLS─▶ streams ─┴▶ desk ─▶ pion/turn ─▶ allocations ◀──────────┘ ◀─UDP─▶ the other window, or its allocation here
//	                           ▲          │
//	                           └ answers ─┴─▶ Secret: whose credentials?   clients: who has what
//
// The protocol is pion/turn's. Around it stands what a server on the Internet needs: whoever has no credentials of this
// registrar makes it remember nothing and answer little; connections, allocations, permissions and channels are
// bounded; a peer is denied unless it is allowed.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"

	"ewindow/registrar/block"
	"ewindow/registrar/metrics"
	"ewindow/registrar/signal/loglimit"
)

// Config is what a Server is made from.
type Config struct {
	UDP net.PacketConn // where clients come in; nil: not over UDP. The server closes it, TCP and TLS
	TCP net.Listener   // nil: not over TCP
	TLS net.Listener   // of connections that are set up; nil: not over TLS

	Realm  string
	Secret Secret

	Relay []netip.Addr   // addresses of allocations as peers reach them, one of IPv4 and one of IPv6 at most; none: STUN alone
	Ports Ports          // of allocations
	Allow []netip.Prefix // private networks that may be relayed to

	Limits Limits       // zero: DefaultLimits
	Log    *slog.Logger // nil: none

	Listen  func(at netip.AddrPort) (net.PacketConn, error) // for allocations; nil: from the system
	Machine func() []netip.Addr                             // addresses of this machine; nil: its interfaces'
}

// Ports are UDP ports, both ends included.
type Ports struct{ Low, High uint16 }

func (p Ports) contain(port uint16) bool { return p.Low <= port && port <= p.High }

// Limits bound what clients can take. A zero field takes its value from DefaultLimits.
type Limits struct {
	Each        int // allocations of one account
	Allocations int // in all
	Connections int // TCP connections in all
	PerBlock    int // of them, of strangers from one block
	PerAccount  int // of them, of one account
	Rate        int // kbit/s that one allocation relays, each way; what is more is lost
	Total       int // kbit/s that all relay together, both ways
}

// DefaultLimits are for a registrar of a few hundred windows. One takes two allocations for a call, and goes through several
// calls before the last of them expires.
func DefaultLimits() Limits {
	return Limits{Each: 16, Allocations: 1024, Connections: 1024, PerBlock: 128, PerAccount: 32, Rate: 8000, Total: 400_000}
}

// Within are the limits where a process may open so many files (RLIMIT_NOFILE): at most a quarter of them is for the relay.
func (l Limits) Within(files uint64) Limits {
	l = l.orDefaults()
	room := int(min(files/8, 1<<20))
	l.Allocations = max(1, min(l.Allocations, room))
	l.Connections = max(1, min(l.Connections, room))
	l.PerBlock = max(1, min(l.PerBlock, l.Connections/3))
	return l
}

// Files are how many of them the relay opens at most.
func (l Limits) Files() uint64 { return uint64(l.Allocations + l.Connections) }

func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct {
		of      *int
		without int
	}{{&l.Each, d.Each}, {&l.Allocations, d.Allocations}, {&l.Connections, d.Connections}, {&l.PerBlock, d.PerBlock}, {&l.PerAccount, d.PerAccount},
		{&l.Rate, d.Rate}, {&l.Total, d.Total}} {
		if *f.of == 0 {
			*f.of = f.without
		}
	}
	return l
}

// What pion/turn is told. An allocation that nobody refreshes lives for lifetime, or as long as its client asks, up to an
// hour (RFC 8656 §7.2); permissions live as §9 says, channels as §12 does.
const (
	lifetime   = 10 * time.Minute
	permission = 5 * time.Minute
	channel    = 10 * time.Minute
	maxFrame   = 1600    // bytes; anything longer was no packet on the client's way
	readBuffer = 4 << 20 // bytes: of a hundred windows at 2 Mbit/s, for 160 ms
)

// Strangers are answered so much over UDP: the source of a datagram is whatever its sender writes there. Each house has its
// own budget of answers, of 100 bytes each, and each block another one beyond those of its houses.
const (
	houseBurst = 40
	houseRate  = 5 // a second
	blockBurst = 200
	blockRate  = 50
)

// A Server is the relay. New makes it, Run runs it.
type Server struct {
	realm          string
	secret         Secret
	log            *slog.Logger
	peers          *peers
	clients        *clients
	allocations    *allocations
	packets        *packets // nil: not over UDP
	streams        *streams // nil: not over TCP or TLS
	houses, blocks *block.Budgets
	refused        [len(reasons)]atomic.Uint64
}

// New makes a server. It starts nothing.
func New(c Config) (*Server, error) {
	if c.UDP == nil && c.TCP == nil && c.TLS == nil || c.Secret == nil || c.Realm == "" {
		return nil, errors.New("relay: a socket, a secret and a realm are needed")
	}
	if len(c.Relay) > 0 && (c.Ports.Low == 0 || c.Ports.High < c.Ports.Low) {
		return nil, fmt.Errorf("relay: there are no ports from %d to %d", c.Ports.Low, c.Ports.High)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Machine == nil {
		c.Machine = (&block.Machine{}).Addresses
	}
	if c.Listen == nil {
		c.Listen = func(at netip.AddrPort) (net.PacketConn, error) { return OpenSocket(at.Addr().String(), int(at.Port())) }
	}
	limits := c.Limits.orDefaults()
	s := &Server{
		realm: c.Realm, secret: c.Secret, log: c.Log, clients: newClients(),
		peers:  &peers{relay: c.Relay, ports: c.Ports, allow: c.Allow, machine: c.Machine},
		houses: block.NewBudgets(houseRate, houseBurst), blocks: block.NewBudgets(blockRate, blockBurst),
	}
	s.allocations = newAllocations(s.peers, limits, c.Listen, s.count)
	if c.UDP != nil {
		if socket, ok := c.UDP.(*net.UDPConn); ok { // all that windows send comes in here; the system may grant less
			_ = socket.SetReadBuffer(readBuffer)
		}
		s.packets = &packets{PacketConn: c.UDP, desk: desk{server: s}, done: make(chan struct{})}
	}
	if c.TCP != nil || c.TLS != nil {
		s.streams = newStreams(s, limits, c.TCP, c.TLS)
	}
	return s, nil
}

// Run serves until ctx ends, and joins what it started.
func (s *Server) Run(ctx context.Context) error {
	config := turn.ServerConfig{
		Realm: s.realm, AuthHandler: s.authenticate, LoggerFactory: silence{},
		QuotaHandler:       func(account, _ string, from net.Addr) bool { return s.quota(account, from) },
		EventHandler:       s.events(),
		AllocationLifetime: lifetime, PermissionTimeout: permission, ChannelBindTimeout: channel, InboundMTU: maxFrame,
		// Without an address of IPv6 here whoever does not ask for one gets IPv4 (RFC 8656 §7.1), however it came in.
		StrictAddressFamily: !slices.ContainsFunc(s.peers.relay, netip.Addr.Is6),
	}
	if s.packets != nil {
		config.PacketConnConfigs = []turn.PacketConnConfig{{
			PacketConn: s.packets, RelayAddressGenerator: s.allocations, PermissionHandler: s.packets.permit,
		}}
	}
	if s.streams != nil {
		for _, e := range s.streams.entries {
			config.ListenerConfigs = append(config.ListenerConfigs, turn.ListenerConfig{
				Listener: e, RelayAddressGenerator: s.allocations, PermissionHandler: s.streams.permit,
			})
		}
	}
	server, err := turn.NewServer(config)
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	<-ctx.Done()
	err = server.Close()
	if s.packets != nil {
		<-s.packets.done
	}
	if s.streams != nil {
		s.streams.end()
	}
	s.allocations.end()
	return err
}

// AccountChanged is told of an account that was made, removed or given another secret: whatever is relayed for it ends.
func (s *Server) AccountChanged(account string) { s.allocations.drop(account) }

// authenticate finds whose credentials a request has, and the key of its integrity.
func (s *Server) authenticate(r *turn.RequestAttributes) (account string, key []byte, ok bool) {
	err := errRealm
	if r.Realm == s.realm {
		account, key, err = s.secret.key(r.Username, r.Realm, time.Now())
	}
	if err != nil {
		s.doubt(r.SrcAddr, err)
		return "", nil, false
	}
	return account, key, true
}

// doubt notes a request whose sender has not proved who it is.
func (s *Server) doubt(from net.Addr, err error) {
	s.count(credentials)
	at := sourceOf(from).at
	s.log.Info("relay refused: credentials", "peer", at, "err", err, loglimit.Stranger(block.Of(at.Addr())))
}

// quota says whether an account may have another allocation; if not, it is told 486 (RFC 8656 §7.2).
func (s *Server) quota(account string, from net.Addr) bool {
	if s.allocations.room(account) && s.allocations.spend(account) {
		return true
	}
	s.count(quota)
	s.log.Warn("relay refused: too many allocations", "aor", account, "peer", sourceOf(from).at)
	return false
}

// events follow who has an allocation, permissions and channels.
func (s *Server) events() turn.EventHandler {
	return turn.EventHandler{
		OnAuth: func(from, _ net.Addr, _, name, _, _ string, proven bool) {
			if !proven {
				s.doubt(from, errors.New("the password is wrong"))
			} else if s.streams != nil {
				s.streams.proven(from, name)
			}
		},
		OnAllocationCreated: func(from, _ net.Addr, _, account, _ string, at net.Addr, _ int) {
			s.clients.began(sourceOf(from), account)
			if s.streams != nil {
				s.streams.allocated(from, true)
			}
			s.log.Debug("relaying", "aor", account, "peer", sourceOf(from).at, "addr", at)
		},
		OnAllocationDeleted: func(from, _ net.Addr, _, account, _ string) {
			s.clients.ended(sourceOf(from))
			if s.streams != nil {
				s.streams.allocated(from, false)
			}
			s.log.Debug("no longer relaying", "aor", account, "peer", sourceOf(from).at)
		},
		OnPermissionCreated: func(from, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) {
			s.clients.permitted(sourceOf(from), peer, true)
		},
		OnPermissionDeleted: func(from, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) {
			s.clients.permitted(sourceOf(from), peer, false)
		},
		OnChannelCreated: func(from, _ net.Addr, _, _, _ string, _, _ net.Addr, number uint16) {
			s.clients.bound(sourceOf(from), number, true)
		},
		OnChannelDeleted: func(from, _ net.Addr, _, _, _ string, _, _ net.Addr, number uint16) {
			s.clients.bound(sourceOf(from), number, false)
		},
	}
}

// A reason is why something was not done.
type reason int

const (
	credentials reason = iota
	peer
	quota
	flood
	crowded
	narrow
	excess
)

// reasons are what the metrics call them.
var reasons = [...]string{credentials: "credentials", peer: "peer", quota: "quota", flood: "flood", crowded: "connections", narrow: "slow_connection", excess: "rate"}

func (s *Server) count(why reason) { s.refused[why].Add(1) }

// State is what the server does now, and has done.
func (s *Server) State() metrics.Relay {
	m := metrics.Relay{Refused: map[string]uint64{}}
	for i, name := range reasons {
		m.Refused[name] = s.refused[i].Load()
	}
	m.Allocations, m.Sent, m.Received = s.allocations.state()
	if s.streams != nil {
		m.Connections = s.streams.count()
	}
	return m
}
