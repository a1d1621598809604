package media

import (
	"bytes"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

func perfect() *memnet.Network {
	n := memnet.New(20)
	n.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
	return n
}

// Hold: nothing goes to the other side but reports; on resumption the first picture is a keyframe.
func TestHoldAndResume(t *testing.T) {
	for _, kind := range []string{"inactive", "sendonly from the other side", "0.0.0.0", "port 0"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := call(t, perfect())
				talk(2*time.Second, a, b)
				settle(50 * time.Millisecond)
				held := a.desc
				audio, video := *held.Audio, *held.Video
				held.Audio, held.Video = &audio, &video
				switch kind {
				case "inactive":
					audio.Direction, video.Direction = negotiate.Inactive, negotiate.Inactive
				case "sendonly from the other side":
					audio.Direction, video.Direction = negotiate.RecvOnly, negotiate.RecvOnly
				case "0.0.0.0":
					audio.RTP = netip.AddrPortFrom(netip.IPv4Unspecified(), 4000)
					video.RTP = netip.AddrPortFrom(netip.IPv4Unspecified(), 4002)
				case "port 0":
					held.Video = nil
				}
				if err := a.Update(held); err != nil {
					t.Fatal(err)
				}
				before := b.Stats()
				talk(5*time.Second, a, b)
				settle(50 * time.Millisecond)
				during := b.Stats()
				if kind == "port 0" {
					before.Audio, during.Audio = StreamStats{}, StreamStats{}
				}
				if p := during.Video.Received.Packets - before.Video.Received.Packets + during.Audio.Received.Packets - before.Audio.Received.Packets; p != 0 {
					t.Errorf("%d packets came on hold", p)
				}
				if kind != "0.0.0.0" && kind != "port 0" && during.LastRTCP.Before(time.Now().Add(-2*time.Second)) {
					t.Errorf("no reports on hold since %v", during.LastRTCP)
				}
				if err := a.Update(a.desc); err != nil {
					t.Fatal(err)
				}
				seen, _, _ := b.rec.counts()
				talk(3*time.Second, a, b)
				settle(50 * time.Millisecond)
				if video, _, _ := b.rec.counts(); video-seen < 85 {
					t.Errorf("%d pictures in 3 s after the hold", video-seen)
				} else if kind != "0.0.0.0" && !b.rec.video[seen].key {
					t.Error("the first picture after the hold is no keyframe")
				}
				if s := b.Stats(); s.AuthFailures != 0 {
					t.Errorf("%+v", s)
				}
				hangUp(a, b)
			})
		})
	}
}

// New keys: packets of the old ones that are still on their way are taken, and none is lost.
func TestNewKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		talk(2*time.Second, a, b)
		old := a.video.t.currentSSRC()
		for round := range byte(3) {
			for _, e := range []*end{b, a} { // the answerer knows first
				audio, video := *e.desc.Audio, *e.desc.Video
				for _, k := range []**negotiate.Keys{&audio.Send, &video.Send, &audio.Receive, &video.Receive} {
					c := **k
					c.Key = bytes.Repeat([]byte{c.Key[0] + 100 + round}, 16)
					*k = &c
				}
				e.desc.Audio, e.desc.Video = &audio, &video
				if err := e.Update(e.desc); err != nil {
					t.Fatal(err)
				}
			}
			if a.video.t.currentSSRC() == old {
				t.Error("the SSRC stayed under new keys: rollover counters would have to be told")
			}
			talk(2*time.Second, a, b)
		}
		settle(100 * time.Millisecond)
		for _, e := range []*end{a, b} {
			video, audio, _ := e.rec.counts()
			if s := e.Stats(); video < 236 || audio < 390 || s.AuthFailures > 20 {
				t.Errorf("%d pictures, %d frames of sound in 8 s: %+v", video, audio, s)
			}
			for _, u := range e.rec.video { // a new sender under a new key needs no silence before it
				if d := u.at.Sub(e.rec.sent[u.number].Captured); d > 60*time.Millisecond {
					t.Errorf("picture %d came after %v", u.number, d)
				}
			}
		}
		hangUp(a, b)
	})
}

