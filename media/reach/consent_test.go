package reach

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5/vnet"
)

// When questions are asked, and what is made of no answer.
func TestConsentClock(t *testing.T) {
	zero := time.Date(2027, 8, 16, 11, 0, 0, 0, time.UTC)
	const tick = 100 * time.Millisecond
	for _, test := range []struct {
		name           string
		media, answers time.Duration // until when they come; the first answer is the way's being found
		for_           time.Duration
		least, most    int           // questions
		doubted, ended time.Duration // zero: never
	}{
		{"all is well", time.Hour, time.Hour, time.Minute, 25, 38, 0, 0},
		{"nothing to send there, but it answers", 0, time.Hour, time.Minute, 110, 122, 0, 0},
		{"both end", 10 * time.Second, 10 * time.Second, time.Minute, 60, 100, 11 * time.Second, 40 * time.Second},
		{"it is heard and does not answer", time.Hour, 10 * time.Second, time.Minute, 50, 70, 15 * time.Second, 40 * time.Second},
		{"a gap of 400 ms", 400 * time.Millisecond, 400 * time.Millisecond, 700 * time.Millisecond, 0, 3, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c consent
			c.begin(zero)
			asked := 0
			var doubted, ended time.Duration
			for at := tick; at <= test.for_; at += tick {
				now, heard := zero.Add(at), zero.Add(min(at, test.media))
				if c.due(now, heard) && !c.ended(now) {
					asked++
					q := question{at: now}
					binary.BigEndian.PutUint32(q.id[:], uint32(asked))
					c.ask(q, float64(asked%2))
					if at <= test.answers {
						c.answer(now.Add(20*time.Millisecond), q.id)
					}
				}
				if doubted == 0 && c.doubtful(now, heard) {
					doubted = at
				}
				if ended == 0 && c.ended(now) {
					ended = at
				}
			}
			if asked < test.least || asked > test.most {
				t.Errorf("asked %d times, want %d to %d", asked, test.least, test.most)
			}
			about := func(what string, got, want time.Duration) {
				t.Helper()
				if (got == 0) != (want == 0) || (got-want).Abs() > 3*time.Second/2 && what == "doubted" || (got-want).Abs() > 3*time.Second {
					t.Errorf("%s after %v, want %v", what, got, want)
				}
			}
			about("doubted", doubted, test.doubted)
			about("ended", ended, test.ended)
			if len(c.open) > openMost {
				t.Errorf("%d questions are remembered", len(c.open))
			}
		})
	}
}

// A long way is not doubted before its answers can have come.
func TestDoubtWaitsForTheTrip(t *testing.T) {
	zero := time.Now()
	c := consent{answered: zero, asked: zero, pause: askEvery, trip: time.Second}
	for at := time.Duration(0); at < 4*time.Second; at += askAtOnce {
		if now := zero.Add(at); c.due(now, zero) {
			c.ask(question{at: now}, 0)
		}
		if got := c.doubtful(zero.Add(at), zero); got != (at >= 2500*time.Millisecond) {
			t.Errorf("after %v: %v", at, got)
		}
	}
}

// met are two sides without routers between, whose ways were found. hook sees what goes between them, and says what may.
func met(t *testing.T, doubted func(), hook func(from, to netip.AddrPort, data []byte) bool) (a, b *side) {
	w := newWorld(t, [2]*vnet.NATType{nil, nil})
	w.wan.AddChunkFilter(func(c vnet.Chunk) bool {
		from, err1 := netip.ParseAddrPort(c.SourceAddr().String())
		to, err2 := netip.ParseAddrPort(c.DestinationAddr().String())
		return err1 != nil || err2 != nil || hook(from, to, c.UserData())
	})
	a, b = w.side(0), w.side(1)
	a.video.cfg.Doubted = func(Stream) { doubted() }
	agree(a, b)
	speak(t, a, b, "there")
	speak(t, b, a, "back")
	return a, b
}

const first, second = "203.0.113.21", "203.0.113.22"

