//go:build !race

package media

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// seldom makes an end report as a phone does that does so once in a while alone: what it asks for goes out at once, its blocks
// wait, and tell of all the time since the last. plain agrees on what it can read.
func seldom(e *end, every time.Duration) {
	for _, c := range e.taps {
		var said time.Time
		var lost, highest uint32
		c.tamper(func(d []byte) [][]byte {
			if demultiplex(d) != isRTCP {
				return [][]byte{d}
			}
			packets, err := rtcp.Unmarshal(d)
			if err != nil {
				e.t.Error(err)
			}
			for _, p := range packets {
				var blocks *[]rtcp.ReceptionReport
				switch r := p.(type) {
				case *rtcp.SenderReport:
					blocks = &r.Reports
				case *rtcp.ReceiverReport:
					blocks = &r.Reports
				default:
					continue
				}
				if len(*blocks) == 0 || time.Since(said) < every {
					*blocks = nil
					continue
				}
				b := &(*blocks)[0]
				if !said.IsZero() && b.LastSequenceNumber != highest {
					b.FractionLost = uint8(min(max(int(int32(b.TotalLost-lost)<<8>>8), 0)*256/int(b.LastSequenceNumber-highest), 255))
				}
				said, lost, highest = time.Now(), b.TotalLost, b.LastSequenceNumber
			}
			if d, err = rtcp.Marshal(packets); err != nil {
				e.t.Error(err)
			}
			return [][]byte{d}
		})
	}
}

// A phone behind a narrow line, that tells what it lost and no more, hears us, and sees pictures of what the line carries: once
// a few of its reports have come.
func TestPhonesOnNarrowLines(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 5 * time.Second} {
		for _, kbps := range []int{300, 500, 1000, 2000} {
			t.Run(fmt.Sprintf("%d kbit/s, reports every %v", kbps, every), func(t *testing.T) {
				var concealed, frozen, used []float64 // medians are judged: a run alone has bad luck
				for seed := range uint64(5) {
					synctest.Test(t, func(t *testing.T) {
						n := memnet.New(3 + seed)
						n.OneWay(hostA, hostB, bottleneck(kbps, 20*time.Millisecond, 0))
						n.OneWay(hostB, hostA, line(20*time.Millisecond, 0, 0))
						a, b := call(t, n, plain)
						a.phone(false)
						if every > time.Second {
							seldom(b, every)
						}
						talk(10*time.Second, a, b)
						early, since, sent := b.Stats(), time.Now(), a.Stats().Video.Sent.Bytes
						talk(50*time.Second, a, b)
						s, w := b.Stats(), b.watch(since)
						concealed = append(concealed, float64(s.AudioConcealed-early.AudioConcealed)/float64(s.Audio.Received.Frames-early.Audio.Received.Frames))
						frozen = append(frozen, w.frozen)
						used = append(used, float64(a.Stats().Video.Sent.Bytes-sent)*8/1000/50)
						t.Logf("sound concealed %.4f (%d before); %v; %.0f kbit/s", concealed[seed], early.AudioConcealed, w, used[seed])
						hangUp(a, b)
					})
				}
				if c, f, u := median(concealed), median(frozen), median(used); c > 0.02 || f > 0.05 || u < 0.65*float64(kbps) {
					t.Errorf("medians: %.4f of the sound concealed, pictures frozen for %.4f of the time, %.0f kbit/s", c, f, u)
				}
			})
		}
	}
}