// A stream goes from keys to others, to none, and back: each time the next picture is seen at once.
func TestKeysAndPlainByTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		for turn, plain := range []bool{false, false, false, true, false, true, false, false} {
			for i, e := range []*end{b, a} {
				audio, video := *e.desc.Audio, *e.desc.Video
				for _, s := range []*negotiate.Stream{&audio, &video} {
					s.Plain, s.Send, s.Receive = plain, nil, nil
					if !plain {
						s.Send, s.Receive = testKeys(byte(100+10*turn+i)), testKeys(byte(100+10*turn+1-i))
					}
				}
				if err := e.Update(negotiate.Description{Audio: &audio, Video: &video}); err != nil {
					t.Fatal(err)
				}
			}
			before, _, _ := b.rec.counts()
			tell(time.Second, a, b)
			settle(50 * time.Millisecond)
			if after, _, _ := b.rec.counts(); after-before < 29 {
				t.Errorf("turn %d: %d pictures in a second", turn, after-before)
			}
			for _, u := range b.rec.video[before:] {
				if d := u.at.Sub(b.rec.sent[u.number].Captured); d > 60*time.Millisecond {
					t.Errorf("turn %d: picture %d came after %v", turn, u.number, d)
				}
			}
		}
		hangUp(a, b)
	})
}

// The other side restarts as another sender under the same keys.
func TestNewSenderIsAccepted(t *testing.T) {
	for name, option := range map[string]option{"srtp": func(_, _ *negotiate.Description) {}, "plain": plain} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := call(t, perfect(), option)
				for range 5 {
					talk(time.Second, a, b)
					for _, st := range a.streams() {
						st.t.collide()
					}
					a.sendVideo.anew()
				}
				talk(time.Second, a, b)
				settle(100 * time.Millisecond)
				want := 170
				if name == "plain" { // the first packet of each is on probation, and a keyframe with it
					want = 120
				}
				if video, audio, _ := b.rec.counts(); video < want || audio < 280 {
					t.Errorf("%d pictures and %d frames of sound in 6 s", video, audio)
				}
				hangUp(a, b)
			})
		})
	}
}

func TestCollisionOfSSRCs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		talk(time.Second, a, b)
		for i, st := range b.streams() {
			st.t.mu.Lock()
			st.t.ssrc = a.streams()[i].t.currentSSRC()
			st.t.seq = 100
			st.t.mu.Unlock()
		}
		b.sendVideo.anew()
		talk(4*time.Second, a, b)
		settle(100 * time.Millisecond)
		for i := range 2 {
			if a.streams()[i].t.currentSSRC() == b.streams()[i].t.currentSSRC() {
				t.Error("both still use one SSRC")
			}
		}
		for _, e := range []*end{a, b} {
			if video, audio, _ := e.rec.counts(); video < 140 || audio < 230 {
				t.Errorf("%d pictures and %d frames of sound in 5 s", video, audio)
			}
		}
		hangUp(a, b)
	})
}

// A sender that does not answer is asked by PLI, then FIR, no more often than agreed.
func TestKeyframeIsAskedForUntilItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		a.rec.whenAsked(nil) // a's encoder is deaf
		talk(time.Second, a, b)
		drop := true
		a.taps[2].tamper(func(p []byte) [][]byte {
			if drop && demultiplex(p) == isRTP { // a report may be the first to go
				drop = false
				return nil
			}
			return [][]byte{p}
		})
		talk(3*time.Second, a, b)
		s := b.Stats()
		if s.KeyframesAsked < 8 || s.KeyframesAsked > 10 {
			t.Errorf("asked %d times in 3 s, want once every 300 ms", s.KeyframesAsked)
		}
		if s.VideoHeldSince.IsZero() || s.VideoHeld < 80 {
			t.Errorf("pictures were shown after a loss: %+v", s)
		}
		if n := b.video.sink.(*videoSink).firNumber; n < 5 {
			t.Errorf("%d FIR were sent", n)
		}
		spacing(t, a.rec.requests)
		if len(a.rec.requests) < 8 {
			t.Errorf("%d requests arrived", len(a.rec.requests))
		}
		a.rec.whenAsked(a.enc.forceKey)
		talk(time.Second, a, b)
		settle(50 * time.Millisecond)
		if s := b.Stats(); !s.VideoHeldSince.IsZero() {
			t.Error("still holding after a keyframe")
		}
		asked := len(a.rec.requests)
		b.RequestKeyframe()
		talk(time.Second, a, b)
		if n := len(a.rec.requests) - asked; n != 1 {
			t.Errorf("RequestKeyframe arrived %d times, want once: the first was answered", n)
		}
		hangUp(a, b)
	})
}

// The first picture is a keyframe anyway: whoever wants one before that asks for none.
func TestNoKeyframeIsAskedForBeforeTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Between(hostA, hostB, bottleneck(1000, 20*time.Millisecond, 0))
		a, b := call(t, n, measures)
		b.RequestKeyframe()
		talk(time.Second, a, b)
		if s := b.Stats(); s.KeyframesAsked != 0 || s.Video.Received.Frames == 0 {
			t.Errorf("asked %d times, %d pictures came", s.KeyframesAsked, s.Video.Received.Frames)
		}
		hangUp(a, b)
	})
}

