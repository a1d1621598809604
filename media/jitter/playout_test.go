package jitter

import (
	"math/rand/v2"
	"sort"
	"testing"
	"time"
)

const (
	opusRate = 48000
	step     = 960 // ticks of 20 ms
	length   = 20 * time.Millisecond
)

// player drives a Playout as a stream does.
type player struct {
	p      *Playout
	frames []Frame
	at     []time.Time
}

func newPlayer() *player { return &player{p: NewPlayout(opusRate)} }

func (x *player) until(now time.Time) {
	for {
		next := x.p.Next()
		if next.IsZero() || next.After(now) {
			return
		}
		f, ok := x.p.Pop(next)
		if !ok {
			continue
		}
		x.frames, x.at = append(x.frames, f), append(x.at, next)
	}
}

func (x *player) push(at time.Time, ts int64) {
	x.until(at)
	x.p.Push(at, ts, length, []byte{byte(ts / step)})
}

func (x *player) real() (played, concealed int) {
	for _, f := range x.frames {
		if f.Lost {
			concealed++
		} else {
			played++
		}
	}
	return
}

// Properties: frames leave in order, none twice, evenly spaced while the sender speaks, and never later than the
// depth allows.
func TestPlayoutProperties(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		jitter := time.Duration(r.IntN(100)+1) * time.Millisecond
		loss := r.Float64() * 0.2
		var in []arrival
		for i := range 1000 {
			if r.Float64() < loss {
				continue
			}
			in = append(in, arrival{start.Add(time.Duration(i)*length + time.Duration(r.Int64N(int64(jitter)))), 1<<32 + int64(i)*step})
		}
		sort.SliceStable(in, func(i, j int) bool { return in[i].at.Before(in[j].at) })
		x := newPlayer()
		for _, a := range in {
			x.push(a.at, a.seq)
		}
		x.until(start.Add(time.Hour))
		last := int64(0)
		for i, f := range x.frames {
			if !f.Lost && f.Timestamp <= last {
				t.Fatalf("seed %d: frame %d after %d", seed, f.Timestamp, last)
			}
			if !f.Lost {
				last = f.Timestamp
				sent := start.Add(time.Duration((f.Timestamp-1<<32)/step) * length)
				if d := x.at[i].Sub(sent); d < 0 || d > MaxDepth+jitter+farOff {
					t.Fatalf("seed %d: played %v after it was said", seed, d)
				}
			}
			if i > 0 && x.at[i].Sub(x.at[i-1]) < 0 {
				t.Fatalf("seed %d: time went back", seed)
			}
			if f.Lost != (f.Data == nil) || f.Duration != length {
				t.Fatalf("seed %d: %+v", seed, f)
			}
		}
		played, concealed := x.real()
		if jitter < 60*time.Millisecond && played < len(in)*95/100 {
			t.Errorf("seed %d: %d of %d frames played with %v of jitter, loss %v: late %d dropped %d inserted %d", seed, played, len(in), jitter, loss, x.p.Late, x.p.Dropped, x.p.Inserted)
		}
		if want := 1000 - len(in); concealed < want-20 {
			t.Errorf("seed %d: %d concealed, %d were lost", seed, concealed, want)
		}
	}
}

func TestPlayoutDepthFollowsJitter(t *testing.T) {
	x := newPlayer()
	var now time.Time
	for i := range int64(3000) {
		now = start.Add(time.Duration(i) * length)
		late := time.Duration(0)
		if i < 1000 || i > 2000 {
			late = time.Duration(i%3) * time.Millisecond
		} else {
			late = time.Duration(i%2) * 50 * time.Millisecond
		}
		x.push(now.Add(late), i*step)
		switch d := x.p.Depth(now); {
		case i == 999 && (d < 15*time.Millisecond || d > 40*time.Millisecond):
			t.Errorf("without jitter the depth is %v", d)
		case i == 1999 && (d < 50*time.Millisecond || d > MaxDepth+length):
			t.Errorf("with 50 ms of jitter the depth is %v", d)
		case i == 2999 && (d < 10*time.Millisecond || d > 45*time.Millisecond):
			t.Errorf("after it the depth is %v", d)
		}
	}
	if _, concealed := x.real(); concealed > 12 {
		t.Errorf("%d frames concealed while nothing was lost", concealed)
	}
}

func TestPlayoutAfterAStall(t *testing.T) {
	x := newPlayer()
	for i := range int64(500) {
		at := start.Add(time.Duration(i) * length)
		if i >= 200 && i < 230 { // 600 ms come at one time
			at = start.Add(230 * length)
		}
		x.push(at, i*step)
	}
	x.until(start.Add(11 * time.Second))
	for i, f := range x.frames {
		if f.Lost || f.Timestamp < 240*step {
			continue
		}
		if d := x.at[i].Sub(start.Add(time.Duration(f.Timestamp/step) * length)); d > MaxDepth+farOff {
			t.Fatalf("frame %d is played %v late: the stall became latency", f.Timestamp/step, d)
		}
	}
	if played, _ := x.real(); played < 460 {
		t.Errorf("%d frames played", played)
	}
}

