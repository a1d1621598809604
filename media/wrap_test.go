//go:build !race

package media

import (
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
	"ewindow/media/rtptime"
	"ewindow/scripts/lab/memnet"
)

// Sequence numbers go round several times, which moves the rollover counter of SRTP on, and an Update with the same
// keys comes in between: no picture is lost.
func TestSequenceNumbersAndRolloverCounterWrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Default(memnet.Conditions{Latency: 5 * time.Millisecond, Jitter: 3 * time.Millisecond})
		a, b := call(t, n)
		a.enc.fixed, b.enc.fixed = true, true
		a.enc.sizeP, a.enc.slices, b.enc.sizeP = 60, 110, 2000 // 110 packets a picture, since in mode 0 each slice has its own
		a.video.t.seq = 1<<15 - 1                              // as near to the first wrap as a session can begin
		a.desc.Video.Mode, a.desc.Video.MaxKbps = 0, 100_000
		if err := a.Update(a.desc); err != nil {
			t.Fatal(err)
		}
		for range 5 { // 180 pictures each
			talk(6*time.Second, a, b)
			for _, e := range []*end{a, b} {
				if err := e.Update(e.desc); err != nil {
					t.Fatal(err)
				}
			}
		}
		settle(time.Second)
		s := b.Stats()
		roc, _ := a.video.t.protect.rtp.ROC(a.video.t.currentSSRC())
		if roc < 2 {
			t.Fatalf("rollover counter is %d after %d packets: this test proves nothing", roc, s.Video.Received.Packets)
		}
		if video, _, _ := b.rec.counts(); video < 5*180-5 || s.Video.Received.Lost+s.AuthFailures+s.Replays+s.VideoHeld != 0 {
			t.Errorf("%d pictures of %d came: %+v", video, 5*180, s)
		}
		if highest := b.video.src.highest; highest>>16 != int64(roc)+1 {
			t.Errorf("extended sequence number %#x beside rollover counter %d", highest, roc)
		}
		hangUp(a, b)
	})
}

// RTP timestamps of video go round after 13.25 hours; with the middle of the range they also change sign.
func TestTimestampsWrap(t *testing.T) {
	for _, base := range []uint32{1<<32 - 90000*2, 1<<31 - 90000*2} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New(4)
			n.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
			a, b := newEnd(t, n, hostA), newEnd(t, n, hostB)
			a.desc, b.desc = descriptions(a, b)
			b.begin()
			a.begin()
			a.rec.sent, b.rec.sent = map[uint32]AccessUnit{}, map[uint32]AccessUnit{}
			a.video.t.base = base
			a.audio.t.base = base
			talk(4*time.Second, a, b)
			settle(200 * time.Millisecond)
			video, audio, lost := b.rec.counts()
			if video < 119 || audio < 199 || lost > 20 {
				t.Errorf("from timestamp %#x: %d pictures, %d frames of sound, %d concealed", base, video, audio, lost)
			}
			for i, u := range b.rec.video[1:] {
				if d := u.Captured.Sub(b.rec.video[i].Captured); d < 27*time.Millisecond || d > 39*time.Millisecond {
					t.Errorf("captured %v after the one before", d)
				}
			}
			hangUp(a, b)
		})
	}
}

// Fifteen hours in which timestamps, which begin anywhere, wrap by themselves after 13.25 at most: four minutes of a picture every five seconds, then a hold
// until the hour is over, in which nothing is sent at all. Reports go on whenever media does.
func TestFifteenHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(5)
		n.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
		a, b := call(t, n)
		a.enc.fixed, b.enc.fixed, a.enc.sizeP, b.enc.sizeP = true, true, 500, 500
		const hours, pictures = 15, 4 * 60 / 5
		start := time.Now()
		for hour := range hours {
			for range pictures {
				time.Sleep(5 * time.Second)
				a.picture(b)
			}
			settle(time.Second)
			if video, _, _ := b.rec.counts(); video != (hour+1)*pictures {
				t.Fatalf("%d of %d pictures came by %v", video, (hour+1)*pictures, time.Since(start))
			}
			if s := a.Stats(); s.RTT < 9*time.Millisecond || s.RTT > 11*time.Millisecond || b.Stats().Video.Received.Lost != 0 {
				t.Errorf("after %v: %+v", time.Since(start), s)
			}
			for _, e := range []*end{a, b} {
				if err := e.Update(negotiate.Description{}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Until(start.Add(time.Duration(hour+1) * time.Hour)))
			for _, e := range []*end{b, a} {
				if err := e.Update(e.desc); err != nil {
					t.Fatal(err)
				}
			}
			a.enc.forceKey()
			synctest.Wait()
		}
		if ts := b.video.src.ts.Peek(a.video.t.lastTS) >> 32; ts < 2 {
			t.Errorf("timestamps wrapped %d times: this test proves nothing", ts-1)
		}
		hangUp(a, b)
	})
}

func TestSequenceNumbersStartInTheLowerHalf(t *testing.T) {
	for range 200 {
		x := newTransmitter(nil, time.Now())
		if x.seq >= 1<<15 {
			t.Fatalf("starts at %d", x.seq)
		}
	}
}

// Drift between the two clocks: 200 ppm is 24 ms in two minutes, ten times as much as sound cards have.
func TestDriftIsFollowedInSound(t *testing.T) {
	for _, ppm := range []int{1000, -1000} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New(6)
			n.Default(memnet.Conditions{Latency: 5 * time.Millisecond, Jitter: 2 * time.Millisecond})
			a, b := call(t, n, func(a, b *negotiate.Description) { a.Video, b.Video = nil, nil })
			period := 20*time.Millisecond + 20*time.Millisecond*time.Duration(ppm)/1_000_000
			ticker := time.NewTicker(period)
			start := time.Now()
			i := uint32(0)
			for time.Since(start) < 2*time.Minute {
				<-ticker.C
				a.SendAudio(AudioFrame{Data: opus20(i), Captured: start.Add(time.Duration(i) * 20 * time.Millisecond)})
				i++
			}
			synctest.Wait()
			p := b.audio.sink.(*audioSink).playout
			if d := p.Depth(time.Now()); d < 5*time.Millisecond || d > 60*time.Millisecond {
				t.Errorf("%d ppm: depth is %v after two minutes", ppm, d)
			}
			if changes := p.Dropped + p.Inserted; changes < 3 || changes > 9 { // 120 ms of drift
				t.Errorf("%d ppm: %d dropped, %d inserted, want about 6", ppm, p.Dropped, p.Inserted)
			}
			hangUp(a, b)
		})
	}
}

func TestReportsCountCyclesFromZero(t *testing.T) {
	s := newSource(1, 90000, time.Now())
	now := time.Now()
	for i := range 70000 {
		s.receive(now, uint16(i+100), uint32(i)*3000)
	}
	if r := s.report(now); r.LastSequenceNumber != 70099 || r.TotalLost != 0 || r.FractionLost != 0 {
		t.Errorf("%+v", r)
	}
	for i := range 100 { // every other one
		s.receive(now, uint16(70100+i*2), 0)
	}
	if r := s.report(now); r.TotalLost != 99 || r.FractionLost != uint8(99*256/199) {
		t.Errorf("%+v", r)
	}
	if rtptime.ToDuration(90000, 90000) != time.Second {
		t.Error("a second of ticks is no second")
	}
}
