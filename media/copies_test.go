package media

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/media/red"
	"ewindow/scripts/lab/memnet"
)

// copying makes both ends send copies of earlier frames where the path asks for it, as two windows do.
func copying(a, b *negotiate.Description) {
	for _, d := range []*negotiate.Description{a, b} {
		d.Audio.SendRED, d.Audio.ReceiveRED = 63, 63
	}
}

// hearing makes both ends ask for sound that they miss.
func hearing(a, b *negotiate.Description) { a.Audio.NACK, b.Audio.NACK = true, true }

// say sends sound from one end to the other, and no pictures.
func (e *end) say(d time.Duration) { chat(d, e) }

// chat sends sound from each of some ends.
func chat(d time.Duration, ends ...*end) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for until := time.Now().Add(d); time.Now().Before(until); {
		now := <-ticker.C
		for _, e := range ends {
			e.said++
			e.SendAudio(AudioFrame{Data: opus20(e.said), Captured: now, Duration: 20 * time.Millisecond})
		}
	}
	synctest.Wait()
}

// When a line is clean again, copies end, and sound comes as early as before.
func TestSoundAfterLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		a, b := call(t, n, copying)
		for _, loss := range []float64{0, 0.1, 0, 0.01, 0} {
			n.Between(hostA, hostB, line(20*time.Millisecond, loss, 0))
			a.say(60 * time.Second) // by then what was before has no effect
			if s := b.Stats(); loss == 0 && (s.Audio.Received.Kbps > 33 || s.AudioDelay > 20*time.Millisecond) {
				t.Errorf("%.0f kbit/s on a clean line, a delay of %v", s.Audio.Received.Kbps, s.AudioDelay)
			}
		}
		before := b.Stats().AudioConcealed
		a.say(60 * time.Second)
		if s := b.Stats(); s.AudioConcealed != before {
			t.Errorf("%d frames concealed on a clean line", s.AudioConcealed-before)
		}
		hangUp(a, b)
	})
}

// When packets begin to get lost, copies begin soon.
func TestSoundWhenLossBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		a, b := call(t, n, copying)
		const times = 10
		for range times {
			n.Between(hostA, hostB, line(20*time.Millisecond, 0, 0))
			a.say(45 * time.Second)
			n.Between(hostA, hostB, line(20*time.Millisecond, 0.1, 0))
			a.say(3 * time.Second)
		}
		s := b.Stats()
		t.Logf("%.1f of 15 frames lost are concealed each time", float64(s.AudioConcealed)/times)
		if s.AudioConcealed > 6*times {
			t.Errorf("%.1f of 15 frames lost are concealed each time", float64(s.AudioConcealed)/times)
		}
		hangUp(a, b)
	})
}

// A sender that begins anew while all its packets have copies in them is a sender.
func TestNewSenderWithCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Between(hostA, hostB, line(20*time.Millisecond, 0.1, 0))
		a, b := call(t, n, copying)
		a.say(10 * time.Second)
		a.audio.t.collide()
		_, before, _ := b.rec.counts()
		a.say(10 * time.Second)
		if _, played, _ := b.rec.counts(); played-before < 480 {
			t.Errorf("%d of 500 frames of the new sender are played", played-before)
		}
		hangUp(a, b)
	})
}

// Who did not agree to copies gets none, and whoever sends some regardless is not understood.
func TestSoundWithoutCopies(t *testing.T) {
	for name, agreed := range map[string][2]uint8{"none": {0, 0}, "the other side takes none": {0, 63}, "we take none": {63, 0}} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New(3)
			n.Between(hostA, hostB, line(20*time.Millisecond, 0.1, 0))
			a, b := call(t, n, func(a, b *negotiate.Description) { a.Audio.SendRED, b.Audio.ReceiveRED = agreed[0], agreed[1] })
			a.say(60 * time.Second)
			s := b.Stats()
			lost := float64(s.Audio.Received.Lost)
			if name == "we take none" {
				lost = float64(s.Audio.Received.Frames)
			}
			if got := float64(s.AudioConcealed); s.AudioRecovered > 0 || name != "we take none" && (got < 0.95*lost || got > 1.1*lost) {
				t.Errorf("%s: %.0f concealed, %.0f lost, %d recovered", name, got, lost, s.AudioRecovered)
			}
			hangUp(a, b)
		})
	}
}

// Silence of the sender is not missing, nor what came before it.
func TestConcealedIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Between(hostA, hostB, line(20*time.Millisecond, 0, 0))
		a, b := call(t, n, copying)
		for _, silent := range []time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 3 * time.Second} {
			a.say(2 * time.Second)
			settle(silent)
		}
		a.say(time.Second)
		_, played, lost := b.rec.counts()
		if s := b.Stats(); s.AudioConcealed > 0 || lost == 0 || played < 345 {
			t.Errorf("%d concealed, %d given as lost, %d played", s.AudioConcealed, lost, played)
		}
		hangUp(a, b)
	})
}

