package media

import (
	"errors"
	"testing"
	"time"

	"github.com/pion/rtp"

	"ewindow/media/negotiate"
)

func TestAudioDuration(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		codec   negotiate.Codec
		payload []byte
		want    time.Duration
	}{
		{negotiate.PCMU, make([]byte, 160), 20 * ms},
		{negotiate.PCMA, make([]byte, 240), 30 * ms},
		{negotiate.G722, make([]byte, 160), 20 * ms},
		{negotiate.Opus, nil, 0},
		{negotiate.Opus, []byte{0 << 3}, 10 * ms},
		{negotiate.Opus, []byte{1 << 3}, 20 * ms},
		{negotiate.Opus, []byte{3 << 3}, 60 * ms},
		{negotiate.Opus, []byte{13 << 3}, 20 * ms},
		{negotiate.Opus, []byte{16 << 3}, 2500 * time.Microsecond},
		{negotiate.Opus, []byte{31 << 3}, 20 * ms},
		{negotiate.Opus, []byte{31<<3 | 1}, 40 * ms},
		{negotiate.Opus, []byte{31<<3 | 3, 3}, 60 * ms},
		{negotiate.Opus, []byte{31<<3 | 3}, 0},
		{negotiate.Opus, []byte{31<<3 | 3, 48}, 0}, // 960 ms
		{negotiate.H264, []byte{1}, 0},
	} {
		if got := audioDuration(c.codec, c.payload); got != c.want {
			t.Errorf("%s % x: %v, want %v", c.codec, c.payload, got, c.want)
		}
	}
}

func TestPacer(t *testing.T) {
	start := time.Unix(1700000000, 0)
	var p pacer
	p.limit(2000)
	// Pictures of 12 kB at 30 a second pass at once, though they are more than the agreed rate.
	now := start
	for range 300 {
		for range 10 {
			if w := p.wait(now); w != 0 {
				t.Fatalf("an ordinary picture waits %v", w)
			}
			p.sent(1200)
		}
		now = now.Add(time.Second / 30)
	}
	// A keyframe of 120 kB takes 100 ms at four times the rate.
	begin := now
	for sent := 0; sent < 120_000; {
		if w := p.wait(now); w > 0 {
			now = now.Add(w)
			continue
		}
		p.sent(1200)
		sent += 1200
	}
	if d := now.Sub(begin); d < 90*time.Millisecond || d > 110*time.Millisecond {
		t.Errorf("120 kB took %v", d)
	}
	// Without an agreed rate it follows what is sent.
	p = pacer{}
	for range 300 {
		p.measure(50_000, time.Second/30)
	}
	p.limit(0)
	if got := p.rate * 8; got < 4*11_000_000 || got > 4*12_500_000 {
		t.Errorf("%.0f bit/s for a stream of 12 Mbit/s", got)
	}
	// Where packets leave one by one no two are nearer to each other than the rate says, also after a pause.
	p = pacer{}
	p.even(1000)
	for i := range 20 {
		for w := p.wait(now); w > 0; w = p.wait(now) {
			now = now.Add(w)
		}
		p.sent(500)
		if w := p.wait(now); w < 2500*time.Microsecond {
			t.Errorf("packet %d is followed after %v", i, w)
		}
		if i%5 == 0 {
			now = now.Add(time.Second)
		}
	}
	// What goes beside pictures, and more than all may take, doesn't keep them for ever.
	p = pacer{}
	p.even(55)
	longest, last := time.Duration(0), now
	for end := now.Add(20 * time.Second); now.Before(end); now = now.Add(20 * time.Millisecond) {
		if p.aside(now, 250); p.wait(now) == 0 {
			p.sent(500)
			longest, last = max(longest, now.Sub(last)), now
		}
	}
	if longest = max(longest, now.Sub(last)); longest > 500*time.Millisecond {
		t.Errorf("no picture's packet for %v", longest)
	}
}

func TestAsker(t *testing.T) {
	start := time.Unix(1700000000, 0)
	for name, c := range map[string]struct {
		pli, fir bool
		want     []ask
	}{
		"both":    {true, true, []ask{askPLI, askPLI, askFIR, askFIR}},
		"pli":     {true, false, []ask{askPLI, askPLI, askPLI, askPLI}},
		"fir":     {false, true, []ask{askFIR, askFIR, askFIR, askFIR}},
		"neither": {false, false, []ask{askPLI, askPLI, askPLI, askPLI}},
	} {
		var a asker
		if a.next(start, 0, c.pli, c.fir) != askNothing {
			t.Errorf("%s: asks without need", name)
		}
		a.want()
		now := start
		for i, want := range c.want {
			if got := a.next(now, 0, c.pli, c.fir); got != want {
				t.Errorf("%s: request %d is %d, want %d", name, i, got, want)
			}
			if a.next(now.Add(299*time.Millisecond), 0, c.pli, c.fir) != askNothing {
				t.Errorf("%s: asks again at once", name)
			}
			now = now.Add(300 * time.Millisecond)
		}
		a.got()
		if !a.due(0).IsZero() {
			t.Errorf("%s: still asks", name)
		}
		a.want()
		if got := a.next(now, time.Second, c.pli, c.fir); got != askNothing {
			t.Errorf("%s: does not wait for a round trip", name)
		}
	}
}

