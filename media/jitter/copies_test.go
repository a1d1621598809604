package jitter

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// talk sends so many frames, each with copies of the ones before, and loses some of the packets.
func (x *player) talk(r *rand.Rand, from, count, copies int64, loss float64, jitter time.Duration) (lost int) {
	for i := from; i < from+count; i++ {
		if r.Float64() < loss {
			lost++
			continue
		}
		at := start.Add(time.Duration(i)*length + time.Duration(r.Int64N(int64(jitter)+1)))
		x.push(at, i*step)
		for k := copies; k > 0; k-- {
			x.p.PushCopy(at, (i-k)*step, length, []byte{byte(i - k)})
		}
	}
	return lost
}

// Frames that are lost are played from their copies; there is room for those while they are of use, and no longer.
func TestPlayoutOfCopies(t *testing.T) {
	for _, test := range []struct {
		copies    int64
		loss      float64
		jitter    time.Duration
		concealed float64 // share of the frames
		delay     time.Duration
	}{
		{1, 0.01, 0, 0.001, 40 * time.Millisecond},
		{1, 0.05, 0, 0.004, 40 * time.Millisecond},
		{2, 0.05, 0, 0.002, 60 * time.Millisecond},
		{2, 0.10, 0, 0.003, 60 * time.Millisecond},
		{2, 0.10, 10 * time.Millisecond, 0.003, 80 * time.Millisecond},
		{2, 0.20, 10 * time.Millisecond, 0.012, 80 * time.Millisecond},
		{2, 0, 0, 0, 20 * time.Millisecond}, // some phones always send copies
	} {
		t.Run(fmt.Sprintf("%d copies, %v, jitter %v", test.copies, test.loss, test.jitter), func(t *testing.T) {
			r, x := rand.New(rand.NewPCG(1, 2)), newPlayer()
			const first, count = 3000, 30000
			x.talk(r, 0, first, test.copies, test.loss, test.jitter)
			before, _ := x.real()
			concealed := -len(x.frames) + before
			lost := x.talk(r, first, count, test.copies, test.loss, test.jitter)
			played, all := x.real()
			concealed += all
			if share := float64(concealed) / count; share > test.concealed {
				t.Errorf("%d of %d frames concealed, %d were lost", concealed, count, lost)
			}
			if d := x.p.Depth(start.Add((first + count) * length)); d > test.delay {
				t.Errorf("frames wait for %v", d)
			}
			last := int64(-1)
			for _, f := range x.frames {
				if !f.Lost && f.Timestamp <= last {
					t.Fatalf("frame %d after %d", f.Timestamp/step, last/step)
				}
				if !f.Lost {
					last = f.Timestamp
				}
				if !f.Lost && f.Data[0] != byte(f.Timestamp/step) {
					t.Fatalf("frame %d is %d", f.Timestamp/step, f.Data[0])
				}
			}
			if played < first+count-concealed-int(float64(first)*test.loss)-20 {
				t.Errorf("%d of %d frames played", played, first+count)
			}
			x.talk(r, first+count, 3000, test.copies, 0, test.jitter)
			if d := x.p.Depth(start.Add((first + count + 3000) * length)); d > MinDepth+test.jitter {
				t.Errorf("a minute after the last loss frames wait for %v", d)
			}
		})
	}
}

// A copy is of use only for a frame that did not come, within the depth that there may be.
func TestPushCopy(t *testing.T) {
	p := NewPlayout(opusRate)
	copied := func(name string, at time.Duration, frame int64, want bool) {
		t.Helper()
		if got := p.PushCopy(start.Add(at), frame*step, length, []byte{1}); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
	push := func(at time.Duration, frame int64) { p.Push(start.Add(at), frame*step, length, []byte{2}) }
	copied("before anything", 0, 9, false)
	push(0, 10)
	copied("of a frame before the first", 0, 9, false)
	copied("of a frame that is there", 0, 10, false)
	copied("of one that is not", 40*time.Millisecond, 11, true)
	copied("twice", 40*time.Millisecond, 11, false)
	push(40*time.Millisecond, 11) // it was overtaken
	push(40*time.Millisecond, 12)
	if p.PushCopy(start, 13*step, 0, nil) || p.PushCopy(start, 13*step, time.Second, nil) {
		t.Error("a frame of no length is taken")
	}
	for _, want := range []byte{2, 1, 2} {
		if f, ok := p.Pop(p.Next()); !ok || f.Lost || f.Data[0] != want {
			t.Errorf("%+v, want %d", f, want)
		}
	}
	copied("of one that was played", 60*time.Millisecond, 11, false)
	late := p.Late
	push(100*time.Millisecond, 11)
	if p.Late != late {
		t.Error("a frame counts as late though a copy was in time")
	}
	target := p.target(start.Add(time.Second))
	copied("half a second too late", time.Second, 12-25+38, true) // frame 25, due at 300 ms
	if got := p.target(start.Add(time.Second)); got != target {
		t.Errorf("for a copy that comes 500 ms late frames wait %v, not %v", got, target)
	}
}
