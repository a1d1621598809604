// Package h264 knows as much of H.264 as its RTP payload needs (RFC 6184): NAL units, parameter sets, packets.
//
//	access unit (Annex B) ──Packetizer──▶ payloads ⇢ network ⇢ payloads ──Depacketizer──▶ access unit (Annex B)
package h264

import (
	"bytes"
	"iter"
)

// Type is nal_unit_type (H.264 table 7-1; 24 and up: RFC 6184 §5.2).
type Type uint8

const (
	TypeSlice  Type = 1
	TypeIDR    Type = 5
	TypeSEI    Type = 6
	TypeSPS    Type = 7
	TypePPS    Type = 8
	TypeAUD    Type = 9
	TypeFiller Type = 12
	TypeSTAPA  Type = 24
	TypeFUA    Type = 28
)

// TypeOf is the type in a NAL unit's first byte.
func TypeOf(nal []byte) Type { return Type(nal[0] & 0x1f) }

// IsPicture says whether a NAL unit of this type carries a part of a coded picture.
func (t Type) IsPicture() bool { return t >= TypeSlice && t <= TypeIDR }

// NALs gives the NAL units of a byte stream (H.264 annex B) one after another. They point into stream.
// Bytes before the first start code, empty units and zeros at the end of a unit are left out.
func NALs(stream []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		code, start := nextStartCode(stream, 0)
		for code < len(stream) {
			var next int
			code, next = nextStartCode(stream, start)
			if nal := trimZeros(stream[start:code]); len(nal) > 0 && !yield(nal) {
				return
			}
			start = next
		}
	}
}

var startCode = []byte{0, 0, 1}

// nextStartCode finds 00 00 01 from i on: where it begins, and the byte after it.
func nextStartCode(b []byte, i int) (begin, after int) {
	n := bytes.Index(b[i:], startCode)
	if n < 0 {
		return len(b), len(b)
	}
	return i + n, i + n + len(startCode)
}

// trimZeros takes off trailing_zero_8bits and the zero_byte of the next start code. A NAL unit never ends in zero.
func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

// IsKey says whether an access unit has an IDR picture and the parameter sets that it needs.
func IsKey(au []byte) bool {
	var idr, sps, pps bool
	for nal := range NALs(au) {
		switch TypeOf(nal) {
		case TypeIDR:
			idr = true
		case TypeSPS:
			sps = true
		case TypePPS:
			pps = true
		}
	}
	return idr && sps && pps
}