// A packet that comes a little late repairs the picture. Some are later than the first wait; one of them is enough
// to learn that.
func TestLatePacketRepairs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		talk(time.Second, a, b)
		count := 0
		var kept []byte
		var ends atomic.Bool // nothing is kept any more
		a.taps[2].tamper(func(p []byte) [][]byte {
			switch count++; {
			case count%20 == 7 && !ends.Load():
				kept = p
				return nil
			case count%20 == 10 && kept != nil:
				late := kept
				kept = nil
				return [][]byte{p, late}
			}
			return [][]byte{p}
		})
		talk(3*time.Second, a, b)
		ends.Store(true)
		talk(100*time.Millisecond, a, b)
		a.taps[2].tamper(nil)
		talk(900*time.Millisecond, a, b)
		settle(50 * time.Millisecond)
		video, _, _ := b.rec.counts()
		if s := b.Stats(); video < 146 || s.KeyframesAsked > 1 || s.VideoHeld > 4 {
			t.Errorf("%d pictures in 5 s: %+v", video, s)
		}
		hangUp(a, b)
	})
}

// What other payload types carry is no sound: telephone-event shares sequence numbers with it and is no loss.
func TestTelephoneEventsAreNoSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect(), func(a, b *negotiate.Description) { a.Video, b.Video = nil, nil })
		for i := range uint32(150) {
			a.SendAudio(AudioFrame{Data: opus20(i)})
			if i%10 == 5 {
				x := a.audio.t
				x.mu.Lock()
				x.d.SendType, x.plain = 110, append(x.plain[:rtpHeader], 5, 0x8a, 0, 160)
				x.send(time.Now(), x.lastTS, time.Now(), false)
				x.d.SendType = 111
				x.mu.Unlock()
			}
			settle(20 * time.Millisecond)
		}
		settle(50 * time.Millisecond)
		if s := b.Stats(); s.Audio.Received.Lost != 0 || s.Audio.Received.Packets != 165 {
			t.Errorf("%+v", s.Audio.Received)
		}
		_, audio, lost := b.rec.counts()
		if audio != 150 || lost > 3 {
			t.Errorf("%d frames of sound, %d concealed", audio, lost)
		}
		for _, f := range b.rec.audio {
			if !f.Lost && len(f.Data) != 80 {
				t.Errorf("a telephone-event was given as sound: % x", f.Data)
			}
		}
		hangUp(a, b)
	})
}

// Silence of the sender is no loss, and what is said after it comes in time.
func TestSilenceIsNoLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect(), func(a, b *negotiate.Description) { a.Video, b.Video = nil, nil })
		for _, silence := range []time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 3 * time.Second, 20 * time.Second} {
			for i := range uint32(50) {
				a.SendAudio(AudioFrame{Data: opus20(i), Captured: time.Now()})
				settle(20 * time.Millisecond)
			}
			settle(silence)
		}
		_, audio, lost := b.rec.counts()
		if s := b.Stats(); audio != 200 || s.Audio.Received.Lost != 0 {
			t.Errorf("%d of 200 frames came: %+v", audio, s.Audio.Received)
		}
		if lost < 20 || lost > 200 { // concealed for a second at most, then the speaker is left alone
			t.Errorf("%d frames concealed", lost)
		}
		for _, f := range b.rec.audio {
			if d := f.at.Sub(f.Captured); !f.Lost && d > 60*time.Millisecond {
				t.Errorf("sound came %v after it was said", d)
				break
			}
		}
		hangUp(a, b)
	})
}

// Pictures that would be far ahead of their sound wait, others do not.
func TestLipSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		const soundLate = 200 * time.Millisecond // a microphone with a long way to us
		go func() {
			for i := range uint32(500) {
				at := time.Now().Add(-soundLate)
				a.SendAudio(AudioFrame{Data: opus20(i), Captured: at})
				time.Sleep(20 * time.Millisecond)
			}
		}()
		for range 300 {
			a.picture(b)
			time.Sleep(time.Second / 30)
		}
		settle(500 * time.Millisecond)
		last := b.rec.video[len(b.rec.video)-1]
		sound := b.rec.audio[400]
		// The sound of a moment is heard 200 + 5 + 20 ms later; its picture may be 125 ms before that.
		if d := last.at.Sub(a.enc.lastCaptured(b)); d < 90*time.Millisecond || d > 115*time.Millisecond {
			t.Errorf("pictures come %v after capture, want about 100ms", d)
		}
		if sound.Lost {
			t.Error("sound was lost")
		}
		if video, _, _ := b.rec.counts(); video != 300 {
			t.Errorf("%d pictures", video)
		}
		hangUp(a, b)
	})
}

func (e *fakeEncoder) lastCaptured(to *end) time.Time {
	to.rec.mu.Lock()
	defer to.rec.mu.Unlock()
	return to.rec.sent[e.number].Captured
}
