package flexfec

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// sent are RTP packets of different sizes with these numbers; the last one has the marker.
func sent(random *rand.Rand, from uint16, n int) (packets [][]byte) {
	for i := range n {
		p := make([]byte, rtpHeader+1+random.IntN(1100))
		for k := range p {
			p[k] = byte(random.Uint32())
		}
		p[0], p[1] = 0x80, 97
		if i == n-1 {
			p[1] |= 0x80
		}
		binary.BigEndian.PutUint16(p[2:], from+uint16(i))
		packets = append(packets, p)
	}
	return packets
}

// came is a packet as the receiver has it.
func came(p []byte, seq int64) Packet {
	return Packet{Seq: seq, Timestamp: binary.BigEndian.Uint32(p[4:]), Marker: p[1]&0x80 != 0, Type: p[1] & 0x7f, Payload: p[rtpHeader:]}
}

func same(p Packet, sent []byte) bool {
	return p.Timestamp == binary.BigEndian.Uint32(sent[4:]) && p.Marker == (sent[1]&0x80 != 0) && p.Type == sent[1]&0x7f &&
		bytes.Equal(p.Payload, sent[rtpHeader:])
}

// What is lost is found, in whatever order the rest comes; what cannot be is not made up.
func TestDecoder(t *testing.T) {
	all := func(n int) []int {
		var a []int
		for i := range n {
			a = append(a, i)
		}
		return a
	}
	for _, test := range []struct {
		name    string
		packets int
		repair  [][]int // what each repair packet protects
		lost    []int
		late    []int // of those lost, the ones that come after all
		want    []int
	}{
		{"nothing lost", 7, [][]int{all(7)}, nil, nil, nil},
		{"one", 7, [][]int{all(7)}, []int{3}, nil, []int{3}},
		{"the last, with the marker", 7, [][]int{all(7)}, []int{6}, nil, []int{6}},
		{"the first that a decoder knows of", 7, [][]int{{1, 2, 3}}, []int{1}, nil, []int{1}},
		{"two, and one repair packet", 7, [][]int{all(7)}, []int{2, 3}, nil, nil},
		{"two, of which one comes late", 7, [][]int{all(7)}, []int{2, 3}, []int{3}, []int{2}},
		{"two by two", 7, [][]int{all(7), {0, 2, 4, 6}}, []int{2, 3}, nil, []int{2, 3}},
		{"two that both repair packets have", 7, [][]int{all(7), {0, 2, 4, 6}}, []int{2, 4}, nil, nil},
		{"three by three, none of which finds one alone", 7, [][]int{{0, 1}, {1, 2}, {0, 1, 2}}, []int{0, 1, 2}, nil, []int{0, 1, 2}},
		{"in two steps, the last comes late", 7, [][]int{{1, 2, 3}, {2, 3, 4}, {4, 5}}, []int{1, 2, 4, 5}, []int{5}, []int{1, 2, 4}},
		{"all but one of a long mask", 110, [][]int{all(110)}, []int{109}, nil, []int{109}},
		{"masks of 46", 46, [][]int{all(46)}, []int{45}, nil, []int{45}},
		{"far apart", 110, [][]int{{0, 14, 15, 45, 46, 63, 64, 109}}, []int{64}, nil, []int{64}},
		{"a whole picture by as many", 3, [][]int{{0}, {0, 1}, {0, 1, 2}}, []int{0, 1, 2}, nil, []int{0, 1, 2}},
	} {
		for _, base := range []uint16{100, 65530} {
			t.Run(test.name, func(t *testing.T) {
				random := rand.New(rand.NewPCG(1, uint64(base)))
				packets := sent(random, base, test.packets)
				var d Decoder
				var got []Packet
				note := func(found []Packet) {
					for _, p := range found {
						p.Payload = bytes.Clone(p.Payload)
						got = append(got, p)
					}
				}
				note(d.Came(Packet{Seq: int64(base) - 1, Payload: []byte{1}}))
				for i, p := range packets {
					if !slices.Contains(test.lost, i) {
						note(d.Came(came(p, int64(base)+int64(i))))
					}
				}
				for _, of := range test.repair {
					var p Parity
					p.Begin(base)
					for _, i := range of {
						p.Add(packets[i])
					}
					payload := p.Append(nil)
					if len(payload) > MostHeader+1100 {
						t.Errorf("repair packet of %d bytes", len(payload))
					}
					found, last, err := d.Repair(payload)
					if want := int64(base) + int64(slices.Max(of)); err != nil || last != want {
						t.Fatalf("protects up to %d: %v, want %d", last, err, want)
					}
					note(found)
				}
				for _, i := range test.late {
					note(d.Came(came(packets[i], int64(base)+int64(i))))
				}
				var found []int
				for _, p := range got {
					i := int(p.Seq - int64(base))
					if found = append(found, i); i < 0 || i >= len(packets) || !same(p, packets[i]) {
						t.Errorf("packet %d is %+v", i, p)
					}
				}
				if slices.Sort(found); !slices.Equal(found, test.want) {
					t.Errorf("found %d, want %d", found, test.want)
				}
			})
		}
	}
}

