package block

import (
	"container/list"
	"net/netip"
)

// A Crowd is the connections of strangers, by where they come from: everywhere ▷ a block ▷ a house ▷ its connections,
// oldest first. Each part knows which of its own parts is the most crowded, so that whoever has to go is found in the
// same time however many there are:
//
//	everywhere 5 ── parts by size: [2: 192.0.2.0/24] [3: 198.51.100.0/24 ◀ most]
//	                                                     └─ [1: …7] [2: …9 ◀ most] ── conn, conn
//
// It is for one goroutine, or behind its owner's lock.
type Crowd[C any] struct {
	in    *Crowd[C] // nil for everywhere
	of    netip.Prefix
	size  int           // connections
	place *list.Element // in in.bySize[size]

	parts  map[netip.Prefix]*Crowd[C]
	bySize map[int]*list.List // of parts; those that have had their size for longest stand first
	most   int                // the largest size of a part

	conns list.List // of a house: C, oldest first
}

// A Place is that of a connection in a Crowd.
type Place[C any] struct {
	house *Crowd[C]
	at    *list.Element
}

// NewCrowd makes an empty one.
func NewCrowd[C any]() *Crowd[C] { return newCrowd[C](nil, netip.Prefix{}) }

func newCrowd[C any](in *Crowd[C], of netip.Prefix) *Crowd[C] {
	return &Crowd[C]{in: in, of: of, parts: map[netip.Prefix]*Crowd[C]{}, bySize: map[int]*list.List{}}
}

// Add counts a connection in that comes from there.
func (w *Crowd[C]) Add(from netip.Addr, c C) *Place[C] {
	house := w.part(Of(from)).part(House(from))
	p := &Place[C]{house, house.conns.PushBack(c)}
	house.grow(1)
	return p
}

// Leave counts it out, once.
func (p *Place[C]) Leave() {
	p.house.conns.Remove(p.at)
	p.house.grow(-1)
}

// Find is the block with that name; nil if it has no connections.
func (w *Crowd[C]) Find(of netip.Prefix) *Crowd[C] { return w.parts[of] }

// Len is how many connections it has; w may be nil.
func (w *Crowd[C]) Len() int {
	if w == nil {
		return 0
	}
	return w.size
}

// First is whom to evict: the oldest connection of the most crowded house of the most crowded block. C's zero value if
// there is nobody; w may be nil.
func (w *Crowd[C]) First() (c C) {
	for w != nil && w.size > 0 {
		if e := w.conns.Front(); e != nil {
			return e.Value.(C)
		}
		w = w.bySize[w.most].Front().Value.(*Crowd[C])
	}
	return c
}

func (w *Crowd[C]) part(of netip.Prefix) *Crowd[C] {
	p := w.parts[of]
	if p == nil {
		p = newCrowd(w, of)
		w.parts[of] = p
	}
	return p
}

// grow adds by, which is 1 or -1, to the size of w and of all it is a part of.
func (w *Crowd[C]) grow(by int) {
	for ; w != nil; w = w.in {
		old := w.size
		w.size += by
		if w.in != nil {
			w.in.rank(w, old)
		}
	}
}

// rank moves a part from its old size to the new one. Those differ by one, so that most needs no search.
func (w *Crowd[C]) rank(p *Crowd[C], old int) {
	if old > 0 {
		l := w.bySize[old]
		if l.Remove(p.place); l.Len() == 0 {
			delete(w.bySize, old)
			if w.most == old {
				w.most = p.size
			}
		}
	}
	if p.size == 0 {
		delete(w.parts, p.of)
		return
	}
	l := w.bySize[p.size]
	if l == nil {
		l = list.New()
		w.bySize[p.size] = l
	}
	p.place = l.PushBack(p)
	w.most = max(w.most, p.size)
}
