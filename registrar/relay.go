package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ewindow/registrar/relay"
	"ewindow/registrar/signal/relays"
)

// relayFlags say where STUN and TURN are.
type relayFlags struct {
	Turn         string         `help:"Address for STUN and TURN, over UDP and TCP; empty for none." default:":3478" placeholder:"ADDR"`
	RelayAddress []netip.Addr   `help:"Address at which this machine is reached from outside, where a router forwards its ports: one of IPv4, one of IPv6, or both. Without it: --advertise or the host of --turn if that is an address, or else this machine's own." placeholder:"IP"`
	RelayPorts   string         `help:"UDP ports of what is relayed: LOW-HIGH." default:"49152-65535" placeholder:"PORTS"`
	RelayAllow   []netip.Prefix `help:"Private network that may be relayed to, such as 10.1.0.0/16; may be repeated. Private networks are refused otherwise." placeholder:"CIDR"`
	RelayRate    int            `help:"Most that one allocation relays, each way, in kbit/s; what is more is lost." default:"8000" placeholder:"KBPS"`
	RelayTotal   int            `help:"Most that is relayed in all, both ways, in kbit/s." default:"400000" placeholder:"KBPS"`
	RelayURL     []string       `name:"relay-url" help:"STUN or TURN server elsewhere, which takes the place of the one here: turn:HOST:PORT?transport=udp; may be repeated." sep:"none" placeholder:"URI"`
	RelaySecret  string         `help:"File with the secret of these TURN servers (coturn's static-auth-secret)." placeholder:"FILE"`
}

// relaying is what the flags come to.
type relaying struct {
	embedded bool           // there is a server here
	key      []byte         // of its credentials
	relay    []netip.Addr   // its addresses
	ports    relay.Ports    //
	issuer   *relay.Issuer  // of what windows are told; nil: nothing
	realm    string         //
	allow    []netip.Prefix //
	rate     int            // kbit/s of an allocation
	total    int            // and of all
}

// relaying reads the flags. It opens nothing.
func (c *serveCmd) relaying(log *slog.Logger) (r relaying, err error) {
	if len(c.RelayURL) > 0 {
		r.issuer, err = c.elsewhere()
		return r, err
	}
	if c.RelaySecret != "" {
		return r, errors.New("--relay-secret is for servers elsewhere; name them with --relay-url")
	}
	if c.Turn == "" {
		return r, nil
	}
	r.embedded, r.realm, r.allow = true, c.Domain, c.RelayAllow
	if c.RelayRate < 64 || c.RelayTotal < c.RelayRate {
		return r, fmt.Errorf("--relay-rate %d, --relay-total %d: sound alone needs 64 kbit/s, and one allocation cannot have more than all", c.RelayRate, c.RelayTotal)
	}
	r.rate, r.total = c.RelayRate, c.RelayTotal
	for _, network := range r.allow {
		if !relay.Opens(network) {
			return r, fmt.Errorf("--relay-allow %s: this is no private network; public addresses are relayed to without that, loopback, link-local and multicast never", network)
		}
	}
	if r.ports, err = c.relayPorts(); err != nil {
		return r, err
	}
	if err = c.apart(r.ports); err != nil {
		return r, err
	}
	if r.relay, err = c.relayAddresses(); err != nil {
		return r, err
	}
	if len(r.relay) == 0 {
		log.Warn("this machine has no address at which others reach it: nothing is relayed, STUN alone is there; give it one with --relay-address")
	}
	if len(c.RelayAddress) == 0 && c.Advertise != "" && slices.ContainsFunc(r.relay, netip.Addr.IsPrivate) {
		log.Warn("what is relayed has an address of this network alone; where a router forwards its ports, give the router's with --relay-address", "addresses", r.relay)
	}
	r.key, err = keptKey(filepath.Join(c.State, "relay.key"), "the key of the relay's credentials", "windows get others after a restart", log)
	return r, err
}

// elsewhere is the issuer for TURN servers that others run.
func (c *serveCmd) elsewhere() (*relay.Issuer, error) {
	secret, needed := "", false
	for _, text := range c.RelayURL {
		u, err := relays.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("--relay-url: %w; write it like turn:relay.example.org:3478?transport=udp", err)
		}
		needed = needed || u.Relays()
	}
	if c.RelaySecret != "" {
		text, err := os.ReadFile(c.RelaySecret)
		if err != nil {
			return nil, fmt.Errorf("--relay-secret: %w", err)
		}
		secret = strings.TrimSpace(string(text))
	}
	if needed && secret == "" {
		return nil, errors.New("--relay-url: TURN needs a secret; give its file, with coturn's static-auth-secret, by --relay-secret")
	}
	return &relay.Issuer{Secret: relay.Shared(secret), URIs: c.RelayURL}, nil
}