// Streams with many losses: nothing that is found is wrong, and what is kept stays small.
func TestDecoderAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	var d Decoder
	seq, all, lost, found := int64(65000), map[int64][]byte{}, 0, 0
	check := func(got []Packet) {
		for _, p := range got {
			if found++; !same(p, all[p.Seq]) {
				t.Fatalf("packet %d is wrong", p.Seq)
			}
		}
	}
	for range 2000 {
		packets := sent(random, uint16(seq), 1+random.IntN(10))
		for i, p := range packets {
			all[seq+int64(i)] = p
			if random.IntN(10) == 0 {
				lost++
			} else {
				check(d.Came(came(p, seq+int64(i))))
			}
		}
		seq += int64(len(packets))
		for range 2 {
			var parity Parity
			from := max(seq-20, 65000)
			parity.Begin(uint16(from))
			for s := from; s < seq; s++ {
				if s >= seq-int64(len(packets)) || random.IntN(2) == 0 {
					parity.Add(all[s])
				}
			}
			if random.IntN(10) > 0 {
				got, _, err := d.Repair(parity.Append(nil))
				if err != nil {
					t.Fatal(err)
				}
				check(got)
			}
		}
	}
	if found < lost*9/10 || len(d.rows) > maxRows || len(d.free) > 2*maxRows {
		t.Errorf("%d of %d found; %d rows, %d free", found, lost, len(d.rows), len(d.free))
	}
}

// What a decoder does not know the header of is not recovered into.
func TestOpaque(t *testing.T) {
	packets := sent(rand.New(rand.NewPCG(1, 1)), 1, 3)
	var p Parity
	p.Begin(1)
	for _, packet := range packets {
		p.Add(packet)
	}
	for _, before := range []bool{true, false} {
		var d Decoder
		d.Came(came(packets[0], 1))
		if before {
			d.Opaque(2)
		}
		found, _, err := d.Repair(p.Append(nil))
		if !before {
			d.Opaque(2)
		}
		if err != nil || len(found) > 0 || len(d.rows) > 0 {
			t.Errorf("before %t: %v, %d rows, %v", before, found, len(d.rows), err)
		}
	}
}

func TestRefused(t *testing.T) {
	whole := append(make([]byte, fields), 0, 1, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
	for name, payload := range map[string][]byte{
		"empty":           {},
		"cut":             whole[:len(whole)-1],
		"cut before":      whole[:fields+5],
		"nothing":         make([]byte, 40),
		"retransmission":  append([]byte{0x80}, whole[1:]...),
		"fixed mask":      append([]byte{0x40}, whole[1:]...),
		"longer than any": append(bytes.Clone(whole), make([]byte, MaxPayload+1)...),
	} {
		d := Decoder{}
		d.Came(Packet{Seq: 1, Payload: []byte{1}})
		if found, _, err := d.Repair(payload); err == nil || len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
	if _, err := read(whole); err != nil {
		t.Error(err)
	}
}

// Whatever comes, memory is bounded and what is given lies within the window.
func FuzzDecoder(f *testing.F) {
	var p Parity
	p.Begin(3)
	for _, packet := range sent(rand.New(rand.NewPCG(1, 1)), 3, 60) {
		p.Add(packet)
	}
	f.Add([]byte{1, 2, 3, 250, 7, 0, 0, 0, 1, 9}, p.Append(nil))
	f.Add([]byte{0}, append(make([]byte, fields), 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9))
	f.Fuzz(func(t *testing.T, steps, repair []byte) {
		var d Decoder
		seq := int64(65500)
		check := func(found []Packet) {
			for _, p := range found {
				if p.Seq <= d.highest-window || p.Seq > d.highest || len(p.Payload) > MaxPayload {
					t.Errorf("%d of %d, %d bytes", p.Seq, d.highest, len(p.Payload))
				}
			}
		}
		for i, s := range steps {
			switch {
			case s < 64:
				seq += int64(s) % 8
				check(d.Came(Packet{Seq: seq, Payload: repair[:min(len(repair), int(s))]}))
			case s < 80:
				d.Opaque(seq - int64(s))
			default:
				r := bytes.Clone(repair)
				if len(r) > fields+8 {
					binary.BigEndian.PutUint16(r[fields:], uint16(seq)-uint16(s))
					r[fields+2+i%6] ^= s
				}
				found, _, _ := d.Repair(r)
				check(found)
			}
			if len(d.rows) > maxRows || len(d.free) > 2*maxRows {
				t.Fatalf("%d rows, %d free", len(d.rows), len(d.free))
			}
		}
	})
}

func BenchmarkRepair(b *testing.B) {
	packets := sent(rand.New(rand.NewPCG(1, 1)), 0, 24)
	var p Parity
	var d Decoder
	for seq := int64(0); b.Loop(); seq += 24 {
		p.Begin(uint16(seq))
		for i, packet := range packets {
			binary.BigEndian.PutUint16(packet[2:], uint16(seq)+uint16(i))
			p.Add(packet)
			if i != 5 {
				d.Came(came(packet, seq+int64(i)))
			}
		}
		if found, _, err := d.Repair(p.Append(nil)); err != nil || len(found) != 1 {
			b.Fatal(found, err)
		}
	}
}
