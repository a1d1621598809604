package reach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"

	"ewindow/media/negotiate"
	"ewindow/media/udp"
)

const (
	// All pairs are checked so often until one works: thirty checks of 130 bytes are a tenth of a second of a line of 300 kbit/s, before
	// which the first picture must not have to wait for long.
	checkEvery = 100 * time.Millisecond

	// While another way carries nobody waits for what is found, and its packets stand behind the checks: on 300 kbit/s these had
	// halved the pictures a second for good, each time a relay's way was tried to be bettered.
	checkBeside = 300 * time.Millisecond
	carrying    = 100 * time.Millisecond // a way from which something authentic came so long ago at most

	briefly = 2 * time.Second // a search for something better is given up by who decides, and by the other side after as long again

	// A way through routers is worth a moment's wait, and one without a relay a longer one: it is kept for the whole call.
	reflexiveWait = 50 * time.Millisecond
	relayWait     = 400 * time.Millisecond

	// Who has a relay has a way, and waits no longer for more than so long: one by TCP takes longer to come than all else, which is
	// why by then UDP is known to be shut.
	relayEnough    = 100 * time.Millisecond
	relayEnoughTCP = 300 * time.Millisecond
)

// attempt is one search for a stream's way, with credentials of its own: pion's agent and its sockets.
type attempt struct {
	of      *path
	agent   *ice.Agent
	sockets *sockets
	servers *servers
	ours    bool // we decide
	brief   bool // it is given up soon

	component uint16
	alone     bool // the other side is on this machine
	near      bool // or at its cable

	doubtful atomic.Bool // nothing answers on the way

	early   atomic.Bool   // what was not known in time follows
	first   chan struct{} // closed when there is a way
	some    sync.Once     // closes it
	whole   chan struct{} // closed when there are no more to come
	over    chan struct{} // closed by close
	closing sync.Once
	running sync.WaitGroup
	turns   turns // of checks

	mu       sync.Mutex
	local    negotiate.ICE    // as gathered
	said     negotiate.ICE    // of it, as the other side has been told
	host     []netip.AddrPort // of it
	remote   string           // fragment of the other side; empty until checks began
	password string           // of the other side
	controls bool             // our role in it
	consent  consent          // once there is a way
	begun    time.Time        // when checks did
	theirs   []string         // kinds of their candidates
	checked  admitted         // those of them that are checked

	theirHosts map[netip.Addr]bool // addresses of their candidates: whether a machine of theirs has it itself
	translated map[bool]bool       // of IPv4 (true) or IPv6: servers see us at an address that this machine does not have

	kinds []string // of ours
	path  string   // of the pair that was chosen; empty while there is none
}

// newAttempt makes an agent and starts nothing. A brief one asks no relays.
func newAttempt(p *path, uris []*stun.URI, c credentials, brief bool) (*attempt, error) {
	a := &attempt{of: p, brief: brief, component: p.component, alone: p.cfg.Local.IsLoopback(), near: p.cfg.Local.IsLinkLocalUnicast(),
		first: make(chan struct{}), whole: make(chan struct{}), over: make(chan struct{})}
	n := &sockets{Net: p.cfg.Net, to: a, turns: &a.turns}
	if n.Net == nil {
		machine, err := stdnet.NewNet() // which keeps the addresses of the moment
		if err != nil {
			return nil, fmt.Errorf("list this machine's addresses: %w", err)
		}
		n.Net = machine
	}
	options := []ice.AgentOption{
		ice.WithUrls(mirrors(uris)), ice.WithNet(n), ice.WithLoggerFactory(quiet()),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost, ice.CandidateTypeServerReflexive}), // relays are ours
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled), ice.WithDisableActiveTCP(),
		ice.WithCheckInterval(p.pace(time.Now())), ice.WithMaxBindingRequests(checksMost),
		ice.WithKeepaliveInterval(0), ice.WithDisconnectedTimeout(0), ice.WithFailedTimeout(0), // consent is ours
		ice.WithSrflxAcceptanceMinWait(reflexiveWait), ice.WithPrflxAcceptanceMinWait(reflexiveWait), ice.WithRelayAcceptanceMinWait(relayWait),
		ice.WithSTUNGatherTimeout(p.cfg.patience()), ice.WithLocalCredentials(c.fragment, c.password),
	}
	if onLoopback(n.Net, p.cfg.Local) { // all of it on one machine
		options = append(options, ice.WithIncludeLoopback())
	}
	agent, err := ice.NewAgentWithOptions(options...)
	if err != nil {
		return nil, fmt.Errorf("begin ICE: %w", err)
	}
	if brief {
		uris = nil
	}
	a.agent, a.sockets, a.servers = agent, n, newServers(n.Net, p.cfg.Dial, uris, a, &a.turns)
	return a, agent.OnSelectedCandidatePairChange(func(local, remote ice.Candidate) { p.found(a, local, remote) })
}

