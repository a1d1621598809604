package main

import (
	"context"
	"fmt"
	"net/netip"
)

// The ranges behind routers. Each home has the same one, as homes do.
const (
	home    = "192.168.1"
	carrier = "100.64.0" // between a carrier's router and its customers' (RFC 6598)
)

// behaviour is what a router does beside translating addresses. Its zero value is an ordinary router at home: the kernel's
// masquerade, which keeps a port where it can, whoever it is for, and lets in only what answers (RFC 4787: in effect mapping
// is independent of the destination, filtering is by its address and port). It translates nothing back to its own side
// (no hairpinning). IPv6 it passes on untranslated, and lets in of it too what answers.
type behaviour struct {
	random   bool   // a port at random for each destination ("symmetric")
	forwards bool   // UDP from anybody goes to the first machine behind it ("full cone", DMZ)
	lets     string // what gets out, in nft's words; empty for everything
	isolates bool   // those behind it cannot reach each other, as in a guest Wi-Fi
	answers  bool   // it refuses strangers instead of ignoring them, and remembers them
	mtu      int    // of its uplink, both ways; 0 for 1,500
}

// What restrictive networks let out, beside answers.
const (
	allButUDP = "meta l4proto != udp accept\nudp dport 53 accept" // names have to be looked up
	only443   = "tcp dport 443 accept"
)

// router is a machine with others behind it.
type router struct {
	*machine
	behaviour
	lan   string // the first three numbers of the addresses behind it
	hosts int    // how many addresses it has given away
}

const firstHost = 10

// set has the router do what it is to do. Nobody is behind it yet.
func (r *router) set(ctx context.Context) error {
	if err := forward(r.Namespace); err != nil {
		return err
	}
	if err := r.IP(ctx, "link add "+bridge+" type bridge", "addr add "+r.lan+".1/24 dev "+bridge, "link set "+bridge+" up"); err != nil {
		return err
	}
	if r.has.six.IsValid() {
		if err := r.IP(ctx, "addr add "+sixth(behind+r.number)+"1/64 dev "+bridge+" nodad"); err != nil {
			return err
		}
	}
	if r.mtu != 0 {
		if err := r.narrow(ctx); err != nil {
			return err
		}
	}
	return r.Run(ctx, "nft", r.rules())
}

// narrow sets the MTU of the uplink, at both ends: each tells whoever sends more (RFC 1191).
func (r *router) narrow(ctx context.Context) error {
	net, is := r.above.(*internet)
	if !is {
		return fmt.Errorf("%s is behind another router: only the uplink to the internet can be narrow", r.name)
	}
	if err := net.IP(ctx, fmt.Sprintf("link set %s mtu %d", r.name, r.mtu)); err != nil {
		return err
	}
	return r.IP(ctx, fmt.Sprintf("link set %s mtu %d", uplink, r.mtu))
}

// rules are the router's, for nft. What comes from outside and was not asked for gets no answer, and leaves no trace: else it
// would take the port that those behind the router are to have for it.
func (r *router) rules() string {
	how, in, out, strangers := "masquerade", "", "accept", "drop"
	if r.random {
		how = "masquerade fully-random"
	}
	if r.forwards {
		in = fmt.Sprintf("iifname %q meta l4proto udp dnat to %s.%d", uplink, r.lan, firstHost)
	}
	if r.answers {
		strangers = "accept" // and has nothing that listens
	}
	if r.lets != "" {
		out = r.lets
	}
	return fmt.Sprintf(`
table ip nat {
	chain in {
		type nat hook prerouting priority dstnat
		%s
	}
	chain out {
		type nat hook postrouting priority srcnat
		oifname %q %s
	}
}
table inet filter {
	chain input {
		type filter hook input priority filter
		iifname %q ct state new,invalid %s
	}
	chain forward {
		type filter hook forward priority filter
		policy drop
		ct state established,related accept
		ct status dnat accept
		iifname %q jump out
	}
	chain out {
		%s
	}
}`, in, uplink, how, uplink, strangers, bridge, out)
}

func (r *router) join(ctx context.Context, m *machine) error {
	m.number = r.hosts
	if err := m.cable(ctx, r.Namespace); err != nil {
		return err
	}
	port := "link set " + m.name + " master " + bridge
	if r.isolates {
		return r.IP(ctx, port, "link set "+m.name+" type bridge_slave isolated on")
	}
	return r.IP(ctx, port)
}

func (r *router) lease(_ context.Context, _ *machine) (lease, error) {
	l := lease{
		address: netip.MustParsePrefix(fmt.Sprintf("%s.%d/24", r.lan, firstHost+r.hosts)),
		gateway: netip.MustParseAddr(r.lan + ".1"),
	}
	if r.has.six.IsValid() {
		l.gatewaySix = netip.MustParseAddr(sixth(behind+r.number) + "1")
		l.six = netip.MustParsePrefix(fmt.Sprintf("%s%d/64", sixth(behind+r.number), firstHost+r.hosts))
	}
	r.hosts++
	return l, nil
}

// off takes the router off its cables, and has it forget whom it translated; on puts it back with the address that it had.
func (r *router) off(ctx context.Context) error {
	if err := r.IP(ctx, "link set "+uplink+" down", "link set "+bridge+" down"); err != nil {
		return err
	}
	return r.forget(ctx)
}

func (r *router) on(ctx context.Context) error {
	if err := r.IP(ctx, "link set "+bridge+" up", "link set "+uplink+" up"); err != nil {
		return err
	}
	return r.configure(ctx)
}

func (r *router) forget(ctx context.Context) error { return r.Run(ctx, "conntrack", "-F") }
