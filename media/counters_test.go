package media

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// What is said of a line is what it did, whether anything is asked for again or not; and whatever happens, no counter goes back.
func TestCountersOnLines(t *testing.T) {
	nothing := func(_, _ *negotiate.Description) {}
	for _, test := range []struct {
		name      string
		asks      option
		line      memnet.Conditions
		odd       func(x *transmitter) // each second, with its mutex held
		loss      float64              // share of the packets
		gone      float64              // of these, at most
		tolerated float64
	}{
		{"nothing is asked for, 5 %", nothing, line(20*ms, 0.05, 0), nil, 0.05, 1, 0.015},
		{"asked for, 5 %", everything, line(20*ms, 0.05, 0), nil, 0.05, 0.2, 0.015},
		{"nothing is asked for, overtaken", nothing, memnet.Conditions{Latency: 10 * ms, Reorder: 0.05}, nil, 0, 1, 0},
		{"asked for, overtaken", everything, memnet.Conditions{Latency: 10 * ms, Reorder: 0.05}, nil, 0, 1, 0.005},
		{"numbers jump", everything, line(20*ms, 0, 0), func(x *transmitter) { x.seq += 20000 }, 0, 1, 0},
		{"numbers jump, nothing is asked for", nothing, line(20*ms, 0, 0), func(x *transmitter) { x.seq += 20000 }, 0, 1, 0},
		{"another sender each second, 5 %", everything, line(20*ms, 0.05, 0), func(x *transmitter) { x.newSSRC() }, 0.05, 0.6, 0.02},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(4)
				n.Between(hostA, hostB, test.line)
				a, b := call(t, n, test.asks)
				b.rec.blind = test.odd != nil // its keyframe is not the first of the new numbers
				stop := make(chan struct{})
				go func() {
					var before Stats
					for {
						select {
						case <-stop:
							return
						case <-time.After(7 * ms):
						}
						s := b.Stats()
						for name, x := range map[string][2]float64{
							"expected": {float64(before.Video.Received.Expected), float64(s.Video.Received.Expected)},
							"missed":   {float64(before.VideoMissed), float64(s.VideoMissed)}, "gone": {float64(before.VideoGone), float64(s.VideoGone)},
							"freezes": {float64(before.Freezes), float64(s.Freezes)}, "frozen": {float64(before.Frozen), float64(s.Frozen)},
							"concealed": {float64(before.AudioConcealed), float64(s.AudioConcealed)},
						} {
							if x[1] < x[0] {
								t.Errorf("%s goes from %v to %v", name, x[0], x[1])
							}
						}
						before = s
					}
				}()
				for range 10 {
					talk(time.Second, a, b)
					if test.odd != nil {
						a.video.t.mu.Lock()
						test.odd(a.video.t)
						a.video.t.mu.Unlock()
						a.enc.forceKey()
					}
				}
				settle(time.Second)
				close(stop)
				s := b.Stats()
				expected := float64(s.Video.Received.Expected)
				missed, gone := float64(s.VideoMissed)/expected, float64(s.VideoGone)/expected
				said := fmt.Sprintf("%.3f of %.0f packets missed and %.3f gone, %d were sent", missed, expected, gone, a.Stats().Video.Sent.Packets)
				t.Log(said)
				if math.Abs(missed-test.loss) > test.tolerated || gone > test.gone*missed || test.gone == 1 && gone != missed {
					t.Errorf("%s; lost were %.2f", said, test.loss)
				}
				if lost := float64(s.Video.Received.Lost) / expected; test.gone < 1 && math.Abs(lost-missed) > 0.1*lost {
					t.Errorf("%s; by their own numbers %.3f did not come", said, lost)
				}
				if sent := float64(a.Stats().Video.Sent.Packets); math.Abs(expected-sent) > 0.02*sent {
					t.Errorf("%.0f packets are expected of %.0f", expected, sent)
				}
				hangUp(a, b)
			})
		})
	}
}

// A sender of few pictures is not frozen all the time, and frozen when it stands.
func TestFewPicturesAreNoFreezes(t *testing.T) {
	for fps, tolerated := range map[int]uint64{2: 3, 5: 3, 10: 0, 30: 0} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New(4)
			n.Between(hostA, hostB, line(20*ms, 0, 0))
			a, b := call(t, n)
			send := func(pictures int) {
				for range pictures {
					a.picture(b)
					time.Sleep(time.Second / time.Duration(fps))
				}
			}
			send(10 * fps)
			s := b.Stats()
			if s.Freezes > tolerated {
				t.Errorf("%d pictures a second: %d freezes, %v", fps, s.Freezes, s.Frozen)
			}
			time.Sleep(5 * time.Second)
			send(10 * fps)
			after := b.Stats()
			if frozen := after.Frozen - s.Frozen; after.Freezes != s.Freezes+1 || frozen < 5*time.Second || frozen > 5500*ms {
				t.Errorf("%d pictures a second, none for 5 s: %d freezes, %v", fps, after.Freezes-s.Freezes, frozen)
			}
			hangUp(a, b)
		})
	}
}

// Another path, or a clock that the sender sets, costs nobody anything but what it takes.
func TestPathsThatBecomeOthers(t *testing.T) {
	for name, change := range map[string]func(n *memnet.Network, a *end){
		"300 ms more": func(n *memnet.Network, _ *end) { n.Between(hostA, hostB, line(620*ms, 0, 0)) },
		"clock back by ten seconds": func(_ *memnet.Network, a *end) {
			for _, st := range a.streams() {
				st.t.mu.Lock()
				st.t.base -= 10 * st.t.d.ClockRate
				st.t.mu.Unlock()
			}
			a.sendVideo.timestamp -= 10 * videoRate
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(4)
				n.Between(hostA, hostB, line(20*ms, 0, 0))
				a, b := call(t, n)
				talk(5*time.Second, a, b)
				change(n, a)
				talk(time.Second, a, b)
				var begun = time.Now()
				for range 15 {
					since := time.Now()
					talk(time.Second, a, b)
					w := b.watch(since)
					if longest := b.longest(since); w.p95-w.p50 > 20*ms || w.p50 > 330*ms || longest > 100*ms {
						t.Errorf("after %v: %v, longest %v", since.Sub(begun)+time.Second, w, longest)
					}
				}
				hangUp(a, b)
			})
		})
	}
}

// While the other side holds the call nothing is frozen, whatever of it still waited to be shown.
func TestNothingFreezesOnHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(4)
		n.Between(hostA, hostB, line(80*ms, 0.1, 0))
		a, b := call(t, n, asks)
		talk(5*time.Second, a, b)
		held := b.desc
		video := *held.Video
		video.Direction = negotiate.Inactive
		held.Video = &video
		before := b.Stats()
		if before.Delay < 20*ms {
			t.Fatalf("pictures wait for %v: nothing is tried here", before.Delay)
		}
		if err := b.Update(held); err != nil {
			t.Fatal(err)
		}
		talk(5*time.Second, a, b)
		if s := b.Stats(); s.Freezes > before.Freezes+1 || s.Frozen > before.Frozen+300*ms {
			t.Errorf("on hold for 5 s: %d freezes, %v", s.Freezes-before.Freezes, s.Frozen-before.Frozen)
		}
		if err := b.Update(b.desc); err != nil {
			t.Fatal(err)
		}
		talk(5*time.Second, a, b)
		if s := b.Stats(); s.Frozen > before.Frozen+time.Second || s.VideoKept < before.VideoKept+100 {
			t.Errorf("after that: %v frozen, %d pictures", s.Frozen-before.Frozen, s.VideoKept-before.VideoKept)
		}
		hangUp(a, b)
	})
}