// talk has both sides send for a while, as media do.
func talk(a, b *side, d time.Duration) {
	for begun := time.Now(); time.Since(begun) < d; time.Sleep(20 * time.Millisecond) {
		for _, s := range []*side{a, b} {
			_ = s.Ways().Audio.Send([]byte("\x80s"), false)
			_ = s.Ways().Video.Send([]byte("\x80p"), false)
		}
	}
}

// Where all goes well nobody doubts, and the way stays. Where everything is cut it is doubted within a second, and after half a minute
// nothing is sent any more.
func TestConsentEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cut atomic.Bool
		var sent atomic.Int64 // Unix ns: the last packet of a
		doubts := make(chan time.Time, 10)
		a, b := met(t, func() { doubts <- time.Now() }, func(from, to netip.AddrPort, _ []byte) bool {
			if from.Addr().String() == first && to.Addr().String() == second {
				sent.Store(time.Now().UnixNano())
			}
			return !cut.Load()
		})
		talk(a, b, time.Minute)
		if len(doubts) > 0 || a.Doubtful() || b.Doubtful() || !a.Ways().Video.(*path).Open() {
			t.Fatal("a good way is doubted")
		}
		at := time.Now()
		cut.Store(true)
		talk(a, b, 2*time.Second)
		select {
		case d := <-doubts:
			if took := d.Sub(at); took < silentAfter || took > 1100*time.Millisecond {
				t.Errorf("doubted after %v", took)
			}
		default:
			t.Fatal("not doubted")
		}
		talk(a, b, time.Minute)
		if last := time.Unix(0, sent.Load()).Sub(at); last < consentEnds-4*time.Second || last > consentEnds+time.Second {
			t.Errorf("sent for %v", last)
		}
		if a.Path() != "" || a.Ways().Video.(*path).Open() {
			t.Errorf("path %q", a.Path())
		}
		hangUp(a, b)
	})
}

// A cut of less than half a second is nobody's business.
func TestShortCutIsNotDoubted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cut atomic.Bool
		var doubts atomic.Int64
		a, b := met(t, func() { doubts.Add(1) }, func(_, _ netip.AddrPort, _ []byte) bool { return !cut.Load() })
		for range 20 {
			cut.Store(true)
			talk(a, b, 450*time.Millisecond)
			cut.Store(false)
			talk(a, b, time.Second)
		}
		if doubts.Load() > 0 {
			t.Errorf("%d doubts", doubts.Load())
		}
		hangUp(a, b)
	})
}

// Media that still come are no consent, nor are the other side's own questions, nor answers of somebody who does not know its secret.
func TestOnlyAnswersAreConsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var deaf atomic.Bool
		var mu sync.Mutex
		questions := map[[12]byte]bool{}
		forged := 0
		var a, b *side
		a, b = met(t, func() {}, func(from, to netip.AddrPort, data []byte) bool {
			m := &stun.Message{Raw: data}
			if !deaf.Load() || !stun.IsMessage(data) || m.Decode() != nil || to.Addr().String() == server || from.Addr().String() == server {
				return true
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case from.Addr().String() == first && m.Type == stun.BindingRequest:
				questions[m.TransactionID] = true
			case from.Addr().String() == second && m.Type == stun.BindingSuccess && questions[m.TransactionID]:
				// What the other side answers is lost; somebody on the way answers in its place.
				answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
					&stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())},
					stun.NewShortTermIntegrity("a guess of twenty chars"), stun.Fingerprint)
				if err == nil && len(answer.Raw) <= len(data) {
					forged++
					copy(data, answer.Raw)
				}
			}
			return true
		})
		deaf.Store(true)
		at := time.Now()
		for a.Ways().Video.(*path).Open() && time.Since(at) < time.Minute {
			talk(a, b, time.Second)
		}
		if took := time.Since(at); took < consentEnds-4*time.Second || took > consentEnds+2*time.Second {
			t.Errorf("stopped after %v", took)
		}
		if forged == 0 {
			t.Error("no answer was forged")
		}
		if !b.Ways().Video.(*path).Open() || b.Path() == "" {
			t.Error("the other side, which has its answers, stopped too")
		}
		hangUp(a, b)
	})
}
