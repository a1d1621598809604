package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"ewindow/scripts/stage"
)

const (
	uplink = "uplink" // a machine's device on the way to the internet
	bridge = "lan"    // a router's device for those behind it
)

// network is what machines are joined to by a cable, and have their addresses from.
type network interface {
	join(ctx context.Context, m *machine) error
	lease(ctx context.Context, m *machine) (lease, error) // another one each time
}

// lease is an address, as DHCP gives it, and one of IPv6 beside it where there is that.
type lease struct {
	address, six        netip.Prefix
	gateway, gatewaySix netip.Addr
}

// machine is what has one cable on the way to the internet: a window's, the registrar's, a router.
type machine struct {
	*stage.Namespace
	name   string
	above  network
	number int // of its cable there
	leases int // how many addresses it has had
	has    lease
}

// newMachine joins a machine to a network, and gets it an address.
func (w *world) newMachine(ctx context.Context, name string, above network) (*machine, error) {
	space, err := w.space(ctx)
	if err != nil {
		return nil, err
	}
	m := &machine{Namespace: space, name: name, above: above}
	if err := above.join(ctx, m); err != nil {
		return nil, err
	}
	return m, m.renew(ctx)
}

// cable lays a machine's cable. Its other end is called by the machine's name.
func (m *machine) cable(ctx context.Context, to *stage.Namespace) error {
	return stage.Cable(ctx, to, m.name, m.Namespace, uplink)
}

// renew gives the machine another address than it has, as a DHCP server may.
func (m *machine) renew(ctx context.Context) (err error) {
	if m.has, err = m.above.lease(ctx, m); err != nil {
		return err
	}
	m.leases++
	return m.configure(ctx)
}

// configure puts the address that the machine has on its device, in the place of any other.
func (m *machine) configure(ctx context.Context) error {
	commands := []string{
		"addr flush dev " + uplink + " scope global",
		"addr add " + m.has.address.String() + " dev " + uplink,
		"route replace default via " + m.has.gateway.String(),
	}
	if m.has.six.IsValid() {
		commands = append(commands, "addr add "+m.has.six.String()+" dev "+uplink+" nodad", "route replace default via "+m.has.gatewaySix.String())
	}
	return m.IP(ctx, commands...)
}

// internet is a router in the middle, with a cable to everybody who has a public address: a /30 for each.
type internet struct {
	*stage.Namespace
	cables int
	six    bool // it has IPv6 as well
}

// blocks are the public addresses: the nets that are kept for documentation (RFC 5737). Who gets another address gets it from
// the next one.
var blocks = []string{"203.0.113", "198.51.100", "192.0.2"}

func (i *internet) join(ctx context.Context, m *machine) error {
	m.number = i.cables
	i.cables++
	return m.cable(ctx, i.Namespace)
}

func (i *internet) lease(ctx context.Context, m *machine) (l lease, _ error) {
	block, first := blocks[m.leases%len(blocks)], 4*m.number
	l.gateway = netip.MustParseAddr(fmt.Sprintf("%s.%d", block, first+1))
	l.address = netip.MustParsePrefix(fmt.Sprintf("%s.%d/30", block, first+2))
	commands := []string{ // an old address leads nowhere any more
		"addr flush dev " + m.name + " scope global",
		"addr add " + l.gateway.String() + "/30 dev " + m.name,
	}
	if i.six {
		l.gatewaySix, l.six = netip.MustParseAddr(sixth(m.number)+"1"), netip.MustParsePrefix(sixth(m.number)+"2/64")
		commands = append(commands, "addr add "+l.gatewaySix.String()+"/64 dev "+m.name+" nodad",
			fmt.Sprintf("route replace %s/64 via %s", sixth(behind+m.number), l.six.Addr()))
	}
	return l, i.IP(ctx, commands...)
}

// behind is added to a cable's number for the network of IPv6 that is behind whoever has that cable.
const behind = 100

// sixth are the first half of the addresses of a network of IPv6 (RFC 3849).
func sixth(number int) string { return fmt.Sprintf("2001:db8:%d::", number) }

// world is what a cell plays in.
//
//	                    internet (routes)
//	       ┌───────────────┼─────────────────┐
//	registrar        routers of a side   those of the other, or none
//	203.0.113.2        203.0.113.6           203.0.113.10
//	                       │                 │
//	                    milano             munich
//	                   192.168.1.10       192.168.1.10
type world struct {
	registrar *machine
	windows   [2]*machine
	routers   [2][]*router // of each side, seen from the internet
	spaces    []*stage.Namespace
}

var spaces = [2]string{"milano", "munich"}

// build makes the world of a cell. It has to be closed, also after an error.
func build(ctx context.Context, c cell) (*world, error) {
	w := &world{}
	space, err := w.space(ctx)
	if err != nil {
		return w, err
	}
	net := &internet{Namespace: space, six: c.six}
	if err := forward(space); err != nil {
		return w, err
	}
	if w.registrar, err = w.newMachine(ctx, "registrar", net); err != nil {
		return w, err
	}
	for side := range w.windows {
		if side == 1 && c.together {
			w.routers[1] = w.routers[0]
		} else if err := w.buildRouters(ctx, c, side, net); err != nil {
			return w, err
		}
		var above network = net
		if n := len(w.routers[side]); n > 0 {
			above = w.routers[side][n-1]
		}
		if w.windows[side], err = w.newMachine(ctx, spaces[side], above); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *world) buildRouters(ctx context.Context, c cell, side int, net network) error {
	above := net
	for depth, b := range c.sides[side] {
		m, err := w.newMachine(ctx, fmt.Sprintf("router-%d-%d", side, depth), above)
		if err != nil {
			return err
		}
		lan := home
		if depth < len(c.sides[side])-1 {
			lan = carrier
		}
		r := &router{machine: m, behaviour: b, lan: lan}
		if err := r.set(ctx); err != nil {
			return err
		}
		w.routers[side], above = append(w.routers[side], r), r
	}
	return nil
}

func (w *world) space(ctx context.Context) (*stage.Namespace, error) {
	n, err := stage.NewNamespace(ctx)
	if err != nil {
		return nil, err
	}
	w.spaces = append(w.spaces, n)
	return n, settled(n)
}

// settled has a machine use its addresses of IPv6 at once, as one that was switched on a while ago: as long as it looks whether somebody
// else has them (RFC 4862 §5.4), for two seconds, its neighbours get no answer.
func settled(n *stage.Namespace) error {
	return n.Within(func() error {
		return errors.Join(
			os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0),
			os.WriteFile("/proc/sys/net/ipv6/conf/default/dad_transmits", []byte("0"), 0))
	})
}

func (w *world) close() {
	for _, n := range w.spaces {
		n.Remove()
	}
}

// forward has a machine pass packets on. The files are those of the thread's namespace.
func forward(n *stage.Namespace) error {
	return n.Within(func() error {
		return errors.Join(
			os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0),
			os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0))
	})
}
