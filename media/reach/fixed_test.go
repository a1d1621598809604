package reach

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/transport/v5/vnet"

	"ewindow/media"
	"ewindow/media/negotiate"
)

// heard is what came by a way.
type heard struct {
	word    string
	control bool
	from    string
}

// listens runs a way, and latches onto whoever speaks.
func listens(ctx context.Context, way media.Way) <-chan heard {
	out := make(chan heard, 100)
	go func() {
		_ = way.Run(ctx, func(d media.Datagram) {
			if d.From.Permitted() {
				d.From.Authentic()
				out <- heard{string(d.Data), d.Control, d.From.String()}
			}
		})
	}()
	return out
}

// within is what comes next, or nothing.
func within(d time.Duration, c <-chan heard) heard {
	select {
	case h := <-c:
		return h
	case <-time.After(d):
		return heard{}
	}
}

// A window behind a router is found at a relay by a phone behind another one that has no ICE: its sound, pictures and reports come, and
// ours go to where they come from. Nobody else gets in.
func TestRelayForPhones(t *testing.T) {
	for name, routers := range map[string][2]*vnet.NATType{"home": {&home, &home}, "symmetric": {&symmetric, &symmetric}} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { relayForPhone(t, routers) }) })
	}
}

func relayForPhone(t *testing.T, routers [2]*vnet.NATType) {
	w := newWorld(t, routers)
	ctx, stop := context.WithCancel(context.Background())
	begun := time.Now()
	p, err := Gather(ctx, Config{Local: netip.MustParseAddr("192.168.1.10"), Video: true, Apart: true, Relayed: true,
		Net: machine{w.nets[0]}, Relays: relays, Within: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 500*time.Millisecond {
		t.Errorf("gathered for %v", took)
	}
	at, audio, video := p.Places()
	if at.String() != server || audio.RTP == audio.RTCP {
		t.Fatalf("we are at %v, %+v", at, audio)
	}
	phone := func(port string) net.PacketConn {
		c, err := w.nets[1].ListenPacket("udp4", "192.168.1.10:"+port)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	media, reports := phone("4000"), phone("4001")
	flow := netip.MustParseAddr("203.0.113.22")
	d := &negotiate.Stream{RTP: netip.MustParseAddrPort("192.168.1.10:4000"), Plain: true, Flow: flow, Behind: true}
	way := p.Ways().Video
	way.Agree(d)
	p.Ways().Audio.Agree(d)
	came := listens(ctx, way)
	time.Sleep(100 * time.Millisecond) // the server lets them in
	to := func(port uint16) net.Addr { return net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, port)) }

	_, _ = media.WriteTo([]byte("\x80picture"), to(video.RTP))
	first := within(time.Second, came)
	_, _ = reports.WriteTo([]byte("\x80report"), to(video.RTCP))
	second := within(time.Second, came)
	if first.word != "\x80picture" || first.control || second.word != "\x80report" || !second.control {
		t.Errorf("came %+v, %+v", first, second)
	}
	buf := make([]byte, 100)
	for control, c := range map[bool]net.PacketConn{false: media, true: reports} {
		_ = way.Send([]byte("\x80ours"), control)
		for { // first what opened the relay, where the router let it in
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			if n, _, err := c.ReadFrom(buf); err != nil {
				t.Errorf("control %t: %v", control, err)
			} else if buf[0] <= 3 {
				continue
			} else if string(buf[:n]) != "\x80ours" {
				t.Errorf("control %t: %q", control, buf[:n])
			}
			break
		}
	}
	if p.Path() != "relay/udp" {
		t.Errorf("path %q", p.Path())
	}
	stranger, err := w.middle.ListenPacket("udp4", server+":7777")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = stranger.WriteTo([]byte("\x80victim"), to(video.RTP))
	if h := within(time.Second, came); h.word != "" {
		t.Errorf("a stranger was let in: %+v", h)
	}
	media.Close()
	reports.Close()
	stranger.Close()
	stop()
	_ = p.Close()
}

// Where no server answers in time nobody is told a relay, and nobody waits longer.
func TestNoRelayForPhones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{&home, nil})
		begun := time.Now()
		p, err := Gather(context.Background(), Config{Local: netip.MustParseAddr("192.168.1.10"), Relayed: true, Net: machine{w.nets[0]},
			Relays: Relays{URIs: []string{"turn:203.0.113.77:3478?transport=udp"}, Username: "milano", Password: "secret"}, Within: 500 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > 550*time.Millisecond || p.Relayed().IsValid() {
			t.Errorf("after %v a relay at %v", took, p.Relayed())
		}
		if at, _, _ := p.Places(); at.String() != "192.168.1.10" {
			t.Errorf("we are at %v", at)
		}
		_ = p.Close()
	})
}

// Reports that have a port of their own find their way as the stream does, and come as what they are.
func TestReportsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{&home, &home})
		ctx, stop := context.WithCancel(context.Background())
		var sides [2]*Paths
		for i := range sides {
			var err error
			if sides[i], err = Gather(ctx, Config{Apart: true, Net: machine{w.nets[i]}, Relays: relays}); err != nil {
				t.Fatal(err)
			}
			sides[i].Control(i == 0)
		}
		var ways [2]media.Way
		var came [2]<-chan heard
		for i, s := range sides {
			at, place, _ := sides[1-i].Places()
			if !place.ICE.Has(negotiate.MediaComponent) || !place.ICE.Has(negotiate.ReportsComponent) {
				t.Fatalf("candidates %q", place.ICE.Candidates)
			}
			// What is none of ours, or none at all, changes nothing.
			ice := *place.ICE
			ice.Candidates = append([]string{"", "1 1 udp", "1 3 udp 1 203.0.113.9 9 typ host", "1 1 tcp 1 203.0.113.9 9 typ host tcptype passive", "1 2 udp 1 phone.local 9 typ host",
				"1 1 udp 1 203.0.113.9 70000 typ host", "1 2 udp 1 203.0.113.9 0 typ host", "1 1 udp 1 224.0.0.1 9 typ host", "1 2 udp 1 2001:db8::9 9 typ host",
				"1 99999999999 udp 1 203.0.113.9 9 typ host", "1 1 udp 99999999999999 203.0.113.9 9 typ host", "x x x x x x x x"}, ice.Candidates...)
			ways[i] = s.Ways().Audio
			ways[i].Agree(&negotiate.Stream{RTP: netip.AddrPortFrom(at, place.RTP), RTCP: netip.AddrPortFrom(at, place.RTCP), ICE: &ice})
			came[i] = listens(ctx, ways[i])
		}
		time.Sleep(2 * time.Second)
		for i, way := range ways {
			_ = way.Send([]byte("\x80media"), false)
			first := within(time.Second, came[1-i])
			_ = way.Send([]byte("\x80report"), true)
			second := within(time.Second, came[1-i])
			if first.word != "\x80media" || first.control || second.word != "\x80report" || !second.control || first.from == second.from {
				t.Errorf("from %d came %+v, %+v", i, first, second)
			}
		}
		if sides[0].Path() != "srflx" {
			t.Errorf("path %q", sides[0].Path())
		}
		stop()
		for _, s := range sides {
			_ = s.Close()
		}
	})
}
