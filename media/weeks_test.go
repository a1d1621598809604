package media

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// What is not a part of the picture in weeks: numbers go round. What came lately (requests, retransmissions, repair packets,
// copies of sound, reports of arrivals) is tried with all of its numbers just before their ends, beside the same call with
// numbers far from them.
func TestNumbersGoRoundWhileMuchIsLost(t *testing.T) {
	for _, rtt := range []time.Duration{20 * time.Millisecond, 80 * time.Millisecond} { // asked for; repair packets
		var frozen, kbps [2]float64
		for i, wraps := range []bool{false, true} {
			var still, rates []float64
			for seed := range uint64(3) { // one run alone has good and bad luck
				synctest.Test(t, func(t *testing.T) {
					w, rate := muchIsLost(t, rtt, wraps, 5+seed)
					still, rates = append(still, w.frozen), append(rates, rate)
				})
			}
			slices.Sort(still)
			slices.Sort(rates)
			frozen[i], kbps[i] = still[1], rates[1]
		}
		if frozen[1] > frozen[0]+0.02 || kbps[1] < 0.8*kbps[0] {
			t.Errorf("round trip %v: frozen %.3f with wraps and %.3f without, %.0f and %.0f kbit/s", rtt, frozen[1], frozen[0], kbps[1], kbps[0])
		}
	}
}

// muchIsLost is a call of nine seconds, of which all but the first half lose 5 %: how it looked, and the kbit/s of pictures.
func muchIsLost(t *testing.T, rtt time.Duration, wraps bool, seed uint64) (w watched, kbps float64) {
	n := memnet.New(seed)
	n.Default(memnet.Conditions{Latency: rtt / 2})
	a, b := newEnd(t, n, hostA), newEnd(t, n, hostB)
	a.desc, b.desc = descriptions(a, b)
	everything(&a.desc, &b.desc)
	a.begin()
	b.begin()
	a.rec.sent, b.rec.sent = map[uint32]AccessUnit{}, map[uint32]AccessUnit{}
	for _, e := range []*end{a, b} {
		for _, st := range e.streams() {
			x := st.t
			x.seq, x.repairSeq, x.base = 1000, 1000, 1<<20
			if wraps {
				x.seq, x.repairSeq, x.base = 1<<16-200, 1<<16-3, 1<<32-2*90000
			}
		}
	}
	talk(500*time.Millisecond, a, b)
	n.Between(hostA, hostB, memnet.Conditions{Latency: rtt / 2, Loss: 0.05})
	since := time.Now()
	talk(8*time.Second, a, b)
	w = b.watch(since)
	settle(time.Second)
	s, sent := b.Stats(), a.Stats()
	kbps = float64(s.Video.Received.Bytes) * 8 / 1000 / 8.5
	t.Logf("round trip %v, wraps %t: %v, %.0f kbit/s; missed %d, gone %d, sent again %d, repair packets %d, mended %d; sound concealed %d, recovered %d", rtt, wraps, w, kbps,
		s.VideoMissed, s.VideoGone, sent.Resent, sent.Parity, s.Mended, s.AudioConcealed, s.AudioRecovered)
	if s.VideoMissed < 20 || s.Repairs+s.Mended < s.VideoMissed/2 || s.AudioRecovered == 0 {
		t.Errorf("this test proves nothing: %+v", s)
	}
	if wraps && (a.video.t.seq > 1<<15 || a.audio.t.seq > 1<<15 || a.video.t.repairSeq > 1<<15 || a.video.t.base+90000*4 > 1<<31) {
		t.Errorf("numbers did not go round: %d %d %d", a.video.t.seq, a.audio.t.seq, a.video.t.repairSeq)
	}
	if s.VideoGone > s.VideoMissed/20 || s.AuthFailures+s.Replays > 0 || s.AudioConcealed > 15 {
		t.Errorf("wraps %t: %d of %d packets gone, %d not authentic, %d replays, %d frames concealed", wraps, s.VideoGone, s.VideoMissed, s.AuthFailures, s.Replays, s.AudioConcealed)
	}
	hangUp(a, b)
	return w, kbps
}

