package echo

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Whatever comes, no number is given twice, and gaps stay gaps.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		x := index{highest: int64(random.IntN(1 << 14))}
		given := map[int64]bool{}
		seq, source := uint16(random.IntN(1<<16)), 0
		for range 2000 {
			switch n := random.IntN(100); {
			case n < 1:
				x.restart()
				seq, source = uint16(random.IntN(1<<16)), source+1
			case n < 80:
				seq++
			case n < 85:
				seq += uint16(random.IntN(200))
			case n < 95:
				seq -= uint16(random.IntN(100))
			}
			before := x.highest
			ours, fresh := x.next(seq)
			if !fresh {
				continue
			}
			at := before + int64(int16(ours-uint16(before)))
			if given[at] {
				t.Fatalf("%d was given twice", at)
			}
			given[at] = true
		}
	}
	x := index{highest: 100}
	var got []uint16
	for _, seq := range []uint16{65534, 65535, 2, 1, 1, 2, 65533} { // 0 is lost, 1 late and repeated, 65533 from before
		if ours, fresh := x.next(seq); fresh {
			got = append(got, ours)
		}
	}
	if want := []uint16{101, 102, 105, 104}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
