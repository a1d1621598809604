package main

import (
	"fmt"
	"slices"
	"strings"
)

// cell is a place for two windows: what stands between them and the internet, and what happens to them there.
type cell struct {
	name, text string
	sides      [2][]behaviour // routers of milano and of munich, seen from the internet; none: a public address
	together   bool           // munich is behind milano's routers as well
	six        bool           // there is IPv6 as well
	shared     bool           // the registrar is at port 443 as well, and its relay
	elsewhere  bool           // the relay is a coturn
	path       ways           // by which the call is to go
	fault      *fault         // what happens during the call, or nil
}

// ways are what each window may call the way that its call goes, as the status of a window has it.
type ways [2]string

var (
	host     = ways{"host", "host"}
	srflx    = ways{"srflx", "srflx"}
	relay    = ways{"relay/udp relay", "relay/udp relay"} // by a server of its own, or by one of its partner's
	relayTCP = ways{"relay/tcp relay/tls", "relay/udp relay"}
	relayTLS = ways{"relay/tls relay", "relay/udp relay"}
	bothTCP  = ways{"relay/tcp relay/tls", "relay/tcp relay/tls"}
	some     = ways{"srflx relay/udp relay", "srflx relay/udp relay"} // whoever is first decides
)

// Routers.
var (
	keeps     = []behaviour{{}}
	symmetric = []behaviour{{random: true}}
	forwarded = []behaviour{{forwards: true}}
	twice     = []behaviour{{}, {}}
	noUDP     = []behaviour{{lets: allButUDP}}
	https     = []behaviour{{lets: only443}}
	answering = []behaviour{{answers: true}}
	guests    = []behaviour{{isolates: true}}
	narrow    = []behaviour{{mtu: 1280}}
	narrowSym = []behaviour{{mtu: 1280, random: true}}
	public    = []behaviour(nil)
)

var cells = []cell{
	{name: "none", text: "both have public addresses", path: host},
	{name: "masquerade-one", text: "one behind a router", sides: [2][]behaviour{keeps, public}, path: srflx},
	{name: "masquerade-both", text: "each behind a router", sides: [2][]behaviour{keeps, keeps}, path: srflx},
	{name: "forwarded", text: "one router lets all UDP in", sides: [2][]behaviour{forwarded, keeps}, path: srflx},
	{name: "symmetric-forwarded", text: "one symmetric, the other lets all UDP in", sides: [2][]behaviour{symmetric, forwarded}, path: srflx},
	{name: "symmetric-one", text: "one symmetric", sides: [2][]behaviour{symmetric, keeps}, path: relay},
	{name: "symmetric-both", text: "both symmetric", sides: [2][]behaviour{symmetric, symmetric}, path: relay},
	{name: "answering", text: "each behind a router that answers strangers, and gives their ports away", sides: [2][]behaviour{answering, answering}, path: some},
	{name: "carrier", text: "router behind a carrier's router", sides: [2][]behaviour{twice, keeps}, path: srflx},
	{name: "carrier-both", text: "both behind two routers", sides: [2][]behaviour{twice, twice}, path: srflx},
	{name: "no-udp", text: "one without UDP, but for names", sides: [2][]behaviour{noUDP, keeps}, path: relayTCP},
	{name: "no-udp-both", text: "both without UDP, but for names", sides: [2][]behaviour{noUDP, noUDP}, path: bothTCP},
	{name: "only-443", text: "one gets out on TCP 443 alone, where the registrar and its relay are too", sides: [2][]behaviour{https, keeps}, shared: true, path: relayTLS},
	{name: "coturn", text: "one without UDP, the other symmetric; the relay is Debian's coturn", sides: [2][]behaviour{noUDP, symmetric}, elsewhere: true, path: relayTCP},
	{name: "same-lan", text: "both behind the same router", sides: [2][]behaviour{keeps}, together: true, path: host},
	{name: "guest-wifi", text: "both behind the same router, which keeps them apart", sides: [2][]behaviour{guests}, together: true, path: relay},
	{name: "mtu1280", text: "uplinks carry 1,280 bytes", sides: [2][]behaviour{narrow, narrow}, path: srflx},
	{name: "mtu1280-relay", text: "uplinks carry 1,280 bytes, symmetric", sides: [2][]behaviour{narrowSym, narrowSym}, path: relay},
	{name: "ipv6", text: "both symmetric, with IPv6 beside that", sides: [2][]behaviour{symmetric, symmetric}, six: true, path: host},

	{name: "restart", text: "public addresses", path: host, fault: &partnerRestarts},
	{name: "registrar", text: "public addresses", path: host, fault: &registrarRestarts},
	{name: "address", text: "public addresses", path: host, fault: &windowMoves},
	{name: "nat-restart", text: "each behind a router", sides: [2][]behaviour{keeps, keeps}, path: srflx, fault: &partnerRestarts},
	{name: "nat-registrar", text: "each behind a router", sides: [2][]behaviour{keeps, keeps}, path: srflx, fault: &registrarRestarts},
	{name: "nat-reboot", text: "each behind a router", sides: [2][]behaviour{keeps, keeps}, path: srflx, fault: &routerReboots},
	{name: "nat-address", text: "each behind a router", sides: [2][]behaviour{keeps, keeps}, path: srflx, fault: &windowMoves},
	{name: "nat-uplink", text: "each behind a router", sides: [2][]behaviour{keeps, keeps}, path: srflx, fault: &routerMoves},
	{name: "nat-udp-dies", text: "each behind a router", sides: [2][]behaviour{keeps, keeps}, path: srflx, fault: &udpDies},
	{name: "relay-nothing", text: "both symmetric", sides: [2][]behaviour{symmetric, symmetric}, path: relay, fault: &nothing},
	{name: "relay-restart", text: "both symmetric", sides: [2][]behaviour{symmetric, symmetric}, path: relay, fault: &partnerRestarts},
	{name: "relay-registrar", text: "both symmetric", sides: [2][]behaviour{symmetric, symmetric}, path: relay, fault: &registrarRestarts},
	{name: "relay-reboot", text: "both symmetric", sides: [2][]behaviour{symmetric, symmetric}, path: relay, fault: &routerReboots},
}

// choose returns the cells of names that are separated by commas or blanks; all of them without a name.
func choose(names string) ([]cell, error) {
	if strings.TrimSpace(names) == "" {
		return cells, nil
	}
	var chosen []cell
	for _, name := range strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' }) {
		i := slices.IndexFunc(cells, func(c cell) bool { return c.name == name })
		if i < 0 {
			var known []string
			for _, c := range cells {
				known = append(known, c.name)
			}
			return nil, fmt.Errorf("there is no cell %q; there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, cells[i])
	}
	return chosen, nil
}

// goes says whether the path that a window names is one of those.
func (w ways) goes(side int, path string) bool { return slices.Contains(strings.Fields(w[side]), path) }