// everything is what two windows agree on.
func everything(a, b *negotiate.Description) {
	measures(a, b)
	protecting(a, b)
	for _, d := range []*negotiate.Description{a, b} {
		d.Audio.SendRED, d.Audio.ReceiveRED, d.Audio.NACK = 63, 63, true
	}
}

// An encoder gives no keyframe by itself. Half a round of sequence numbers after the last one, what the other side misses is
// sent again as ever.
func TestSentAgainLongAfterAKeyframe(t *testing.T) {
	var h history
	now := time.Unix(1_700_000_000, 0)
	for seq := uint16(65500); seq != 100; seq++ {
		h.keep(h.slot(seq), now, seq, make([]byte, 100))
	}
	h.begin(100)
	if h.again(now, 99, 0) != nil {
		t.Error("sent again what nobody needs")
	}
	for i := range 3 << 16 {
		seq := uint16(100 + i)
		s := h.slot(seq)
		h.keep(s, now, seq, append(s.data, 1, 2, 3))
		now = now.Add(5 * time.Millisecond)
		if i%100 == 0 && h.again(now, seq, 0) == nil {
			t.Fatalf("packet %d after the keyframe is not sent again", i)
		}
	}
}

// NTP's era ends in 2036: round trip, sound beside pictures and the rate go on.
func TestEndOfTheEra(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2036, 2, 7, 6, 28, 11, 0, time.UTC)))
		n := memnet.New(5)
		n.Default(memnet.Conditions{Latency: 10 * time.Millisecond})
		a, b := call(t, n, everything)
		for range 5 {
			talk(2*time.Second, a, b)
			settle(50 * time.Millisecond)
			s := a.Stats()
			sound, known := b.soundDelay()
			if !known || s.RTT < 19*time.Millisecond || s.RTT > 23*time.Millisecond || s.Budget < 250 || s.Queue > 5*time.Millisecond {
				t.Errorf("%v: round trip %v, budget %d, queue %v, sound %v %t", time.Now(), s.RTT, s.Budget, s.Queue, sound, known)
			}
		}
		if video, audio, lost := b.rec.counts(); video < 299 || audio < 495 || lost > 20 {
			t.Errorf("%d pictures, %d frames of sound, %d concealed", video, audio, lost)
		}
		hangUp(a, b)
	})
}

// Reports over four billion packets, and of more lost than their field holds; and one of a sender that came to more than it sent.
func TestReportsAtTheEndOfTheirFields(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := newSource(1, 90000, now)
	s.receive(now, 100, 0)
	s.receive(now, 101, 0)
	s.highest += 1<<32 - 10
	r := s.report(now)
	if r.LastSequenceNumber != 101-10 {
		t.Errorf("highest number %d, want %d", r.LastSequenceNumber, 101-10)
	}
	if r.TotalLost != 1<<23-1 {
		t.Errorf("%d lost", r.TotalLost)
	}
	if _, err := (&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{r}}).Marshal(); err != nil {
		t.Error(err)
	}
	var l losses
	l.heard(now, rtcp.ReceptionReport{LastSequenceNumber: 1<<32 - 50})
	if lost, count := l.heard(now.Add(time.Second), rtcp.ReceptionReport{LastSequenceNumber: 50, FractionLost: 64}); count != 100 || lost < 25 || lost > 26 {
		t.Errorf("%v lost of %d", lost, count)
	}
	session, _ := bench(t, false)
	session.video.heardReports(now, now, []rtcp.ReceptionReport{{SSRC: session.video.t.currentSSRC(), TotalLost: 1<<24 - 3}})
	if session.video.remote.lost != 0 {
		t.Errorf("a negative number is %d lost", session.video.remote.lost)
	}
}
