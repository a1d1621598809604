package reach

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/turn/v5"

	"ewindow/media"
	"ewindow/media/negotiate"
)

const server = "203.0.113.9" // STUN and TURN

// The kinds of routers (RFC 4787): who may answer, and whether a machine looks the same to everybody.
var (
	open      = vnet.NATType{MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointIndependent}
	home      = vnet.NATType{MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointAddrPortDependent}
	symmetric = vnet.NATType{MappingBehavior: vnet.EndpointAddrPortDependent, FilteringBehavior: vnet.EndpointAddrPortDependent}
)

// A world is two machines, each behind a router or not, and a server in between.
type world struct {
	t    *testing.T
	wan  *vnet.Router
	nets [2]*vnet.Net

	middle *vnet.Net // the server's
}

func newWorld(t *testing.T, routers [2]*vnet.NATType) *world {
	t.Helper()
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t: t}
	var err error
	w.wan, err = vnet.NewRouter(&vnet.RouterConfig{CIDR: "203.0.113.0/24", LoggerFactory: quiet, MinDelay: 5 * time.Millisecond})
	must(err)
	middle, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{server}})
	must(err)
	must(w.wan.AddNet(middle))
	w.middle = middle
	for i, nat := range routers {
		ip := []string{"203.0.113.21", "203.0.113.22"}[i]
		if nat == nil {
			w.nets[i], err = vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
			must(err)
			must(w.wan.AddNet(w.nets[i]))
			continue
		}
		lan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "192.168.1.0/24", StaticIPs: []string{ip}, NATType: nat, LoggerFactory: quiet})
		must(err)
		w.nets[i], err = vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{"192.168.1.10"}})
		must(err)
		must(lan.AddNet(w.nets[i]))
		must(w.wan.AddRouter(lan))
	}
	must(w.wan.Start())
	listener, err := middle.ListenPacket("udp4", server+":3478")
	must(err)
	s, err := turn.NewServer(turn.ServerConfig{
		Realm: "ewindow", LoggerFactory: quiet,
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			return r.Username, turn.GenerateAuthKey(r.Username, "ewindow", "secret"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: listener, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
			RelayAddress: net.ParseIP(server), Address: server, Net: middle,
		}}},
	})
	must(err)
	t.Cleanup(func() {
		_ = s.Close()
		_ = w.wan.Stop()
	})
	return w
}

// machine is a machine's network. Its sockets that are connected to nobody have no address of somebody: vnet's have one that is nil.
type machine struct{ *vnet.Net }

func (m machine) ListenPacket(network, address string) (net.PacketConn, error) {
	c, err := m.Net.ListenPacket(network, address)
	return struct{ net.PacketConn }{c}, err
}

// A side is one of two sessions: what it received, by stream.
type side struct {
	*Paths
	world *world
	net   *vnet.Net
	found chan Found

	mu   sync.Mutex
	came map[Stream][]string
	stop context.CancelFunc
}

func (w *world) side(i int) *side { return w.sideWith(i, relays, nil) }

func (w *world) sideWith(i int, relays Relays, dial func(context.Context, string, string, bool) (net.Conn, error)) *side {
	return w.sideOf(i, Config{Relays: relays, Dial: dial})
}

