package main

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"ewindow/scripts/stage"
)

func TestMain(m *testing.M) {
	status, inside := stage.Alone()
	if inside {
		status = m.Run()
	}
	os.Exit(status)
}

const limit = 10 * time.Second // for what has to come; nothing is judged by how long it takes

// lab is the world of a test.
type lab struct {
	*world
	*testing.T
}

func newLab(t *testing.T, c cell) lab {
	t.Helper()
	w, err := build(t.Context(), c)
	t.Cleanup(w.close)
	if err != nil {
		t.Fatal(err)
	}
	return lab{w, t}
}

// socket is a UDP socket on a machine.
func (l lab) socket(m *machine, port int) *net.UDPConn {
	l.Helper()
	return l.bind(m, m.has.address.Addr(), port)
}

func (l lab) bind(m *machine, address netip.Addr, port int) *net.UDPConn {
	l.Helper()
	var c *net.UDPConn
	err := m.Within(func() (err error) {
		c, err = net.ListenUDP("udp", &net.UDPAddr{IP: address.AsSlice(), Port: port})
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { c.Close() })
	return c
}

func (l lab) send(c *net.UDPConn, to netip.AddrPort, text string) {
	l.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte(text), to); err != nil {
		l.Fatal(err)
	}
}

// receive returns what came before a text, with that, and from where that was.
func (l lab) receive(c *net.UDPConn, until string) (texts []string, from netip.AddrPort) {
	l.Helper()
	_ = c.SetReadDeadline(time.Now().Add(limit))
	b := make([]byte, 1500)
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			l.Fatalf("%q does not come: %v", until, err)
		}
		texts = append(texts, string(b[:n]))
		if texts[len(texts)-1] == until {
			return texts, from
		}
	}
}

// seen sends from one socket to another, and returns how the sender looks there.
func (l lab) seen(from, to *net.UDPConn) netip.AddrPort {
	l.Helper()
	l.send(from, address(to), "who am I")
	_, as := l.receive(to, "who am I")
	return as
}

func address(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// What each router makes of a window's port, and of whom it lets in, is what the table of cells says (RFC 4787 4.1 and 5).
func TestMappingAndFiltering(t *testing.T) {
	for _, c := range []struct {
		name        string
		side        []behaviour
		keeps, open bool // the port, whoever it is for; strangers come in
	}{
		{"keeps", keeps, true, false},
		{"symmetric", symmetric, false, false},
		{"forwarded", forwarded, true, true},
		{"twice", twice, true, false},
		{"guests", guests, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, cell{sides: [2][]behaviour{c.side, public}})
			window, registrar, munich := l.socket(l.windows[0], 40000), l.socket(l.registrar, 3478), l.socket(l.windows[1], 40001)
			stranger := l.socket(l.registrar, 3479)
			first, second := l.seen(window, registrar), l.seen(window, munich)
			if router := l.routers[0][0].has.address.Addr(); first.Addr() != router || second.Addr() != router {
				t.Errorf("the window is seen as %v and %v, its router is %v", first, second, router)
			}
			if kept := first == second && first.Port() == 40000; kept != c.keeps {
				t.Errorf("one port is seen as %v and %v", first, second)
			}
			l.send(stranger, first, "stranger")
			l.send(registrar, first, "end")
			if texts, _ := l.receive(window, "end"); (len(texts) == 2) != c.open {
				t.Errorf("the window got %q", texts)
			}
		})
	}
}

// Two windows behind routers that keep ports get through to each other if both try, whoever is first; behind a symmetric one, or one
// that answers strangers, they do not.
func TestPunching(t *testing.T) {
	for _, c := range []struct {
		name  string
		sides [2][]behaviour
		want  bool
	}{
		{"keeps", [2][]behaviour{keeps, keeps}, true},
		{"carrier", [2][]behaviour{twice, keeps}, true},
		{"answering", [2][]behaviour{keeps, answering}, false}, // A's first packet takes B's port at B's router
		{"symmetric", [2][]behaviour{symmetric, keeps}, false},
		{"symmetric and forwarded", [2][]behaviour{symmetric, forwarded}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, cell{sides: c.sides})
			registrar := l.socket(l.registrar, 3478)
			a, b := l.socket(l.windows[0], 40000), l.socket(l.windows[1], 40001)
			seenA, seenB := l.seen(a, registrar), l.seen(b, registrar)
			l.send(a, seenB, "one") // B's router knows nothing of A yet
			l.send(b, seenA, "two")
			l.send(a, seenB, "three")
			l.send(registrar, seenB, "end")
			l.send(registrar, seenA, "end")
			atB, _ := l.receive(b, "end")
			atA, _ := l.receive(a, "end")
			if through := len(atA)+len(atB) > 2; through != c.want {
				t.Errorf("at milano came %q, at munich %q", atA, atB)
			}
		})
	}
}