// came takes media.
func (a *attempt) came(c carrier, b []byte, from netip.AddrPort, at time.Time) {
	a.of.came(c, b, from, at)
}

// onLoopback says whether an address is one of the machine's loopback interface, which has others than 127.0.0.1 in namespaces.
func onLoopback(n transport.Net, addr netip.Addr) bool {
	interfaces, _ := n.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 {
			continue
		}
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == addr.Unmap() {
				return true
			}
		}
	}
	return addr.IsLoopback()
}

// quiet is pion's log: what matters is said by whoever has the call.
func quiet() logging.LoggerFactory {
	return &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
}

// gather finds out where we can be reached: until all is known that is waited for, or once it is early, something.
func (a *attempt) gather(ctx context.Context, early <-chan struct{}) error {
	arrived := make(chan ice.Candidate, 64)
	err := a.agent.OnCandidate(func(c ice.Candidate) {
		select {
		case arrived <- c:
		default:
		}
	})
	if err == nil {
		err = a.agent.GatherCandidates()
	}
	if err != nil {
		return fmt.Errorf("gather ICE candidates: %w", err)
	}
	a.servers.begin(func(r *relayed) error { return a.relay(r) })
	a.running.Go(func() { a.collect(arrived) })
	if err := a.await(ctx, early); err != nil {
		return err
	}
	return a.keep()
}

// enough is how long more ways are waited for than this relay.
func enough(r *ice.CandidateRelay) time.Duration {
	if r.RelayProtocol() == "udp" {
		return relayEnough
	}
	return relayEnoughTCP
}

// relay takes an address at a server for one of ours.
func (a *attempt) relay(r *relayed) error {
	base, ok := udp.AddrPort(r.under.LocalAddr())
	if !ok {
		base = netip.AddrPortFrom(r.at.Addr(), 0)
	}
	c, err := ice.NewCandidateRelay(&ice.CandidateRelayConfig{
		Network: "udp", Address: r.at.Addr().String(), Port: int(r.at.Port()), Component: ice.ComponentRTP,
		RelAddr: base.Addr().String(), RelPort: int(base.Port()), RelayProtocol: r.transport,
	})
	if err != nil {
		return err
	}
	r.quiet.Store(a.early.Load() && !a.complete())
	return a.agent.AddVirtualCandidate(c, r)
}

// keep notes what was gathered by now.
func (a *attempt) keep() error {
	more := a.early.Load() && !a.complete()
	candidates, err := a.agent.GetLocalCandidates()
	if err != nil {
		return fmt.Errorf("gather ICE candidates: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.local.Fragment, a.local.Password, err = a.agent.GetLocalUserCredentials(); err != nil {
		return fmt.Errorf("gather ICE candidates: %w", err)
	}
	var names []string
	a.local.Candidates, a.local.More, a.host = nil, more, nil
	for _, c := range candidates {
		a.local.Candidates = append(a.local.Candidates, a.written(c))
		names = append(names, nameOf(c))
		if at, ok := address(c); ok && c.Type() == ice.CandidateTypeHost {
			a.host = append(a.host, at)
		}
	}
	a.kinds = kinds(names)
	a.translated = translated(candidates, a.host)
	if len(a.host) == 0 {
		return errors.New("gather ICE candidates: this machine has no address to be reached at; is its network up?")
	}
	return nil
}

// preferred is where this machine is reached without a router between: at an address, or if it has that no more, at any.
func (a *attempt) preferred(at netip.Addr) netip.AddrPort {
	for _, h := range a.host {
		if h.Addr() == at {
			return h
		}
	}
	return a.host[0]
}

// start begins to check the ways to the other side.
func (a *attempt) start(theirs *negotiate.ICE) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remote, a.password, a.controls, a.begun = theirs.Fragment, theirs.Password, a.ours || theirs.Lite, time.Now()
	a.theirHosts = map[netip.Addr]bool{}
	if err := a.add(theirs.Candidates); err != nil {
		return err
	}
	begin := a.agent.StartAccept
	if a.controls { // who makes no checks cannot decide (RFC 8445 §6.1.1)
		begin = a.agent.StartDial
	}
	if _, err := begin(theirs.Fragment, theirs.Password); err != nil {
		return fmt.Errorf("begin ICE's checks: %w", err)
	}
	return nil
}

// check takes further candidates of the other side.
func (a *attempt) check(theirs []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.add(theirs)
}

