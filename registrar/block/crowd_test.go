package block

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// A guest is somebody in a crowd.
type guest struct {
	addr  netip.Addr
	place *Place[*guest]
}

// model finds whom to evict by looking at everybody: how many the houses and the blocks hold.
func model(crowd []*guest) (blocks, houses map[netip.Prefix]int) {
	blocks, houses = map[netip.Prefix]int{}, map[netip.Prefix]int{}
	for _, c := range crowd {
		blocks[Of(c.addr)]++
		houses[House(c.addr)]++
	}
	return blocks, houses
}

// Whatever comes and goes, the one to go first is the oldest of the most crowded house of the most crowded block.
func TestCrowd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := NewCrowd[*guest]()
	var there []*guest
	for step := range 20_000 {
		switch {
		case len(there) == 0 || r.IntN(100) < 52:
			a := netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(6)), byte(r.IntN(5))})
			if r.IntN(4) == 0 {
				a = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 6: byte(r.IntN(3)), 7: byte(r.IntN(3)), 15: byte(r.IntN(9))})
			}
			c := &guest{addr: a}
			c.place = w.Add(a, c)
			there = append(there, c)
		case r.IntN(2) == 0:
			c := w.First()
			c.place.Leave()
			there = slices.DeleteFunc(there, func(o *guest) bool { return o == c })
		default:
			i := r.IntN(len(there))
			there[i].place.Leave()
			there = slices.Delete(there, i, i+1)
		}
		first := w.First()
		if w.Len() != len(there) || (first == nil) != (len(there) == 0) {
			t.Fatalf("step %d: %d are there, %d counted", step, len(there), w.Len())
		}
		if first == nil {
			continue
		}
		blocks, houses := model(there)
		for of, n := range blocks {
			if n > blocks[Of(first.addr)] || w.Find(of).Len() != n {
				t.Fatalf("step %d: %v has to go, %v holds more", step, first.addr, of)
			}
		}
		for of, n := range houses {
			if Of(of.Addr()) == Of(first.addr) && n > houses[House(first.addr)] {
				t.Fatalf("step %d: %v has to go, %v holds more", step, first.addr, of)
			}
		}
		for _, c := range there {
			if House(c.addr) == House(first.addr) {
				if c != first {
					t.Fatalf("step %d: an older one of %v stays", step, c.addr)
				}
				break
			}
		}
	}
	for _, c := range there {
		c.place.Leave()
	}
	if w.size != 0 || w.most != 0 || len(w.parts) != 0 || len(w.bySize) != 0 {
		t.Errorf("an empty crowd keeps %+v", w)
	}
}

// One in, one out: what that takes does not depend on how many there are.
func BenchmarkCrowd(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			w := NewCrowd[*guest]()
			add := func() {
				c := &guest{addr: netip.AddrFrom4([4]byte{10, byte(r.IntN(10)), byte(r.IntN(100)), byte(r.IntN(250))})}
				c.place = w.Add(c.addr, c)
			}
			for range n {
				add()
			}
			for b.Loop() {
				add()
				w.First().place.Leave()
			}
		})
	}
}
