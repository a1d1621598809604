package flexfec

import (
	"encoding/binary"
	"slices"
)

const (
	window  = 256 // packets that are kept; a power of two, more than Span
	maxRows = 24  // repair packets that wait for more
)

// Packet is a packet of the stream that is protected.
type Packet struct {
	Seq       int64 // extended
	Timestamp uint32
	Marker    bool
	Type      uint8 // payload type
	Payload   []byte
}

// Decoder finds lost packets. It keeps the last window of packets that came, and the repair packets of which more than one is
// missing: they are equations, which are kept solved as far as they can be (Gauss and Jordan), so that each that is left has
// a packet of its own which no other one has. The zero value is for a new sender.
//
//	Came ─▶ packets ─▶ ┌───────────┐
//	Repair ──────────▶ │ equations │ ─▶ lost packets
//	                   └───────────┘
type Decoder struct {
	kept      [window]kept
	highest   int64
	begun     bool
	rows      []*row
	free      []*row
	recovered []Packet
}

// kept is a packet that came or was recovered: its fields and payload.
type kept struct {
	data   []byte // memory is kept when nothing is in it
	seq    int64
	there  bool
	opaque bool // it came, but what it was like is not known
}

// row is an equation: the exclusive or of the unknown packets is data.
type row struct {
	data    []byte
	unknown []int64 // ascending
	own     int64   // the packet that no other row has
}

// Came takes a packet that was received. It gives those that can be recovered now; they, as those of Repair, are valid until
// the next call.
func (d *Decoder) Came(p Packet) []Packet {
	d.recovered = d.recovered[:0]
	if !d.reach(p.Seq) {
		return nil
	}
	var f [fields]byte
	marker := uint8(0)
	if p.Marker {
		marker = 0x80
	}
	fill(&f, marker|p.Type&0x7f, len(p.Payload), p.Timestamp)
	if k := d.keep(p.Seq); k != nil {
		if k.opaque = len(p.Payload) > MaxPayload; !k.opaque {
			k.data = append(append(k.data[:0], f[:]...), p.Payload...)
		}
		d.known(k)
	}
	return d.recovered
}

// Opaque takes the number of a packet that came and whose header was not as those that are protected: what protects it is of
// no use.
func (d *Decoder) Opaque(seq int64) {
	if !d.reach(seq) {
		return
	}
	if k := d.keep(seq); k != nil {
		k.opaque = true
		d.known(k)
	}
}

// reach makes room for a number and says whether it is within the window.
func (d *Decoder) reach(seq int64) bool {
	if !d.begun {
		d.begun, d.highest = true, seq
	}
	if seq > d.highest {
		d.highest = seq
		d.expire()
	}
	return seq > d.highest-window
}

// expire lets go of rows with packets that are too old to be found.
func (d *Decoder) expire() {
	d.rows = slices.DeleteFunc(d.rows, func(r *row) bool {
		old := r.unknown[0] <= d.highest-window
		if old {
			d.free = append(d.free, r)
		}
		return old
	})
}

// keep gives the place for a packet, nil if it is there already.
func (d *Decoder) keep(seq int64) *kept {
	k := &d.kept[uint64(seq)%window]
	if k.there && k.seq == seq {
		return nil
	}
	k.seq, k.there, k.opaque = seq, true, false
	return k
}

// known puts a packet into the rows that lack it.
func (d *Decoder) known(k *kept) {
	var again []*row
	d.rows = slices.DeleteFunc(d.rows, func(r *row) bool {
		i, is := slices.BinarySearch(r.unknown, k.seq)
		if !is {
			return false
		}
		if k.opaque {
			d.free = append(d.free, r)
			return true
		}
		r.unknown = slices.Delete(r.unknown, i, i+1)
		r.data = xor(r.data, k.data[:fields], k.data[fields:])
		if r.own != k.seq && len(r.unknown) > 1 {
			return false
		}
		again = append(again, r) // it has lost what was its own, or is solved
		return true
	})
	for _, r := range again {
		d.insert(r)
	}
}