func TestLimiterKeepsTheEarlyRequest(t *testing.T) {
	start := time.Unix(1700000000, 0)
	var l limiter
	if l.next(start) {
		t.Error("passes nothing on")
	}
	l.request()
	if !l.next(start) || l.next(start) {
		t.Error("one request passes once")
	}
	l.request()
	l.request()
	if l.next(start.Add(200*time.Millisecond)) || !l.next(start.Add(300*time.Millisecond)) || l.next(start.Add(time.Hour)) {
		t.Error("a request that came too early passes later, once")
	}
}

func TestDemultiplex(t *testing.T) {
	long := make([]byte, 20)
	with := func(a, b byte) []byte { long[0], long[1] = a, b; return append([]byte(nil), long...) }
	for _, c := range []struct {
		b    []byte
		want kind
	}{
		{nil, isNeither}, {with(0x80, 96), isRTP}, {with(0x80, 0x80|96), isRTP}, {with(0x80, 200), isRTCP}, {with(0x81, 206), isRTCP},
		{with(0x80, 191), isRTP}, {with(0x80, 192), isRTCP}, {with(0x80, 223), isRTCP}, {with(0x80, 224), isRTP},
		{with(0x00, 1), isNeither}, {with(22, 254), isNeither}, {with(0xc0, 96), isNeither}, {with(0x80, 96)[:11], isNeither},
		{with(0x80, 201)[:8], isRTCP}, {with(0x80, 201)[:7], isNeither},
	} {
		if got := demultiplex(c.b); got != c.want {
			t.Errorf("% x: %d, want %d", c.b, got, c.want)
		}
	}
}

// crypt makes both ends of a protected way.
func crypt(t *testing.T) (*protector, *unprotector) {
	t.Helper()
	out, err := newProtector(testKeys(1))
	if err != nil {
		t.Fatal(err)
	}
	in, err := newProtector(testKeys(1))
	if err != nil {
		t.Fatal(err)
	}
	return out, newUnprotector(in)
}

func sealed(t *testing.T, p *protector, ssrc uint32, seq uint16) ([]byte, *rtp.Header) {
	t.Helper()
	h := &rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: seq}
	b, err := h.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.rtp.EncryptRTP(nil, append(b, "sound"...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return out, h
}

// After an outage of many packets the rollover counters differ; it takes some packets to find the right one.
func TestRolloverCounterIsFoundAgain(t *testing.T) {
	for _, outage := range []int{40_000, 70_000, 50 << 16} {
		total := outage
		out, in := crypt(t)
		n := 100
		var first []byte
		for ; n < 200; n++ {
			b, h := sealed(t, out, 7, uint16(n))
			if first == nil {
				first = b
			}
			if _, err := in.rtp(nil, b, h, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		for outage > 1<<17 { // as far as the counter goes
			roc, _ := out.rtp.ROC(7)
			out.rtp.SetROC(7, roc+1)
			outage -= 1 << 16
		}
		for range outage / 1000 { // the ones between are not made: a counter follows steps of less than 2^15
			sealed(t, out, 7, uint16(n))
			n += 1000
		}
		n += outage % 1000
		failed := 0
		for ok := false; !ok; n++ {
			b, h := sealed(t, out, 7, uint16(n))
			_, err := in.rtp(nil, b, h, time.Now())
			if ok = err == nil; !ok {
				failed++
			}
			if failed > 0 && !ok && !errors.Is(err, errAuth) {
				t.Fatal(err)
			}
			if failed > rolloverPatience+2*rolloverReach {
				t.Fatalf("after %d lost packets nothing is authentic any more", total)
			}
		}
		for range 700 { // over the next wrap
			b, h := sealed(t, out, 7, uint16(n))
			if _, err := in.rtp(nil, b, h, time.Now()); err != nil {
				t.Fatalf("after the counter was found: %v", err)
			}
			n += 100
		}
		for range rolloverPatience * 5 {
			if _, err := in.rtp(nil, first, &rtp.Header{}, time.Now()); err == nil {
				t.Fatal("an old packet was taken")
			}
		}
		t.Logf("%d lost: %d packets to find it", total, failed)
	}
}

func TestSendersUnderOneKeyAreBounded(t *testing.T) {
	out, in := crypt(t)
	for ssrc := range uint32(maxSources + 50) {
		b, h := sealed(t, out, ssrc, 5)
		_, err := in.rtp(nil, b, h, time.Now())
		if (err != nil) != (ssrc >= maxSources) {
			t.Fatalf("sender %d: %v", ssrc, err)
		}
	}
	if len(in.sources) != maxSources {
		t.Errorf("%d senders are remembered", len(in.sources))
	}
}

func TestMeter(t *testing.T) {
	var m meter
	frames, bytes := uint64(0), uint64(0)
	for i := range 91 {
		m.at(time.Duration(i)*time.Second/30, frames, bytes)
		frames++
		bytes += 1000
	}
	if m.fps != 30 || m.kbps != 240 {
		t.Errorf("%v fps, %v kbit/s", m.fps, m.kbps)
	}
	m.at(10*time.Second, frames, bytes)
	m.at(11*time.Second, frames, bytes)
	if m.fps != 0 || m.kbps != 0 {
		t.Errorf("%v fps, %v kbit/s of nothing", m.fps, m.kbps)
	}
}