// What is no queue of ours takes nothing from a phone's pictures: chance, unevenness, and the queue in which its reports stand.
func TestPhonesOnFreeLines(t *testing.T) {
	free := line(20*time.Millisecond, 0, 0)
	for _, test := range []struct {
		name        string
		there, back memnet.Conditions
		every       time.Duration
		kbps        int // after a minute, at least
	}{
		{"1 % lost", line(20*time.Millisecond, 0.01, 0), free, time.Second, 1900},
		{"1 % lost", line(20*time.Millisecond, 0.01, 0), free, 5 * time.Second, 1500},
		{"2 % lost", line(20*time.Millisecond, 0.02, 0), free, time.Second, 1900},
		{"50 ms of jitter", jittery(free, 50*time.Millisecond), jittery(free, 50*time.Millisecond), time.Second, 1900},
		{"50 ms of jitter", jittery(free, 50*time.Millisecond), jittery(free, 50*time.Millisecond), 5 * time.Second, 1900},
		{"a phone that fills its line", free, bottleneck(1500, 20*time.Millisecond, 0), time.Second, 1900},
	} {
		t.Run(fmt.Sprintf("%s, reports every %v", test.name, test.every), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(3)
				n.OneWay(hostA, hostB, test.there)
				n.OneWay(hostB, hostA, test.back)
				a, b := call(t, n, plain)
				a.phone(false)
				b.enc.fixed = true
				if test.every > time.Second {
					seldom(b, test.every)
				}
				talk(time.Minute, a, b)
				if kbps := a.Stats().Budget; kbps < test.kbps {
					t.Errorf("%d kbit/s after a minute, want %d", kbps, test.kbps)
				}
				hangUp(a, b)
			})
		})
	}
}

// A phone that heeds what we ask for, and decides nothing by itself, sends less than its line carries, and all when that is wide.
func TestPhonesAreAskedForLess(t *testing.T) {
	for name, agree := range map[string]option{
		"TMMBR": func(a, b *negotiate.Description) { a.Video.TMMBR, b.Video.TMMBR = true, true },
		"REMB":  func(a, b *negotiate.Description) { a.Video.REMB, b.Video.REMB = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(3)
				n.OneWay(hostA, hostB, line(20*time.Millisecond, 0, 0))
				n.OneWay(hostB, hostA, bottleneck(800, 20*time.Millisecond, 0))
				a, b := call(t, n, plain, agree)
				seldom(a, time.Hour)
				talk := func(d time.Duration, a, b *end) {
					for ; d > 0; d -= time.Second {
						talk(time.Second, a, b)
						b.phone(true) // what we ask for is all that it goes by
					}
				}
				talk(10*time.Second, a, b)
				early, since := a.Stats(), time.Now()
				talk(50*time.Second, a, b)
				s, w := a.Stats(), a.watch(since)
				concealed := float64(s.AudioConcealed-early.AudioConcealed) / float64(s.Audio.Received.Frames-early.Audio.Received.Frames)
				t.Logf("sound concealed %.4f; %v; %d kbit/s", concealed, w, b.Stats().Budget)
				if concealed > 0.02 || w.frozen > 0.05 || b.Stats().Budget < 450 {
					t.Errorf("%.4f of its sound concealed, %v, %d kbit/s", concealed, w, b.Stats().Budget)
				}
				n.OneWay(hostB, hostA, bottleneck(5000, 20*time.Millisecond, 0))
				talk(time.Minute, a, b)
				if kbps := b.Stats().Budget; kbps < 1900 {
					t.Errorf("%d kbit/s a minute after its line is wide", kbps)
				}
				hangUp(a, b)
			})
		})
	}
}

// A phone that was not ready for our first picture, and does not ask for another, sees us all the same.
func TestPhonesThatDoNotAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect(), plain)
		a.phone(false)
		begin := time.Now()
		for _, c := range a.taps {
			c.tamper(func(d []byte) [][]byte {
				if time.Since(begin) < 500*time.Millisecond {
					return nil
				}
				return [][]byte{d}
			})
		}
		for _, c := range b.taps {
			c.tamper(func(d []byte) [][]byte {
				if demultiplex(d) == isRTCP {
					return nil
				}
				return [][]byte{d}
			})
		}
		talk(5*time.Second, a, b)
		if video, _, _ := b.rec.counts(); video < 90 {
			t.Errorf("%d pictures in 5 s", video)
		}
		hangUp(a, b)
	})
}