// Those behind one router reach each other by their own addresses, but not as guests.
func TestNeighbours(t *testing.T) {
	for name, want := range map[string]bool{"keeps": true, "guests": false} {
		t.Run(name, func(t *testing.T) {
			side := map[string][]behaviour{"keeps": keeps, "guests": guests}[name]
			l := newLab(t, cell{sides: [2][]behaviour{side}, together: true})
			registrar := l.socket(l.registrar, 3478)
			a, b := l.socket(l.windows[0], 40000), l.socket(l.windows[1], 40001)
			seenB := l.seen(b, registrar)
			l.send(a, address(b), "hello")
			if want {
				l.receive(b, "hello")
			}
			l.send(registrar, seenB, "end")
			if texts, _ := l.receive(b, "end"); len(texts) != 1 {
				t.Errorf("at munich came %q", texts)
			}
		})
	}
}

// IPv6 is not translated, and nobody comes in who was not asked for.
func TestSix(t *testing.T) {
	l := newLab(t, cell{sides: [2][]behaviour{symmetric, symmetric}, six: true})
	var ends [3]*net.UDPConn
	for i, m := range []*machine{l.windows[0], l.windows[1], l.registrar} {
		ends[i] = l.bind(m, m.has.six.Addr(), 40000)
	}
	a, b, registrar := ends[0], ends[1], ends[2]
	if as := l.seen(a, registrar); as != address(a) {
		t.Errorf("%v is seen as %v", address(a), as)
	}
	l.seen(b, registrar)
	l.send(a, address(b), "one")
	l.send(registrar, address(b), "end")
	if texts, _ := l.receive(b, "end"); len(texts) != 1 {
		t.Errorf("munich got %q", texts)
	}
	l.seen(b, a) // which has sent to it
	l.seen(a, b)
}

func TestWhatGetsOut(t *testing.T) {
	for _, c := range []struct {
		name            string
		side            []behaviour
		udp, dns, https bool
		sips            bool
	}{
		{"keeps", keeps, true, true, true, true},
		{"no UDP", noUDP, false, true, true, true},
		{"443", https, false, false, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, cell{sides: [2][]behaviour{c.side, public}})
			window, other := l.socket(l.windows[0], 0), l.socket(l.registrar, 3478)
			names := l.socket(l.registrar, 53)
			for _, probe := range []struct {
				to   *net.UDPConn
				want bool
			}{{other, c.udp}, {names, c.dns}} {
				l.send(window, address(probe.to), "probe")
				l.send(l.socket(l.registrar, 0), address(probe.to), "end")
				if texts, _ := l.receive(probe.to, "end"); (len(texts) == 2) != probe.want {
					t.Errorf("to %v came %q", address(probe.to), texts)
				}
			}
			for port, want := range map[int]bool{443: c.https, 5061: c.sips} {
				if err := l.connect(port, want); (err == nil) != want {
					t.Errorf("TCP %d: %v", port, err)
				}
			}
		})
	}
}