func (c *serveCmd) relayPorts() (relay.Ports, error) {
	low, high, ok := strings.Cut(c.RelayPorts, "-")
	first, err1 := strconv.ParseUint(low, 10, 16)
	last, err2 := strconv.ParseUint(high, 10, 16)
	if !ok || errors.Join(err1, err2) != nil || first == 0 || last < first {
		return relay.Ports{}, fmt.Errorf("--relay-ports %s: write two ports, such as 49152-65535", c.RelayPorts)
	}
	return relay.Ports{Low: uint16(first), High: uint16(last)}, nil
}

// apart is nil if what is relayed has ports of its own. Elsewhere allocations and whatever else listens there would take each other's.
func (c *serveCmd) apart(ports relay.Ports) error {
	first, last, _ := strings.Cut(c.EchoPorts, "-")
	_, sip, _ := net.SplitHostPort(c.UDP)
	_, turn, _ := net.SplitHostPort(c.Turn)
	for _, other := range []struct{ flag, first, last string }{{"--udp", sip, sip}, {"--turn", turn, turn}, {"--echo-ports", first, last}} {
		low, err1 := strconv.ParseUint(other.first, 10, 16)
		high, err2 := strconv.ParseUint(other.last, 10, 16)
		if errors.Join(err1, err2) == nil && low <= uint64(ports.High) && high >= uint64(ports.Low) {
			return fmt.Errorf("--relay-ports %s: %s has ports there as well; give one of them others", c.RelayPorts, other.flag)
		}
	}
	return nil
}

// relayAddresses are those of what is relayed, as others reach it.
func (c *serveCmd) relayAddresses() (out []netip.Addr, err error) {
	for _, a := range c.RelayAddress {
		a = a.Unmap()
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
			return nil, fmt.Errorf("--relay-address %s: nobody is reached there; give the address at which others see this machine", a)
		}
		if slices.ContainsFunc(out, func(o netip.Addr) bool { return o.Is4() == a.Is4() }) {
			return nil, fmt.Errorf("--relay-address %s: give one address of IPv4, one of IPv6, or both", a)
		}
		out = append(out, a)
	}
	if len(out) > 0 {
		return out, nil
	}
	host, _, _ := net.SplitHostPort(c.Turn)
	for _, text := range []string{strings.Trim(c.Advertise, "[]"), host} {
		if a, err := netip.ParseAddr(text); err == nil && !a.IsUnspecified() {
			return []netip.Addr{a.Unmap().WithZone("")}, nil
		}
	}
	// Which of its addresses the machine reaches the world from is the kernel's choice: asked, no packet is sent. Both
	// are for documentation (RFC 5737, RFC 3849), and lie behind the default route.
	for _, world := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} {
		if conn, err := net.Dial("udp", world); err == nil {
			if a := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(); a.IsGlobalUnicast() {
				out = append(out, a.WithZone(""))
			}
			_ = conn.Close()
		}
	}
	return out, nil
}

// open makes the server behind its listeners, and the issuer of its credentials. nil: there is none here.
func (r *relaying) open(l opened, limits relay.Limits, advertise string, proof func(string) (string, bool), log *slog.Logger) (*relay.Server, error) {
	if !r.embedded {
		return nil, nil
	}
	limits.Rate, limits.Total = r.rate, r.total
	secret := relay.Own(r.key, proof)
	r.issuer = &relay.Issuer{Secret: secret, URIs: r.uris(advertise, l.turnTCP.Addr(), l.Shared)}
	log.Info("relay", "addresses", r.relay, "ports", fmt.Sprintf("%d-%d", r.ports.Low, r.ports.High), "allowed", r.allow)
	config := relay.Config{
		UDP: l.turnUDP, TCP: l.turnTCP, Realm: r.realm, Secret: secret, Relay: r.relay, Ports: r.ports, Allow: r.allow, Limits: limits, Log: log,
	}
	if l.others.TURN != nil {
		config.TLS = l.others.TURN
	}
	return relay.New(config)
}

// uris are those of the server here. Where no host is advertised, windows find it where they find the registrar: --domain
// names accounts, and need not be a name that leads here. shared is a port that TURN shares with others; nil: none. What asks for the least
// comes first: a window tries one after the other.
func (r *relaying) uris(advertise string, at net.Addr, shared net.Listener) (out []string) {
	u := relays.URI{Scheme: "stun", Host: strings.Trim(advertise, "[]"), Port: at.(*net.TCPAddr).AddrPort().Port()}
	if u.Host == "" {
		u.Host = relays.Dialled
	}
	out = append(out, u.String())
	if len(r.relay) == 0 {
		return out
	}
	u.Scheme = "turn"
	for _, u.Transport = range []string{"udp", "tcp"} {
		out = append(out, u.String())
	}
	if shared == nil {
		return out
	}
	u.Port = shared.Addr().(*net.TCPAddr).AddrPort().Port()
	for _, u.Scheme = range []string{"turns", "turn"} {
		out = append(out, u.String())
	}
	return out
}