func TestPlayoutWhenTheWayGetsLonger(t *testing.T) {
	for _, longer := range []time.Duration{300 * time.Millisecond, -150 * time.Millisecond} {
		x := newPlayer()
		for i := range int64(1000) {
			at := start.Add(time.Duration(i)*length + 200*time.Millisecond)
			if i >= 500 {
				at = at.Add(longer)
			}
			x.push(at, i*step)
		}
		x.until(start.Add(21 * time.Second))
		played, _ := x.real()
		if played < 960 {
			t.Errorf("%v longer: %d of 1000 frames played", longer, played)
		}
		last := x.frames[len(x.frames)-60]
		d := x.at[len(x.at)-60].Sub(start.Add(time.Duration(last.Timestamp/step)*length + 200*time.Millisecond + longer))
		if d > 45*time.Millisecond || d < 0 {
			t.Errorf("%v longer: in the end frames wait %v", longer, d)
		}
	}
}

func TestPlayoutWhenTheSendersClockJumps(t *testing.T) {
	for _, jump := range []int64{1 << 30, -(1 << 30), opusRate * 3600, -opusRate * 5} {
		x := newPlayer()
		for i := range int64(600) {
			ts := 1<<40 + i*step
			if i >= 300 {
				ts += jump
			}
			x.push(start.Add(time.Duration(i)*length), ts)
		}
		x.until(start.Add(12 * time.Second))
		if played, _ := x.real(); played < 590-7 {
			t.Errorf("jump of %d: %d of 600 frames played", jump, played)
		}
	}
}

func TestPlayoutStopsInSilence(t *testing.T) {
	x := newPlayer()
	x.push(start, 0)
	x.until(start.Add(time.Hour))
	if !x.p.Next().IsZero() || len(x.frames) > 55 {
		t.Errorf("%d frames for one that came", len(x.frames))
	}
}

func TestPlayoutIsBounded(t *testing.T) {
	p := NewPlayout(opusRate)
	for i := range int64(100_000) {
		p.Push(start, i%100*step+i%7, length, make([]byte, 10))
		if p.count > playoutSlots {
			t.Fatal("too many frames wait")
		}
	}
	if _, ok := p.Pop(start.Add(100 * time.Hour)); ok {
		t.Error("a frame that is a hundred hours old was played")
	}
}

func FuzzPlayout(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 200, 100, 50})
	f.Add([]byte("\xff\xaa\xa8+\x00\x10\x10\x10\x10\t")) // overlapping frames
	f.Fuzz(func(t *testing.T, steps []byte) {
		x := newPlayer()
		now, ts := start, int64(1<<33)
		for i, b := range steps {
			now = now.Add(time.Duration(b&7) * 10 * time.Millisecond)
			switch {
			case b < 200:
				ts += int64(b>>3) * 240
			case b < 215:
				ts -= int64(b) * 960
			case b < 230:
				x.until(now)
				x.p.PushCopy(now, ts-int64(b&7)*960, length, []byte{b})
				continue
			default:
				ts += int64(b) << (i % 24)
			}
			x.push(now, ts)
		}
		x.until(now.Add(time.Hour))
		for i := 1; i < len(x.at); i++ {
			if x.at[i].Before(x.at[i-1]) {
				t.Fatal("time went back")
			}
		}
	})
}

// A queue whose length changes by a quarter of a second is followed where a round trip takes a second; else what waits for longer
// than MaxDepth is no conversation.
func TestPlayoutBehindALongQueue(t *testing.T) {
	for trip, most := range map[time.Duration]int{0: 1500, time.Second: 40} {
		x := newPlayer()
		for i := range int64(1500) {
			saw := time.Duration(i%200) * 250 * time.Millisecond / 200 // as it fills, and then somebody's TCP gives way
			x.p.Far(trip)
			x.push(start.Add(time.Duration(i)*length+saw), i*step)
		}
		x.until(start.Add(30 * time.Second))
		played, concealed := x.real()
		t.Logf("round trip %v: %d played, %d concealed, depth %v", trip, played, concealed, x.p.Depth(start.Add(30*time.Second)))
		if concealed > most || trip > 0 && x.p.Depth(start.Add(30*time.Second)) > mostDepth+length {
			t.Errorf("round trip %v: %d concealed, at most %d; depth %v", trip, concealed, most, x.p.Depth(start.Add(30*time.Second)))
		}
	}
}