// connect makes a TCP connection from milano to the registrar. One that is not to come about is given a moment.
func (l lab) connect(port int, want bool) error {
	l.Helper()
	var server net.Listener
	to := netip.AddrPortFrom(l.registrar.has.address.Addr(), uint16(port)).String()
	err := l.registrar.Within(func() (err error) { server, err = net.Listen("tcp4", to); return err })
	if err != nil {
		l.Fatal(err)
	}
	defer server.Close()
	wait := limit
	if !want {
		wait = 100 * time.Millisecond
	}
	return l.windows[0].Within(func() error {
		c, err := net.DialTimeout("tcp4", to, wait)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// A packet that is larger than the uplink carries is refused to its sender, once it has been told (RFC 1191).
func TestNarrowUplink(t *testing.T) {
	l := newLab(t, cell{sides: [2][]behaviour{narrow, keeps}})
	window, registrar := l.socket(l.windows[0], 40000), l.socket(l.registrar, 3478)
	there, back := address(registrar), l.seen(window, registrar)
	for _, way := range []struct {
		from *net.UDPConn
		to   netip.AddrPort
	}{{window, there}, {registrar, back}} {
		whole := func(c *net.UDPConn) {
			raw, err := c.SyscallConn()
			if err == nil {
				err = errors.Join(raw.Control(func(fd uintptr) {
					err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_MTU_DISCOVER, syscall.IP_PMTUDISC_DO)
				}), err)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		whole(way.from)
		big := make([]byte, 1300)
		var err error
		for begin := time.Now(); err == nil && time.Since(begin) < limit; { // the first one tells
			_, err = way.from.WriteToUDPAddrPort(big, way.to)
		}
		if !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("to %v: %v, want %v", way.to, err, syscall.EMSGSIZE)
		}
	}
}

// A router that was off forgets, and those behind it get out again; a window that moves has another address, and so has a router.
func TestRebootAndMove(t *testing.T) {
	l := newLab(t, cell{sides: [2][]behaviour{symmetric, keeps}})
	registrar := l.socket(l.registrar, 3478)
	window := l.socket(l.windows[0], 40000)
	before := l.seen(window, registrar)
	r := l.routers[0][0]
	if err := errors.Join(r.off(t.Context()), r.on(t.Context())); err != nil {
		t.Fatal(err)
	}
	if after := l.seen(window, registrar); after == before {
		t.Errorf("%v is translated as before", after)
	}
	old := l.windows[0].has.address
	if err := l.windows[0].renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := window.WriteToUDPAddrPort([]byte("x"), address(registrar)); err == nil {
		t.Errorf("the window still sends from %v", old)
	}
	window = l.socket(l.windows[0], 40000)
	if as := l.seen(window, registrar); as.Addr() != before.Addr() {
		t.Errorf("the router is seen as %v", as)
	}
	if err := r.moves(t.Context()); err != nil {
		t.Fatal(err)
	}
	if as := l.seen(window, registrar); as.Addr() == before.Addr() || as.Addr() != r.has.address.Addr() {
		t.Errorf("the router is seen as %v", as)
	}
}

func TestStopUDP(t *testing.T) {
	l := newLab(t, cell{sides: [2][]behaviour{keeps, keeps}})
	registrar, window := l.socket(l.registrar, 3478), l.socket(l.windows[0], 40000)
	seen := l.seen(window, registrar)
	if err := l.routers[0][0].stopUDP(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.send(registrar, seen, "in")
	l.send(window, address(registrar), "out")
	l.send(l.socket(l.registrar, 0), address(registrar), "end")
	if texts, _ := l.receive(registrar, "end"); len(texts) != 1 {
		t.Errorf("out came %q", texts)
	}
	_ = window.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, _, err := window.ReadFromUDPAddrPort(make([]byte, 10)); err == nil {
		t.Errorf("in came %d bytes", n)
	}
	if err := l.connect(5061, true); err != nil {
		t.Error(err)
	}
}

func TestPictures(t *testing.T) {
	begin := time.Unix(1e9, 0)
	at := func(seconds ...float64) (p pictures) {
		for _, s := range seconds {
			p = append(p, begin.Add(time.Duration(s*float64(time.Second))))
		}
		return p
	}
	p := at(0, 0.5, 1, 4, 4.5, 5)
	moment := func(s float64) time.Time { return at(s)[0] }
	if first, ok := p.first(moment(1)); !ok || !first.Equal(moment(4)) {
		t.Errorf("first after 1 s: %v", first)
	}
	for _, c := range []struct{ from, to, want float64 }{{0, 5, 3}, {2, 5, 2}, {4, 5, 0.5}, {4, 7, 2}, {6, 9, 3}} {
		if got := p.gap(moment(c.from), moment(c.to)); got.Seconds() != c.want {
			t.Errorf("from %v to %v: a gap of %v, want %v s", c.from, c.to, got, c.want)
		}
	}
	for _, c := range []struct {
		at, since float64
		ok        bool
	}{{5.5, 4, true}, {1.5, 0, true}, {6.5, 0, false}} {
		if since, ok := p.flowing(moment(c.at)); ok != c.ok || ok && !since.Equal(moment(c.since)) {
			t.Errorf("at %v s: flowing %v since %v", c.at, ok, since)
		}
	}
}