// Copies go while the path asks for them, and some time longer.
func TestNeed(t *testing.T) {
	start := time.Unix(1700000000, 0)
	type report struct {
		after      time.Duration
		sent, lost int
		want       int
	}
	for name, reports := range map[string][]report{
		"clean":                 {{time.Second, 50, 0, 0}, {time.Second, 50, 0, 0}},
		"one lost":              {{time.Second, 50, 0, 0}, {time.Second, 50, 1, 1}},
		"one of the very first": {{200 * time.Millisecond, 10, 1, 1}},
		"one of 500":            {{10 * time.Second, 500, 0, 0}, {time.Second, 50, 0, 0}, {time.Second, 50, 0, 0}, {8 * time.Second, 400, 1, 0}},
		"a tenth": {{time.Second, 50, 0, 0}, {300 * time.Millisecond, 15, 1, 1}, {500 * time.Millisecond, 25, 3, 1},
			{500 * time.Millisecond, 25, 3, 1}, {500 * time.Millisecond, 25, 3, 1}, {500 * time.Millisecond, 25, 3, 2}},
		"a burst": {{time.Second, 50, 0, 0}, {200 * time.Millisecond, 60, 4, 2}},
		"it ends": {{time.Second, 50, 0, 0}, {time.Second, 50, 10, 2}, {keptFor - time.Second, 900, 0, 2},
			{2 * time.Second, 100, 0, 0}},
		"less":                  {{time.Second, 50, 0, 0}, {time.Second, 50, 10, 2}, {keptFor + time.Second, 900, 13, 1}},
		"numbers begin again":   {{time.Second, 50, 0, 0}, {time.Second, -3000, 0, 0}, {time.Second, 50, 0, 0}},
		"numbers are far ahead": {{time.Second, 50, 0, 0}, {time.Second, 1 << 30, 0, 0}, {time.Second, 50, 1, 1}},
	} {
		var n need
		now, highest := start, uint32(1<<32-60)
		for i, r := range reports {
			now = now.Add(r.after)
			highest += uint32(r.sent)
			n.heard(now, rtcp.ReceptionReport{LastSequenceNumber: highest, FractionLost: uint8(r.lost * 256 / max(r.sent, 1))})
			if n.copies != r.want {
				t.Errorf("%s, report %d: %d copies, want %d", name, i, n.copies, r.want)
			}
		}
	}
}

// Copies are of frames that follow on one another, and leave a packet as small as the path wants it.
func TestCopies(t *testing.T) {
	d := &negotiate.Stream{SendType: 111, SendRED: 63}
	for name, c := range map[string]struct {
		wanted int
		d      *negotiate.Stream
		sizes  []int // of the frames before
		step   uint32
		size   int
		want   []uint32 // offsets
	}{
		"none wanted":       {0, d, []int{80, 80}, 960, 80, nil},
		"one":               {1, d, []int{80, 80, 80}, 960, 80, []uint32{960}},
		"two":               {2, d, []int{80, 80, 80}, 960, 80, []uint32{1920, 960}},
		"the first frame":   {2, d, nil, 960, 80, nil},
		"the second":        {2, d, []int{80}, 960, 80, []uint32{960}},
		"too large":         {2, d, []int{80, 1024}, 960, 80, nil},
		"one of them fits":  {2, d, []int{500, 500}, 960, 500, []uint32{960}},
		"none of them fits": {2, d, []int{80, 80}, 960, 1150, nil},
		"too long ago":      {2, d, []int{80, 80}, 5760 * 2, 80, []uint32{5760 * 2}},
		"not agreed":        {2, &negotiate.Stream{SendType: 111}, []int{80, 80}, 960, 80, nil},
	} {
		var x copies
		x.need.copies = c.wanted
		ts := uint32(1<<32 - 1000)
		for i, size := range c.sizes {
			x.keep(c.d, ts, bytes.Repeat([]byte{byte(i)}, size))
			ts += c.step
		}
		var got []uint32
		total := rtpHeader + 1 + c.size
		for _, b := range x.of(c.d, ts, c.size, frameTime) {
			got, total = append(got, b.Offset), total+red.Size(len(b.Data))
			if i := len(c.sizes) - int(b.Offset/c.step); len(b.Data) != c.sizes[i] || b.Data[0] != byte(i) {
				t.Errorf("%s: %d ticks earlier it is % x", name, b.Offset, b.Data)
			}
		}
		if !slices.Equal(got, c.want) || total > maxPacket {
			t.Errorf("%s: offsets %d in %d bytes, want %d", name, got, total, c.want)
		}
		if x.interrupt(); x.of(c.d, ts, c.size, frameTime) != nil {
			t.Errorf("%s: copies of before a pause", name)
		}
	}
}
