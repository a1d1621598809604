package reach

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/turn/v5"

	"ewindow/media/udp"
)

const (
	// TURN over TCP and TLS is for those whom UDP does not get out: servers are tried in their order, the next one so much later, until
	// one relays (as RFC 8305 §5 has it for addresses). The first is tried at once: it may be the only way, and is waited for.
	dialAfter = 250 * time.Millisecond

	// Who answers later than gatherFor may still be of use: what is checked from there the other side learns by that.
	serverFor = 5 * time.Second

	relayBuffer = 1 << 20 // bytes that the kernel keeps of what a server passes on
)

type dialer func(ctx context.Context, network, address string, secure bool) (net.Conn, error)

// servers are the TURN servers that one attempt asks for addresses.
type servers struct {
	net  transport.Net
	dial dialer
	to   receiver
	all  []*stun.URI

	turns *turns // of checks

	relays   chan struct{} // closed when there is a relay
	once     sync.Once
	finished chan struct{} // closed when all have answered, or nobody waits for them any more
	running  sync.WaitGroup
	cancel   func()
	mu       sync.Mutex
	have     []*relayed
	closed   bool
}

// newServers takes those of the URIs that relay.
func newServers(n transport.Net, dial dialer, uris []*stun.URI, to receiver, t *turns) *servers {
	if dial == nil {
		dial = inClear
	}
	return &servers{
		net: n, dial: dial, to: to, turns: t, relays: make(chan struct{}), finished: make(chan struct{}), cancel: func() {},
		all: slices.DeleteFunc(slices.Clone(uris), func(u *stun.URI) bool { return !relaying(u) }),
	}
}

// mirrors are the servers that say how we look from outside: also those that relay by UDP. Each is asked once: each answer is an address
// that is checked with each of the other side's, which fills a narrow line.
func mirrors(uris []*stun.URI) []*stun.URI {
	var out []*stun.URI
	for _, u := range uris {
		m := stun.URI{Scheme: stun.SchemeTypeSTUN, Host: u.Host, Port: u.Port, Proto: stun.ProtoTypeUDP}
		asked := slices.ContainsFunc(out, func(o *stun.URI) bool { return *o == m })
		if !asked && (u.Scheme == stun.SchemeTypeSTUN || relaying(u) && u.Proto == stun.ProtoTypeUDP) {
			out = append(out, &m)
		}
	}
	return out
}

// relaying says whether a server is one of TURN, by a transport that is spoken here: not DTLS.
func relaying(u *stun.URI) bool {
	return (u.Scheme == stun.SchemeTypeTURN || secured(u)) && u.Username != "" && u.Password != ""
}

func secured(u *stun.URI) bool {
	return u.Scheme == stun.SchemeTypeTURNS && u.Proto == stun.ProtoTypeTCP
}

// begin asks all for an address, by both families. take is given each, and has it from then on.
func (s *servers) begin(take func(*relayed) error) {
	ctx, cancel := context.WithTimeout(context.Background(), serverFor)
	s.cancel = cancel
	var asked sync.WaitGroup
	streams := 0
	for _, u := range s.all {
		wait := time.Duration(0)
		families := []string{"udp4", "udp6"}
		if u.Proto == stun.ProtoTypeTCP {
			wait, families = time.Duration(streams)*dialAfter, []string{"tcp4", "tcp6"}
			streams++
		}
		for _, network := range families {
			asked.Add(1)
			s.running.Go(func() {
				defer asked.Done()
				if s.waits(ctx, wait) {
					s.ask(ctx, u, network, take)
				}
			})
		}
	}
	s.running.Go(func() {
		asked.Wait()
		cancel()
		close(s.finished)
	})
}

// done is closed when all servers have answered.
func (s *servers) done() <-chan struct{} { return s.finished }

// waits waits for a server's turn, and says whether it has come: another one may relay by then.
func (s *servers) waits(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	turn := time.NewTimer(d)
	defer turn.Stop()
	select {
	case <-turn.C:
		return true
	case <-s.relays:
	case <-ctx.Done():
	}
	return false
}