// Repair takes a repair packet's payload. It gives what can be recovered by it, and the highest number that it protects.
func (d *Decoder) Repair(payload []byte) (found []Packet, last int64, err error) {
	d.recovered = d.recovered[:0]
	in, err := read(payload)
	if err != nil {
		return nil, 0, err
	}
	if !d.begun {
		return nil, 0, nil
	}
	base := d.highest + int64(int16(in.base-uint16(d.highest)))
	last = base + int64(in.mask.last())
	if base <= d.highest-window || last >= d.highest+window/2 { // too old, or nothing that follows on what came
		return nil, d.highest, nil
	}
	r := d.take()
	r.data = xor(r.data[:0], in.fields, in.payload)
	r.unknown = r.unknown[:0]
	for i := range in.mask.last() + 1 {
		if !in.mask.has(i) {
			continue
		}
		seq := base + int64(i)
		switch k := &d.kept[uint64(seq)%window]; {
		case !k.there || k.seq != seq:
			r.unknown = append(r.unknown, seq)
		case k.opaque:
			d.free = append(d.free, r)
			return nil, last, nil
		default:
			r.data = xor(r.data, k.data[:fields], k.data[fields:])
		}
	}
	d.insert(r)
	return d.recovered, last, nil
}

func (d *Decoder) take() *row {
	if n := len(d.free); n > 0 {
		r := d.free[n-1]
		d.free = d.free[:n-1]
		return r
	}
	return &row{}
}

// insert takes a row that is in no order with the others yet.
func (d *Decoder) insert(r *row) {
	for _, other := range d.rows {
		if _, is := slices.BinarySearch(r.unknown, other.own); is {
			r.add(other)
		}
	}
	if len(r.unknown) == 0 { // it says nothing new
		d.free = append(d.free, r)
		return
	}
	r.own = r.unknown[0]
	for _, other := range d.rows {
		if _, is := slices.BinarySearch(other.unknown, r.own); is {
			other.add(r)
		}
	}
	d.rows = append(d.rows, r)
	d.solve()
	if len(d.rows) > maxRows {
		d.free = append(d.free, d.rows[0])
		d.rows = slices.Delete(d.rows, 0, 1)
	}
}

// solve takes out the rows that have but one unknown packet: no other row has it.
func (d *Decoder) solve() {
	d.rows = slices.DeleteFunc(d.rows, func(r *row) bool {
		if len(r.unknown) > 1 {
			return false
		}
		d.recover(r)
		d.free = append(d.free, r)
		return true
	})
}

// recover gives the packet of a row that is solved, unless it is none of those that are protected here.
func (d *Decoder) recover(r *row) {
	seq := r.unknown[0]
	length := int(binary.BigEndian.Uint16(r.data[2:]))
	if r.data[0] != 0 || length > len(r.data)-fields || length > MaxPayload {
		return
	}
	k := d.keep(seq)
	if k == nil {
		return
	}
	d.highest = max(d.highest, seq)
	k.data = append(k.data[:0], r.data[:fields+length]...)
	d.recovered = append(d.recovered, Packet{
		Seq: seq, Timestamp: binary.BigEndian.Uint32(k.data[4:]), Marker: k.data[1]&0x80 != 0, Type: k.data[1] & 0x7f,
		Payload: k.data[fields:],
	})
}

// add makes a row the exclusive or of itself and another one.
func (r *row) add(other *row) {
	r.data = xor(r.data, other.data[:fields], other.data[fields:])
	for _, seq := range other.unknown {
		if i, is := slices.BinarySearch(r.unknown, seq); is {
			r.unknown = slices.Delete(r.unknown, i, i+1)
		} else {
			r.unknown = slices.Insert(r.unknown, i, seq)
		}
	}
}
