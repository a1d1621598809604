package jitter

import (
	"math/rand/v2"
	"sort"
	"testing"
	"time"
)

var start = time.Unix(1700000000, 0)

type arrival struct {
	at  time.Time
	seq int64
}

// drive gives arrivals to a Reorder as a stream does, and returns what comes out of it.
type drive struct {
	r       Reorder[int64]
	out     []int64
	lost    []bool
	at      []time.Time
	useless int
	now     time.Time
}

func (d *drive) pop(now time.Time) {
	for {
		v, lost, ok := d.r.Pop(now)
		if !ok {
			return
		}
		d.out, d.lost, d.at = append(d.out, v), append(d.lost, lost), append(d.at, now)
	}
}

// until lets the deadlines before now happen.
func (d *drive) until(now time.Time) {
	for {
		dl := d.r.Deadline(d.now)
		if dl.IsZero() || dl.After(now) {
			return
		}
		d.now = dl
		n := len(d.out)
		d.pop(dl)
		if len(d.out) == n {
			return
		}
	}
}

func (d *drive) arrive(a arrival) {
	d.until(a.at)
	d.now = a.at
	if d.r.Passes(a.seq) {
		d.out, d.lost, d.at = append(d.out, a.seq), append(d.lost, false), append(d.at, a.at)
		return
	}
	if !d.r.Push(a.at, a.seq, a.seq) {
		d.useless++
	}
	d.pop(a.at)
}

// Whatever comes, what goes out is in order, has no repetition, and every gap is told.
func TestReorderProperties(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		loss, dup := r.Float64()*0.2, r.Float64()*0.2
		jitter := time.Duration(r.IntN(150)+1) * time.Millisecond
		gap := time.Duration(r.IntN(5_000_000) + 1)
		seq := int64(1<<16 - r.IntN(400))
		var in []arrival
		for i := range 1000 {
			n := 1
			if r.Float64() < loss {
				n = 0
			} else if r.Float64() < dup {
				n = 2
			}
			for range n {
				in = append(in, arrival{start.Add(time.Duration(i)*gap + time.Duration(r.Int64N(int64(jitter)))), seq + int64(i)})
			}
			if r.IntN(300) == 0 {
				seq += int64(r.IntN(5000)) // a long outage
			}
		}
		sort.SliceStable(in, func(i, j int) bool { return in[i].at.Before(in[j].at) })
		var d drive
		for _, a := range in {
			d.arrive(a)
		}
		d.until(in[len(in)-1].at.Add(time.Hour))
		for i := 1; i < len(d.out); i++ {
			switch {
			case d.out[i] <= d.out[i-1]:
				t.Fatalf("seed %d: %d after %d", seed, d.out[i], d.out[i-1])
			case (d.out[i] != d.out[i-1]+1) != d.lost[i]:
				t.Fatalf("seed %d: %d after %d, lost %t", seed, d.out[i], d.out[i-1], d.lost[i])
			}
		}
		if d.r.waiting != 0 {
			t.Fatalf("seed %d: %d are still waiting", seed, d.r.waiting)
		}
	}
}

func TestReorderPassesAtOnce(t *testing.T) {
	var d drive
	for i := range int64(1000) {
		now := start.Add(time.Duration(i) * time.Millisecond)
		d.arrive(arrival{now, 70000 + i})
		if len(d.out) != int(i+1) || !d.at[i].Equal(now) || d.lost[i] {
			t.Fatalf("item %d did not pass at once", i)
		}
	}
}

func TestReorderWaitsAndLearns(t *testing.T) {
	var d drive
	seq := int64(100)
	// Every twentieth packet comes 60 ms late. The first wait is 20 ms: that one is lost, later ones are not.
	for i := range 1000 {
		now := start.Add(time.Duration(i) * 3 * time.Millisecond)
		if i >= 40 && i%40 == 0 {
			d.arrive(arrival{now, seq - 21})
		}
		if i%40 == 20 {
			seq++
		}
		d.arrive(arrival{now, seq})
		seq++
	}
	gaps := 0
	for _, l := range d.lost {
		if l {
			gaps++
		}
	}
	if gaps != 1 || d.useless != 1 {
		t.Errorf("%d gaps and %d of no use, want one of each", gaps, d.useless)
	}
	now := start.Add(3 * time.Second)
	if w := d.r.Wait(now); w < 60*time.Millisecond || w > 100*time.Millisecond {
		t.Errorf("waits %v after packets that were 60 ms late", w)
	}
	if w := d.r.Wait(now.Add(10 * time.Minute)); w != minWait {
		t.Errorf("waits %v long after the last late packet", w)
	}
	d.r.Reset()
	if w := d.r.Wait(now); w < 60*time.Millisecond {
		t.Errorf("waits %v after a new sender came", w)
	}
}

func TestReorderGivesUpInTime(t *testing.T) {
	var d drive
	d.arrive(arrival{start, 1})
	d.arrive(arrival{start.Add(time.Millisecond), 3})
	if len(d.out) != 1 {
		t.Fatal("3 passed before 2")
	}
	if dl := d.r.Deadline(start); !dl.Equal(start.Add(time.Millisecond + firstWait)) {
		t.Errorf("deadline %v after the start", dl.Sub(start))
	}
	d.until(start.Add(time.Second))
	if len(d.out) != 2 || !d.lost[1] {
		t.Errorf("out: %v, lost: %v", d.out, d.lost)
	}
}

func FuzzReorder(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200, 5, 4, 0, 0, 9})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var d drive
		seq := int64(1 << 20)
		now := start
		for i, b := range steps {
			now = now.Add(time.Duration(b>>5) * 10 * time.Millisecond)
			switch d := int64(b & 31); {
			case d < 20:
				seq += d - 8
			case d < 30:
				seq += (d - 24) * int64(i+1) * 97
			default:
				seq += 1 << 20
			}
			d.arrive(arrival{now, max(seq, 0)})
			if d.r.waiting > ringSize {
				t.Fatal("too many wait")
			}
		}
		d.until(now.Add(time.Hour))
		for i := 1; i < len(d.out); i++ {
			if d.out[i] <= d.out[i-1] || (d.out[i] != d.out[i-1]+1) != d.lost[i] {
				t.Fatalf("%v %v", d.out, d.lost)
			}
		}
	})
}
