// Package flexfec makes repair packets of RTP packets, and of repair packets those that were lost (RFC 8627, flexible masks).
// A repair packet is the exclusive or of the packets that it protects: any one of them is made up for by the others, and of
// several repair packets that protect different ones, as many packets as they are.
//
//	0 0 P X │ CC │ M │ PT │ length │ timestamp       the exclusive or of these fields of the packets
//	first sequence number │ k │ mask, 15 bits        which packets: mask bit i is first + i
//	k │ mask, 31 bits        if the k before is set
//	mask, 64 bits            if that k is set
//	the exclusive or of the payloads
//
// It reads and writes what windows send one another: one stream, RTP headers of 12 bytes and no padding. Pure.
package flexfec

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

const (
	// Span is how many packets a mask reaches over.
	Span = 15 + 31 + 64

	// MostHeader is by how many bytes the payload of a repair packet is larger than that of the largest packet that it
	// protects, at most.
	MostHeader = fields + 2 + 2 + 4 + 8

	// MaxPayload is the largest payload that is protected, in bytes: more than fits the packets of any path.
	MaxPayload = 1500

	fields    = 8 // the bytes of the RTP header that are protected
	rtpHeader = 12
)

// mask is a set of packets: bit i of it, from the most significant one, is the one with the first number + i.
type mask [2]uint64

func (m *mask) set(i int)      { m[i/64] |= 1 << (63 - i%64) }
func (m *mask) has(i int) bool { return m[i/64]&(1<<(63-i%64)) != 0 }

// last is the highest packet in the set, -1 for none.
func (m *mask) last() int {
	switch {
	case m[1] != 0:
		return 127 - bits.TrailingZeros64(m[1])
	case m[0] != 0:
		return 63 - bits.TrailingZeros64(m[0])
	}
	return -1
}

// Parity gathers the packets that a repair packet protects. It is used again and again.
type Parity struct {
	base uint16
	mask mask
	data []byte // exclusive or of the fields and payloads
}

// Begin empties it; no packet before base, nor Span or more after it, is added.
func (p *Parity) Begin(base uint16) { *p = Parity{base: base, data: p.data[:0]} }

// Add takes an RTP packet in clear. Its header has 12 bytes; nothing of it is checked. One that is out of reach or too large is
// left out.
func (p *Parity) Add(packet []byte) {
	i := int(binary.BigEndian.Uint16(packet[2:]) - p.base)
	if i >= Span || len(packet)-rtpHeader > MaxPayload {
		return
	}
	p.mask.set(i)
	var f [fields]byte
	fill(&f, packet[1], len(packet)-rtpHeader, binary.BigEndian.Uint32(packet[4:]))
	p.data = xor(p.data, f[:], packet[rtpHeader:])
}

// fill writes the protected fields of a packet's header.
func fill(f *[fields]byte, markerAndType uint8, length int, ts uint32) {
	f[0], f[1] = 0, markerAndType
	binary.BigEndian.PutUint16(f[2:], uint16(length))
	binary.BigEndian.PutUint32(f[4:], ts)
}

// Empty says that nothing is protected.
func (p *Parity) Empty() bool { return p.mask == mask{} }

// Append writes the payload of the repair packet.
func (p *Parity) Append(b []byte) []byte {
	b = append(b, p.data[:fields]...)
	b = binary.BigEndian.AppendUint16(b, p.base)
	first, second := uint16(p.mask[0]>>49), uint32(p.mask[0]>>18)&0x7fffffff
	third := p.mask[0]<<46 | p.mask[1]>>18
	switch {
	case third != 0:
		b = binary.BigEndian.AppendUint16(b, 1<<15|first)
		b = binary.BigEndian.AppendUint32(b, 1<<31|second)
		b = binary.BigEndian.AppendUint64(b, third)
	case second != 0:
		b = binary.BigEndian.AppendUint16(b, 1<<15|first)
		b = binary.BigEndian.AppendUint32(b, second)
	default:
		b = binary.BigEndian.AppendUint16(b, first)
	}
	return append(b, p.data[fields:]...)
}

// xor adds fields and a payload to what is in dst.
func xor(dst, f, payload []byte) []byte {
	for len(dst) < fields+len(payload) {
		dst = append(dst, make([]byte, fields+len(payload)-len(dst))...)
	}
	subtle.XORBytes(dst, dst[:fields], f)
	subtle.XORBytes(dst[fields:], dst[fields:fields+len(payload)], payload)
	return dst
}

// repair is a repair packet as it was read.
type repair struct {
	base    uint16
	mask    mask
	fields  []byte
	payload []byte
}

var errShort = errors.New("flexfec: repair packet is cut off")

// read takes a repair packet's payload apart.
func read(b []byte) (r repair, err error) {
	if len(b) < fields+4 {
		return r, errShort
	}
	if b[0]>>6 != 0 {
		return r, fmt.Errorf("flexfec: variant %d, only flexible masks are read", b[0]>>6)
	}
	r.fields, r.base, b = b[:fields], binary.BigEndian.Uint16(b[fields:]), b[fields+2:]
	first := binary.BigEndian.Uint16(b)
	r.mask[0], b = uint64(first)<<49, b[2:]
	if first>>15 != 0 {
		if len(b) < 4 {
			return r, errShort
		}
		second := binary.BigEndian.Uint32(b)
		r.mask[0] |= uint64(second&0x7fffffff) << 18
		if b = b[4:]; second>>31 != 0 {
			if len(b) < 8 {
				return r, errShort
			}
			third := binary.BigEndian.Uint64(b)
			r.mask[0] |= third >> 46
			r.mask[1] = third << 18
			b = b[8:]
		}
	}
	switch r.payload = b; {
	case r.mask == mask{}:
		return r, errors.New("flexfec: repair packet that protects nothing")
	case len(b) > MaxPayload:
		return r, fmt.Errorf("flexfec: repair packet of %d bytes, at most %d", len(b), MaxPayload)
	}
	return r, nil
}
