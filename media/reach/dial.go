package reach

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// TURN over TCP and TLS is for those whom UDP does not get out: servers are tried in their order, the next one so much later, until one
// relays (as RFC 8305 §5 has it for addresses). The first is tried at once: it may be the only way, and is waited for.
const dialAfter = 250 * time.Millisecond

// dials opens the connections to TURN servers for one attempt. It is pion's proxy.Dialer.
type dials struct {
	dial    func(ctx context.Context, network, address string, secure bool) (net.Conn, error)
	order   []string      // addresses as pion asks for them
	relayed chan struct{} // closed when there is a relay
	ended   chan struct{} // closed by end

	once, over sync.Once
}

func newDials(dial func(context.Context, string, string, bool) (net.Conn, error), uris []*stun.URI) *dials {
	d := &dials{dial: dial, relayed: make(chan struct{}), ended: make(chan struct{})}
	if dial == nil {
		d.dial = inClear
	}
	for _, u := range uris {
		if u.Scheme == stun.SchemeTypeTURN && u.Proto == stun.ProtoTypeTCP || secured(u) {
			d.order = append(d.order, net.JoinHostPort(u.Host, strconv.Itoa(u.Port)))
		}
	}
	return d
}

// enough says that there is a relay: nobody needs another one.
func (d *dials) enough() { d.once.Do(func() { close(d.relayed) }) }

// end ends what is under way.
func (d *dials) end() { d.over.Do(func() { close(d.ended) }) }

var (
	errUnneeded = errors.New("another server relays")
	errOver     = errors.New("the search has ended")
	errNoTLS    = errors.New("there is no TLS here")
)

// Dial connects to a server. It is called once for each family of addresses.
func (d *dials) Dial(network, address string) (net.Conn, error) {
	if i := slices.Index(d.order, address); i > 0 {
		turn := time.NewTimer(time.Duration(i) * dialAfter)
		defer turn.Stop()
		select {
		case <-turn.C:
		case <-d.relayed:
			return nil, errUnneeded
		case <-d.ended:
			return nil, errOver
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), gatherFor)
	defer cancel()
	connected := make(chan struct{})
	defer close(connected)
	go func() {
		select {
		case <-d.ended:
			cancel()
		case <-connected:
		}
	}()
	address, secure := unmarked(address)
	return d.dial(ctx, network, address, secure)
}

// inClear connects over TCP.
func inClear(ctx context.Context, network, address string, secure bool) (net.Conn, error) {
	if secure {
		return nil, errNoTLS
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// pion asks for connections by address alone, whether they are to be of TLS or not. A host of TLS has this before it.
const overTLS = "tls|"

func secured(u *stun.URI) bool {
	return u.Scheme == stun.SchemeTypeTURNS && u.Proto == stun.ProtoTypeTCP
}

// marked is a URI whose host says that it is of TLS.
func marked(u *stun.URI) *stun.URI {
	if secured(u) {
		u.Host = overTLS + u.Host
	}
	return u
}

// unmarked is an address as it is, and whether it is of TLS.
func unmarked(address string) (string, bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, false
	}
	host, secure := strings.CutPrefix(host, overTLS)
	return net.JoinHostPort(host, port), secure
}
