package media

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
)

// pipe is a Way in memory, without addresses and sockets: what ICE or a relay look like to a session.
type pipe struct {
	out, in chan []byte
	sent    int
	lost    chan error // ends Run
	shut    atomic.Bool
}

// Open says whether it leads anywhere: as one that ICE is still looking for.
func (p *pipe) Open() bool { return !p.shut.Load() }

// Opened is for those who wait for it to lead somewhere.
func (p *pipe) Opened() <-chan struct{} {
	open := make(chan struct{})
	close(open)
	return open
}

// pipes are the two ends of one.
func pipes() (a, b *pipe) {
	x, y := make(chan []byte, 1000), make(chan []byte, 1000)
	return &pipe{out: x, in: y, lost: make(chan error, 1)}, &pipe{out: y, in: x}
}

func (p *pipe) Agree(*negotiate.Stream) {}

func (p *pipe) Run(ctx context.Context, deliver func(Datagram)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-p.lost:
			return err
		case b := <-p.in:
			deliver(Datagram{Data: b})
		}
	}
}

func (p *pipe) Send(b []byte, _ bool) error {
	p.sent++
	select {
	case p.out <- bytes.Clone(b):
	default: // full, like a socket's buffer
	}
	return nil
}

// overPipes sets up two sessions whose descriptions have neither addresses nor keys, and runs them.
func overPipes(t *testing.T) (a, b *end, ways [4]*pipe) {
	t.Helper()
	ways[0], ways[1] = pipes()
	ways[2], ways[3] = pipes()
	ends := [2]*end{}
	for i, host := range []string{"a", "b"} {
		e := &end{t: t, rec: &recorder{t: t, sent: map[uint32]AccessUnit{}}, enc: newFakeEncoder(), done: make(chan error, 1)}
		e.rec.onKey = e.enc.forceKey
		e.desc, _ = descriptions(e, e)
		for _, s := range []*negotiate.Stream{e.desc.Audio, e.desc.Video} {
			*s = negotiate.Stream{Codec: s.Codec, ClockRate: s.ClockRate, SendType: s.SendType, ReceiveType: s.ReceiveType,
				Direction: s.Direction, Mux: true, PLI: true, Mode: 1}
		}
		var err error
		e.Session, err = NewSession(Config{Description: e.desc, CNAME: host, Receiver: e.rec, Log: slog.New(slog.DiscardHandler),
			Ways: Ways{Audio: ways[i], Video: ways[2+i]}})
		if err != nil {
			t.Fatal(err)
		}
		e.phone(true)
		ctx, cancel := context.WithCancel(context.Background())
		e.cancel = cancel
		go func() { e.done <- e.Run(ctx) }()
		ends[i] = e
	}
	synctest.Wait()
	return ends[0], ends[1], ways
}

func (e *end) quit() {
	e.t.Helper()
	e.cancel()
	if err := <-e.done; err != nil {
		e.t.Error(err)
	}
}

// give hands out the keys of both streams, as a DTLS handshake does at its end.
func (e *end) give(out, in byte) {
	e.t.Helper()
	for i, m := range []Medium{Audio, Video} {
		if err := e.SetKeys(m, *testKeys(out + 2*byte(i)), *testKeys(in + 2*byte(i))); err != nil {
			e.t.Fatal(err)
		}
	}
}

// While a way is being looked for nothing is made for it: what is numbered then would be missed, and seem lost on a path that carries
// nothing. Then the first picture comes at once.
func TestWayIsFoundLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ways := overPipes(t)
		a.give(10, 20)
		b.give(20, 10)
		for _, w := range ways {
			w.shut.Store(true)
		}
		talk(2*time.Second, a, b)
		if s := a.Stats(); s.Video.Sent.Packets+s.Audio.Sent.Packets != 0 {
			t.Errorf("%d packets of pictures and %d of sound were made for no way", s.Video.Sent.Packets, s.Audio.Sent.Packets)
		}
		for _, w := range ways {
			w.shut.Store(false)
		}
		since := time.Now()
		talk(time.Second, a, b)
		if w := b.watch(since); w.first > 200*time.Millisecond || w.fps < 25 || !b.rec.video[0].key {
			t.Errorf("once there is a way: %v, a keyframe first: %t", w, b.rec.video[0].key)
		}
		a.quit()
		b.quit()
	})
}