func (w *world) sideOf(i int, cfg Config) *side {
	w.t.Helper()
	s := &side{world: w, net: w.nets[i], found: make(chan Found, 10), came: map[Stream][]string{}}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	var err error
	cfg.Video, cfg.Net = true, machine{s.net}
	cfg.Found = func(x Stream, f Found) {
		if x == Video {
			s.found <- f
		}
	}
	s.Paths, err = Gather(ctx, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ways := s.Ways()
	for stream, way := range map[Stream]media.Way{Audio: ways.Audio, Video: ways.Video} {
		go func() {
			_ = way.Run(ctx, func(d media.Datagram) {
				if d.From != nil {
					d.From.Authentic()
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				s.came[stream] = append(s.came[stream], string(d.Data))
			})
		}()
	}
	return s
}

var relays = Relays{URIs: []string{"stun:" + server + ":3478", "turn:" + server + ":3478?transport=udp"}, Username: "milano", Password: "secret"}

// agree is offer and answer: each hears of the other's ways. The first makes the offer.
func agree(a, b *side) {
	a.Control(true)
	b.Control(false)
	hear := func(s, other *side) {
		_, audio, video := other.Places()
		s.audio.Agree(&negotiate.Stream{ICE: audio.ICE, Mux: true})
		s.video.Agree(&negotiate.Stream{ICE: video.ICE, Mux: true})
	}
	hear(b, a)
	time.Sleep(20 * time.Millisecond)
	hear(a, b)
}

// speak sends a word by each stream, and waits until it came. It repeats itself: the first may meet a router that lets nobody in yet.
func speak(t *testing.T, from, to *side, word string) {
	t.Helper()
	for patience := time.Now().Add(3 * time.Second); ; {
		_ = from.Ways().Audio.Send([]byte("\x80sound "+word), false)
		_ = from.Ways().Video.Send([]byte("\x80picture "+word), false)
		time.Sleep(50 * time.Millisecond)
		to.mu.Lock()
		ok := slices.Contains(to.came[Audio], "\x80sound "+word) && slices.Contains(to.came[Video], "\x80picture "+word)
		to.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(patience) {
			t.Fatalf("%q did not come", word)
		}
	}
}

func hangUp(sides ...*side) {
	for _, s := range sides {
		s.stop()
		_ = s.Close()
	}
}

// Whatever stands between two windows, they find the shortest way there is, within a second.
func TestWays(t *testing.T) {
	for _, test := range []struct {
		name    string
		routers [2]*vnet.NATType
		path    [2]string
	}{
		{"no router", [2]*vnet.NATType{nil, nil}, [2]string{"host", "host"}},
		{"one router", [2]*vnet.NATType{&home, nil}, [2]string{"srflx", "srflx"}},
		{"two open routers", [2]*vnet.NATType{&open, &open}, [2]string{"srflx", "srflx"}},
		{"two home routers", [2]*vnet.NATType{&home, &home}, [2]string{"srflx", "srflx"}},
		{"a symmetric router and none", [2]*vnet.NATType{&symmetric, nil}, [2]string{"srflx", "srflx"}},
		{"two symmetric routers", [2]*vnet.NATType{&symmetric, &symmetric}, [2]string{"relay/udp", "relay"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, test.routers)
				a, b := w.side(0), w.side(1)
				agree(a, b)
				for i, s := range []*side{a, b} {
					select {
					case f := <-s.found:
						t.Logf("%s after %v; tried %s", f.Path, f.Took, s.Tried())
						if f.Took > time.Second {
							t.Errorf("side %d found its way after %v", i, f.Took)
						}
					case <-time.After(5 * time.Second):
						t.Fatalf("side %d found no way; tried %s", i, s.Tried())
					}
				}
				speak(t, a, b, "there")
				speak(t, b, a, "back")
				if p := [2]string{a.Path(), b.Path()}; p != test.path && p != [2]string{test.path[1], test.path[0]} {
					t.Errorf("went %v, want %v", p, test.path)
				}
				hangUp(a, b)
			})
		})
	}
}

// A renewal is without a gap: the old ways carry until the new ones are found, and nothing of the old is left then.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{&home, &home})
		a, b := w.side(0), w.side(1)
		agree(a, b)
		speak(t, a, b, "first")
		before := a.video.current
		for _, s := range []*side{a, b} {
			if err := s.Renew(t.Context(), relays); err != nil {
				t.Fatal(err)
			}
		}
		speak(t, a, b, "meanwhile")
		agree(a, b)
		time.Sleep(lingering + time.Second)
		synctest.Wait()
		if a.video.current == before || a.video.next != nil {
			t.Error("the new way was not taken")
		}
		speak(t, a, b, "after")
		speak(t, b, a, "and back")

		// Nobody answers: all goes on as it was.
		if err := a.Renew(t.Context(), relays); err != nil {
			t.Fatal(err)
		}
		a.Forget()
		speak(t, a, b, "still")
		hangUp(a, b)
	})
}

// Somebody without ICE is sent to where SDP says, and then to where he is.
func TestWithoutICE(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{nil, nil})
		a := w.side(0)
		old, err := w.nets[1].ListenPacket("udp4", "203.0.113.22:4000")
		if err != nil {
			t.Fatal(err)
		}
		d := &negotiate.Stream{RTP: netip.MustParseAddrPort("203.0.113.22:4000"), Mux: true}
		a.audio.Agree(d)
		a.video.Agree(d)
		_ = a.Ways().Video.Send([]byte("\x80hello"), false)
		buf := make([]byte, 100)
		n, from, err := old.ReadFrom(buf)
		if err != nil || string(buf[:n]) != "\x80hello" {
			t.Fatal(n, err)
		}
		_, _, place := a.Places()
		if port := from.(*net.UDPAddr).Port; port != int(place.RTP) {
			t.Errorf("it came from port %d, SDP says %d", port, place.RTP)
		}
		moved, err := w.nets[1].ListenPacket("udp4", "203.0.113.22:5000")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = moved.WriteTo([]byte("\x80back"), from)
		time.Sleep(50 * time.Millisecond)
		_ = a.Ways().Video.Send([]byte("\x80there"), false)
		if n, _, err = moved.ReadFrom(buf); err != nil || string(buf[:n]) != "\x80there" {
			t.Fatal(n, err)
		}
		if a.Path() != "direct" {
			t.Errorf("path %q", a.Path())
		}
		old.Close()
		moved.Close()
		hangUp(a)
	})
}