// add has them checked that are worth it. The caller holds mu.
func (a *attempt) add(theirs []string) error {
	names := slices.Clone(a.theirs)
	for _, c := range a.worthChecks(theirs) {
		at, _ := address(c)
		names = append(names, nameOf(c))
		a.theirHosts[at.Addr()] = a.theirHosts[at.Addr()] || c.Type() == ice.CandidateTypeHost
		if err := a.agent.AddRemoteCandidate(c); err != nil {
			return fmt.Errorf("add an ICE candidate: %w", err)
		}
	}
	a.theirs = kinds(names)
	return nil
}

// worthChecks are the other side's candidates that are checked. What cannot be read, and names, which would have us ask a DNS server
// of a stranger's choice, are left out, and what has been named before. The caller holds mu.
func (a *attempt) worthChecks(theirs []string) (out []ice.Candidate) {
	for _, text := range theirs {
		c, err := ice.UnmarshalCandidate(text)
		if err != nil || c.Component() != a.component || !c.NetworkType().IsUDP() {
			continue
		}
		at, ok := address(c)
		if !ok || !a.checkable(at) || !a.checked.admit(at) {
			continue
		}
		out = append(out, c)
	}
	return out
}

// checkable says whether checks may go to an address that a stranger named: only to what could be a machine, and to
// this one, or one at its cable, alone where all of the call is there.
func (a *attempt) checkable(at netip.AddrPort) bool {
	ip := at.Addr()
	return at.Port() != 0 && !ip.IsUnspecified() && !ip.IsMulticast() && (!ip.IsLinkLocalUnicast() || ip.Is4() && a.near) && (!ip.IsLoopback() || a.alone) &&
		ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// close ends the agent and its sockets.
func (a *attempt) close() error {
	a.servers.end()
	a.closing.Do(func() { close(a.over) })
	err := a.agent.Close()
	a.servers.wait()
	a.running.Wait()
	return err
}

// carrier is what a candidate of ours sends by; nil if that is gone.
func (a *attempt) carrier(local ice.Candidate) carrier {
	if local.Type() == ice.CandidateTypeRelay {
		if at, ok := address(local); ok {
			return a.servers.at(at)
		}
		return nil
	}
	if at, ok := base(local); ok {
		if c := a.sockets.at(at); c != nil {
			return c
		}
	}
	return nil
}

// has says whether a carrier is of this attempt.
func (a *attempt) has(c carrier) bool { return a.sockets.has(c) || a.servers.has(c) }

// address is a candidate's, if it has one: no name.
func address(c ice.Candidate) (netip.AddrPort, bool) {
	ip, err := netip.ParseAddr(c.Address())
	if err != nil || c.Port() < 0 || c.Port() > 65535 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(c.Port())), true
}

// base is the address of the socket that a candidate of ours belongs to (RFC 8445 §4).
func base(c ice.Candidate) (netip.AddrPort, bool) {
	if r := c.RelatedAddress(); r != nil && c.Type() != ice.CandidateTypeHost {
		return parse(r.Address, r.Port)
	}
	return address(c)
}

func parse(host string, port int) (netip.AddrPort, bool) {
	at, err := netip.ParseAddrPort(net.JoinHostPort(host, strconv.Itoa(port)))
	return at, err == nil
}

// nameOf is the kind of a candidate.
func nameOf(c ice.Candidate) string {
	switch c.Type() {
	case ice.CandidateTypeHost:
		return "host"
	case ice.CandidateTypeRelay:
		if r, ok := c.(*ice.CandidateRelay); ok && r.RelayProtocol() != "" {
			return "relay/" + strings.ToLower(r.RelayProtocol())
		}
		return "relay"
	}
	return "srflx"
}

// name is the kind of a way, by what is between: a relay, nothing, or a router of ours or theirs. The caller holds mu.
func (a *attempt) name(local, remote ice.Candidate) string {
	at, _ := address(remote)
	switch {
	case local.Type() == ice.CandidateTypeRelay:
		return nameOf(local)
	case remote.Type() == ice.CandidateTypeRelay:
		return nameOf(remote)
	case a.theirHosts[at.Addr()] && (at.Addr().IsPrivate() || !a.translated[at.Addr().Is4()]): // also by a port that it has not named
		return "host"
	case a.theirHosts[at.Addr()]:
		return "srflx"
	case a.servers.relaysAt(at.Addr()): // by one that it got after it had named all others
		return "relay"
	}
	return "srflx"
}

// translated says of each family of addresses whether there is a router between this machine and the servers that see it.
func translated(candidates []ice.Candidate, hosts []netip.AddrPort) map[bool]bool {
	out := map[bool]bool{}
	for _, c := range candidates {
		at, ok := address(c)
		own := slices.ContainsFunc(hosts, func(h netip.AddrPort) bool { return h.Addr() == at.Addr() })
		if ok && !own && c.Type() == ice.CandidateTypeServerReflexive {
			out[at.Addr().Is4()] = true
		}
	}
	return out
}
