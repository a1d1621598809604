package reach

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"ewindow/media/udp"
)

const (
	askAgain = time.Second // after a permission that was neither given nor refused
	maxPeers = 64          // addresses that a server is asked to let in: more than a call has
)

// relayed is an address of ours at a TURN server (RFC 8656). Like conn it is a socket of pion's that keeps media from it.
//
// It never waits: pion asks all pairs of addresses from one goroutine, and an address that the server is slow to let in, or refuses
// again and again, must not keep the others back.
type relayed struct {
	net.PacketConn // the allocation
	client         *turn.Client
	under          net.PacketConn // to the server
	at             netip.AddrPort
	transport      string // to the server: udp, tcp, tls
	to             receiver
	from           *place // of the last of media; the reader's alone
	turns          *turns
	quiet          atomic.Bool // it makes no checks yet, see tells

	mu     sync.Mutex
	peers  map[netip.Addr]*admission // by whom the server lets send to us
	asking sync.WaitGroup
	closed bool
}

// admission is what the server says of an address (RFC 8656 §9).
type admission struct {
	asking, given, refused bool
	asked                  time.Time
}

// Send sends to an address, once the server lets it in. The first datagram asks for that; others are lost meanwhile.
func (r *relayed) Send(b []byte, to netip.AddrPort) error {
	switch given, ask := r.admits(to.Addr(), time.Now()); {
	case given:
		_, err := r.PacketConn.WriteTo(b, net.UDPAddrFromAddrPort(to))
		return err
	case ask:
		b := slices.Clone(b)
		go func() {
			defer r.asking.Done()
			_, err := r.PacketConn.WriteTo(b, net.UDPAddrFromAddrPort(to)) // asks first
			r.answered(to.Addr(), err)
		}()
	}
	return nil
}

// admits says whether the server lets an address in, or whether it is to be asked now: then asking counts one more.
func (r *relayed) admits(ip netip.Addr, now time.Time) (given, ask bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.peers[ip]
	switch {
	case r.closed:
		return false, false
	case a == nil:
		if len(r.peers) >= maxPeers {
			return false, false
		}
		a = &admission{}
		r.peers[ip] = a
	case a.given:
		return true, false
	case a.asking, a.refused, now.Sub(a.asked) < askAgain:
		return false, false
	}
	a.asking, a.asked = true, now
	r.asking.Add(1)
	return false, true
}

// answered notes what the server said. Whoever is forbidden once is so for good: servers go by addresses.
func (r *relayed) answered(ip netip.Addr, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.peers[ip]
	a.asking, a.given = false, err == nil
	var said *stun.TurnError
	a.refused = errors.As(err, &said) && said.ErrorCodeAttr.Code == stun.CodeForbidden
}

// SendAll sends several.
func (r *relayed) SendAll(datagrams [][]byte, to netip.AddrPort) (failed int, err error) {
	for _, b := range datagrams {
		if e := r.Send(b, to); e != nil {
			failed, err = failed+1, e
		}
	}
	return failed, err
}

// WriteTo is pion's way of sending.
func (r *relayed) WriteTo(b []byte, to net.Addr) (int, error) {
	at, ok := udp.AddrPort(to)
	if !ok {
		return 0, net.ErrWriteToConnected
	}
	switch {
	case !check(b):
	case !r.turns.may(lane{r, at}, time.Now()):
		return len(b), nil
	case r.quiet.Load(): // it is let in meanwhile
		admitAt(r, at)
		return len(b), nil
	}
	return len(b), r.Send(b, at)
}

// ReadFrom gives pion what is its own. It is the only reader.
func (r *relayed) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		at, ok := udp.AddrPort(from)
		switch {
		case !ok || n == 0:
			continue
		case b[0] > 3:
			r.to.came(r, b[:n], at, time.Now())
			continue
		case r.to.answers(r, b[:n], at):
			continue
		}
		r.turns.heard(lane{r, at}, time.Now())
		return n, from, nil
	}
}

// last is where the last of media came from.
func (r *relayed) last() **place { return &r.from }

// Close gives the address back, and waits for what is asked for it. It may be called more than once.
func (r *relayed) Close() error {
	r.mu.Lock()
	again := r.closed
	r.closed = true
	r.mu.Unlock()
	if again {
		return nil
	}
	err := r.PacketConn.Close()
	r.client.Close()
	err = errors.Join(err, r.under.Close())
	r.asking.Wait()
	return err
}
