package reach

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/transport/v5/vnet"
)

// chat has both sides send as a call does, until stop.
func chat(sides ...*side) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var speaking sync.WaitGroup
	for _, s := range sides {
		speaking.Go(func() {
			for ctx.Err() == nil {
				_, _ = s.Ways().Audio.Send([]byte("\x80sound"), false), s.Ways().Video.Send([]byte("\x80picture"), false)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	return func() {
		cancel()
		speaking.Wait()
	}
}

// both has both sides look for other ways.
func both(t *testing.T, seek func(*side) error, sides ...*side) {
	t.Helper()
	for _, s := range sides {
		if err := seek(s); err != nil {
			t.Fatal(err)
		}
		for len(s.found) > 0 {
			<-s.found
		}
	}
	agree(sides[0], sides[1])
}

func better(s *side) error { return s.Better(context.Background(), relays) }

// A way by a relay is bettered as soon as there is another one. Where there is none the search takes a fraction of the bytes of a whole one,
// asks no relay, is over soon, and all goes on as it was.
func TestBetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{&home, &home})
		var shut atomic.Bool
		var sent, asked atomic.Int64
		w.wan.AddChunkFilter(func(c vnet.Chunk) bool {
			b := c.UserData()
			if len(b) > 1 && b[0] <= 3 {
				sent.Add(int64(len(b) + 28))
			}
			if len(b) > 1 && b[0] == 0 && b[1] == 3 { // Allocate
				asked.Add(1)
			}
			return !shut.Load() || strings.HasPrefix(c.SourceAddr().String(), server) || strings.HasPrefix(c.DestinationAddr().String(), server)
		})
		shut.Store(true)
		a, b := w.side(0), w.side(1)
		agree(a, b)
		speak(t, a, b, "there")
		speak(t, b, a, "back")
		stop := chat(a, b)
		time.Sleep(3 * time.Second)

		sent.Store(0)
		both(t, func(s *side) error { return s.Renew(context.Background(), relays) }, a, b)
		time.Sleep(3 * time.Second)
		whole := sent.Swap(0)
		asked.Store(0)
		both(t, better, a, b)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for _, s := range []*side{a, b} {
			if p := s.Path(); !strings.HasPrefix(p, "relay") || s.video.next != nil || s.audio.next != nil {
				t.Errorf("path %q, searches %v, %v", p, s.audio.next, s.video.next)
			}
		}
		t.Logf("%d bytes, a whole search %d", sent.Load(), whole)
		if 2*sent.Load() > whole || asked.Load() > 0 {
			t.Errorf("%d bytes, a whole search %d; asked for %d addresses", sent.Load(), whole, asked.Load())
		}
		speak(t, a, b, "still")

		shut.Store(false)
		both(t, better, a, b)
		if f := <-a.found; f.Path != "srflx" || f.Took > time.Second {
			t.Errorf("found %q after %v", f.Path, f.Took)
		}
		time.Sleep(5 * time.Second)
		speak(t, a, b, "after")
		speak(t, b, a, "and back")
		if a.Path() != "srflx" || b.Path() != "srflx" {
			t.Errorf("paths %q, %q", a.Path(), b.Path())
		}
		stop()
		hangUp(a, b)
	})
}

// Pairs are checked less often beside a way that carries: media stand behind the checks. Where nothing comes any more they are checked as
// often as the first.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{nil, nil})
		a, b := w.side(0), w.side(1)
		if d := a.video.pace(time.Now()); d != checkEvery {
			t.Errorf("%v before there is a way", d)
		}
		agree(a, b)
		speak(t, b, a, "there")
		if d := a.video.pace(time.Now()); d != checkBeside {
			t.Errorf("%v while something comes", d)
		}
		time.Sleep(carrying)
		if d := a.video.pace(time.Now()); d != checkEvery {
			t.Errorf("%v while nothing comes", d)
		}
		hangUp(a, b)
	})
}