// A call over ways that are no sockets, whose keys come two seconds after its description: until then nothing leaves,
// nothing is taken and nothing is kept; afterwards it is a call like others.
func TestKeysComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ways := overPipes(t)
		talk(2*time.Second, a, b)
		for i, w := range ways {
			if w.sent != 0 {
				t.Errorf("%d datagrams left by way %d before there were keys", w.sent, i)
			}
		}
		if n := len(a.sendVideo.queue); n != 0 {
			t.Errorf("%d pictures are kept for later", n)
		}
		a.give(10, 20)
		talk(time.Second, a, b) // b's handshake ends a second later
		if s := b.Stats(); s.Unkeyed == 0 || !s.LastReceived.IsZero() || !s.LastRTCP.IsZero() {
			t.Errorf("before its keys b took something: %+v", s)
		}
		b.give(20, 10)
		talk(10*time.Second, a, b)
		settle(100 * time.Millisecond)
		for _, e := range []*end{a, b} {
			video, audio, _ := e.rec.counts()
			if s := e.Stats(); video < 285 || audio < 495 || s.AuthFailures+s.Replays+s.Garbage != 0 {
				t.Errorf("%d pictures and %d frames of sound in 10 s: %+v", video, audio, s)
			}
			if !e.rec.video[0].key {
				t.Error("the first picture is no keyframe")
			}
		}
		old := a.video.t.currentSSRC()
		if err := a.Update(a.desc); err != nil { // a re-INVITE brings no keys either, and changes none
			t.Fatal(err)
		}
		before, _, _ := b.rec.counts()
		talk(time.Second, a, b)
		settle(50 * time.Millisecond)
		if after, _, _ := b.rec.counts(); after-before < 28 || a.video.t.currentSSRC() != old {
			t.Errorf("%d pictures in the second after a refresh", after-before)
		}
		for _, e := range []*end{b, a} { // a new handshake
			e.give(map[*end]byte{a: 30, b: 40}[e], map[*end]byte{a: 40, b: 30}[e])
		}
		before, _, _ = b.rec.counts()
		talk(2*time.Second, a, b)
		settle(50 * time.Millisecond)
		if after, _, _ := b.rec.counts(); after-before < 55 || a.video.t.currentSSRC() == old {
			t.Errorf("%d pictures in 2 s under new keys; a new SSRC: %t", after-before, a.video.t.currentSSRC() != old)
		}
		a.quit()
		b.quit()
	})
}

// What is to be protected is never sent in clear, also when it was plain before.
func TestFromPlainToKeysThatComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ways := overPipes(t)
		set := func(plain bool) {
			for _, e := range []*end{a, b} {
				audio, video := *e.desc.Audio, *e.desc.Video
				audio.Plain, video.Plain = plain, plain
				if err := e.Update(negotiate.Description{Audio: &audio, Video: &video}); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		set(true)
		talk(time.Second, a, b)
		if video, _, _ := b.rec.counts(); video < 28 {
			t.Errorf("%d pictures in a second without protection", video)
		}
		if err := a.SetKeys(Audio, *testKeys(1), *testKeys(2)); err == nil || !strings.Contains(err.Error(), "keys for audio, which is to go without") {
			t.Errorf("keys for a plain stream: %v", err)
		}
		set(false)
		sent, seen := ways[2].sent, len(b.rec.video)
		talk(time.Second, a, b)
		if ways[2].sent != sent || len(b.rec.video) != seen {
			t.Errorf("%d datagrams left in clear", ways[2].sent-sent)
		}
		a.quit()
		b.quit()
	})
}

func TestKeysForWhatIsNotThere(t *testing.T) {
	x, _ := pipes()
	d := descriptionsOf(true)
	d.Video = nil
	s, err := NewSession(Config{Description: d, Receiver: &deaf{}, Ways: Ways{Audio: x}})
	if err != nil {
		t.Fatal(err)
	}
	bad := *testKeys(2)
	bad.Key = nil
	for want, err := range map[string]error{
		"keys for video, which was not agreed on":          s.SetKeys(Video, *testKeys(1), *testKeys(2)),
		"audio we receive: SRTP keys for AEAD_AES_128_GCM": s.SetKeys(Audio, *testKeys(1), bad),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A way that is lost ends the session with its reason.
func TestALostWayEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, ways := overPipes(t)
		ways[0].lost <- net.ErrClosed
		if err := <-a.done; err != net.ErrClosed {
			t.Errorf("Run: %v", err)
		}
		a.cancel()
		b.quit()
	})
}
