package media

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

func TestMediaGoBothWays(t *testing.T) {
	modes := map[string]option{
		"gcm": func(a, b *negotiate.Description) {},
		"sdes": func(a, b *negotiate.Description) {
			for _, s := range []*negotiate.Stream{a.Audio, a.Video, b.Audio, b.Video} {
				for _, k := range []*negotiate.Keys{s.Send, s.Receive} {
					k.Suite, k.Salt = negotiate.AES_CM_128_HMAC_SHA1_80, append(k.Salt, 7, 7)
				}
			}
		},
		"plain": plain,
		"two ports": func(a, b *negotiate.Description) {
			for _, s := range []*negotiate.Stream{a.Audio, a.Video, b.Audio, b.Video} {
				s.Mux = false
				s.RTCP = portAbove(s.RTP)
			}
		},
		"mode 0": func(a, b *negotiate.Description) { a.Video.Mode, b.Video.Mode = 0, 0 },
	}
	for name, option := range modes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(1)
				n.Default(memnet.Conditions{Latency: 10 * time.Millisecond})
				a, b := call(t, n, option)
				talk(10*time.Second, a, b)
				settle(200 * time.Millisecond)
				for _, e := range []*end{a, b} {
					checkClean(t, e)
				}
				hangUp(a, b)
			})
		})
	}
}

// checkClean looks at one end after ten seconds over a perfect link of 10 ms.
func checkClean(t *testing.T, e *end) {
	t.Helper()
	video, audio, _ := e.rec.counts()
	if video < 299 || audio < 498 {
		t.Errorf("%d pictures and %d frames of sound came in 10 s, want 299 and 498", video, audio)
	}
	for _, u := range e.rec.video {
		limit := 11 * time.Millisecond // at once: the link and nothing else
		if u.key {
			limit = 45 * time.Millisecond // 30 kB at 8 Mbit/s, of which a burst goes at once
		}
		if d := u.at.Sub(e.rec.sent[u.number].Captured); d > limit && e.rec.sent[u.number].Data != nil {
			t.Errorf("picture %d (key %t) took %v, want at most %v", u.number, u.key, d, limit)
		}
		if d := u.Captured.Sub(u.at); d < -60*time.Millisecond || d > 0 {
			t.Errorf("picture %d says it was captured %v before it came", u.number, -d)
		}
	}
	for i, f := range e.rec.audio[1:] {
		if d := f.at.Sub(e.rec.audio[i].at); d != 20*time.Millisecond {
			t.Errorf("frame of sound %d came %v after the one before", i, d)
			break
		}
	}
	s := e.Stats()
	if s.RTT < 19*time.Millisecond || s.RTT > 21*time.Millisecond {
		t.Errorf("round trip %v, want 20ms", s.RTT)
	}
	if s.Video.Received.Lost+s.Audio.Received.Lost+s.VideoHeld+s.KeyframesAsked+s.AuthFailures+s.Replays+s.Garbage+s.Discarded != 0 {
		t.Errorf("something was lost on a perfect link: %+v", s)
	}
	if f := s.Video.Received.FPS; f < 29 || f > 31 {
		t.Errorf("%v pictures a second", f)
	}
	if k := s.Video.Sent.Kbps; k < 1800 || k > 2200 {
		t.Errorf("%v kbit/s sent", k)
	}
	if k := s.Audio.Received.Kbps; k < 30 || k > 34 {
		t.Errorf("%v kbit/s of sound received", k)
	}
	want := 1 // to begin with
	if e.video.t.byReports != nil {
		want += len(greetings)
	}
	if len(e.rec.requests) > want {
		t.Errorf("%d keyframes requested on a perfect link", len(e.rec.requests))
	}
}

func plain(a, b *negotiate.Description) {
	for _, s := range []*negotiate.Stream{a.Audio, a.Video, b.Audio, b.Video} {
		s.Send, s.Receive, s.Plain = nil, nil, true
	}
}

// Whatever the network does, the recorder sees no broken picture; and pictures come back.
func TestBadNetworksShowNoBrokenPicture(t *testing.T) {
	networks := map[string]struct {
		c    memnet.Conditions
		want int // pictures in 30 s, of 900
	}{
		"loss 0.2 %":     {memnet.Conditions{Latency: 20 * time.Millisecond, Loss: 0.002}, 700},
		"loss 2 %":       {memnet.Conditions{Latency: 20 * time.Millisecond, Loss: 0.02}, 80},
		"reordering":     {memnet.Conditions{Latency: 20 * time.Millisecond, Reorder: 0.02}, 895},
		"jitter":         {memnet.Conditions{Latency: 20 * time.Millisecond, Jitter: 40 * time.Millisecond}, 895},
		"duplicates":     {memnet.Conditions{Latency: 20 * time.Millisecond, Duplicate: 0.1}, 895},
		"all of it":      {memnet.Conditions{Latency: 50 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.002, Duplicate: 0.02, Reorder: 0.01}, 450},
		"as bad as that": {memnet.Conditions{Latency: 20 * time.Millisecond, Loss: 0.3}, 0},
	}
	for name, c := range networks {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(7)
				n.Default(c.c)
				a, b := call(t, n)
				tell(30*time.Second, a, b)
				video, audio, lost := b.rec.counts()
				s := b.Stats()
				t.Logf("%d pictures, %d frames of sound, %d concealed, %d held, %d asked", video, audio, lost, s.VideoHeld, s.KeyframesAsked)
				if video < c.want {
					t.Errorf("%d pictures came, want %d", video, c.want)
				}
				if want := int(1500*(1-c.c.Loss)) - 60; audio < want {
					t.Errorf("%d frames of sound came, want %d", audio, want)
				}
				r := s.Video.Received
				sent := float64(r.Lost + r.Packets)
				if f := float64(r.Lost) / sent; math.Abs(f-c.c.Loss) > 5*math.Sqrt(c.c.Loss/sent) { // five standard deviations
					t.Errorf("%v of the packets lost, want %v", f, c.c.Loss)
				}
				if c.c.Duplicate > 0 && s.Replays == 0 {
					t.Error("duplicates were not counted")
				}
				spacing(t, a.rec.requests)
				n.Default(memnet.Conditions{Latency: 20 * time.Millisecond})
				tell(2*time.Second, a, b)
				settle(100 * time.Millisecond)
				if after, _, _ := b.rec.counts(); after-video < 25 || !b.Stats().VideoHeldSince.IsZero() {
					t.Errorf("%d pictures in the two seconds after the network was well, held since %v", after-video, b.Stats().VideoHeldSince)
				}
				hangUp(a, b)
			})
		})
	}
}

func spacing(t *testing.T, times []time.Time) {
	t.Helper()
	for i := 1; i < len(times); i++ {
		if d := times[i].Sub(times[i-1]); d < keyframeSpacing {
			t.Errorf("keyframes requested %v apart", d)
		}
	}
}
