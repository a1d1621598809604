package flow

import (
	"container/list"
	"net/netip"

	"ewindow/registrar/block"
)

// A crowd is the connections of strangers, by where they come from: everywhere ▷ a block ▷ a house ▷ its connections,
// oldest first. Each part knows which of its own parts is the most crowded, so that whoever has to go is found in the
// same time however many there are:
//
//	everywhere 5 ── parts by size: [2: 192.0.2.0/24] [3: 198.51.100.0/24 ◀ most]
//	                                                     └─ [1: …7] [2: …9 ◀ most] ── conn, conn
type crowd struct {
	in    *crowd // nil for everywhere
	of    netip.Prefix
	size  int           // connections
	place *list.Element // in in.bySize[size]

	parts  map[netip.Prefix]*crowd
	bySize map[int]*list.List // of parts; those that have had their size for longest stand first
	most   int                // the largest size of a part

	conns list.List // of a house: *conn, oldest first
}

func newCrowd(in *crowd, of netip.Prefix) *crowd {
	return &crowd{in: in, of: of, parts: map[netip.Prefix]*crowd{}, bySize: map[int]*list.List{}}
}

// add counts a connection in.
func (w *crowd) add(c *conn) {
	house := w.part(block.Of(c.addr)).part(block.House(c.addr))
	c.house, c.place = house, house.conns.PushBack(c)
	house.grow(1)
}

// remove counts it out.
func (w *crowd) remove(c *conn) {
	c.house.conns.Remove(c.place)
	c.house.grow(-1)
	c.house, c.place = nil, nil
}

// find is the part with that name; nil if it has no connections.
func (w *crowd) find(of netip.Prefix) *crowd { return w.parts[of] }

// count is how many connections it has; w may be nil.
func (w *crowd) count() int {
	if w == nil {
		return 0
	}
	return w.size
}

// first is whom to evict: the oldest connection of the most crowded house of the most crowded block.
func (w *crowd) first() *conn {
	for w != nil && w.size > 0 {
		if e := w.conns.Front(); e != nil {
			return e.Value.(*conn)
		}
		w = w.bySize[w.most].Front().Value.(*crowd)
	}
	return nil
}

func (w *crowd) part(of netip.Prefix) *crowd {
	p := w.parts[of]
	if p == nil {
		p = newCrowd(w, of)
		w.parts[of] = p
	}
	return p
}

// grow adds by, which is 1 or -1, to the size of w and of all it is a part of.
func (w *crowd) grow(by int) {
	for ; w != nil; w = w.in {
		old := w.size
		w.size += by
		if w.in != nil {
			w.in.rank(w, old)
		}
	}
}

// rank moves a part from its old size to the new one. Those differ by one, so that most needs no search.
func (w *crowd) rank(p *crowd, old int) {
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