// ask asks one server for an address. Whoever gives none costs a way, and no call.
func (s *servers) ask(ctx context.Context, u *stun.URI, network string, take func(*relayed) error) {
	r, err := s.allocate(ctx, u, network)
	if err != nil {
		return
	}
	s.mu.Lock()
	over := s.closed || r.transport != "udp" && slices.ContainsFunc(s.have, func(h *relayed) bool { return h.transport == "udp" }) // nobody needs it
	if !over {
		s.have = append(s.have, r)
	}
	s.mu.Unlock()
	if over || take(r) != nil {
		_ = r.Close()
		return
	}
	s.once.Do(func() { close(s.relays) })
}

func (s *servers) allocate(ctx context.Context, u *stun.URI, network string) (r *relayed, err error) {
	r = &relayed{to: s.to, turns: s.turns, peers: map[netip.Addr]*admission{}}
	var server string
	if u.Proto == stun.ProtoTypeUDP {
		r.transport = "udp"
		r.under, server, err = s.listen(ctx, u, network)
	} else {
		r.transport = "tcp"
		if secured(u) {
			r.transport = "tls"
		}
		r.under, err = s.connect(ctx, u, network)
	}
	if err != nil {
		return nil, err
	}
	r.client, err = turn.NewClient(&turn.ClientConfig{
		Conn: r.under, TURNServerAddr: server, Username: u.Username, Password: u.Password, LoggerFactory: quiet(), Net: s.net,
	})
	if err == nil {
		err = r.client.Listen()
	}
	if err == nil {
		r.PacketConn, err = r.client.AllocateWithContext(ctx)
	}
	if err != nil {
		if r.client != nil {
			r.client.Close()
		}
		return nil, errors.Join(err, r.under.Close())
	}
	r.at, _ = udp.AddrPort(r.LocalAddr())
	return r, nil
}

// listen opens the socket for a server that is reached by UDP, and finds its address.
func (s *servers) listen(ctx context.Context, u *stun.URI, network string) (under net.PacketConn, server string, err error) {
	type answer struct {
		addr *net.UDPAddr
		err  error
	}
	found := make(chan answer, 1)
	go func() { // a name may take longer to be found than anybody waits
		addr, err := s.net.ResolveUDPAddr(network, net.JoinHostPort(u.Host, strconv.Itoa(u.Port)))
		found <- answer{addr, err}
	}()
	select {
	case a := <-found:
		if a.err != nil {
			return nil, "", a.err
		}
		server = a.addr.String()
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	any := "0.0.0.0:0"
	if network == "udp6" {
		any = "[::]:0"
	}
	under, err = s.net.ListenPacket(network, any)
	if socket, ok := under.(*net.UDPConn); ok {
		_ = socket.SetReadBuffer(relayBuffer) // as much as the system allows is good enough
	}
	return under, server, err
}

// connect connects to a server over TCP or TLS.
func (s *servers) connect(ctx context.Context, u *stun.URI, network string) (net.PacketConn, error) {
	c, err := s.dial(ctx, network, net.JoinHostPort(u.Host, strconv.Itoa(u.Port)), secured(u))
	if err != nil {
		return nil, err
	}
	return newStream(c), nil
}

// at is the carrier with an address of ours, or nil.
func (s *servers) at(addr netip.AddrPort) carrier {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.have {
		if r.at == addr {
			return r
		}
	}
	return nil
}

// relaysAt says whether an address is one at which a server relays for us.
func (s *servers) relaysAt(addr netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.have, func(r *relayed) bool { return r.at.Addr() == addr })
}

// has says whether a carrier is one of these.
func (s *servers) has(c carrier) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.have, func(r *relayed) bool { return r == c })
}

// end has nobody wait for a server any more.
func (s *servers) end() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
}

// wait waits for the end of what end has ended, and gives all addresses back.
func (s *servers) wait() {
	s.running.Wait()
	for _, r := range s.have {
		_ = r.Close()
	}
}

var errNoTLS = errors.New("there is no TLS here")

// inClear connects over TCP.
func inClear(ctx context.Context, network, address string, secure bool) (net.Conn, error) {
	if secure {
		return nil, errNoTLS
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
