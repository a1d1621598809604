package enginetest

import (
	"bytes"
	"encoding/binary"

	"ewindow/media/h264"
)

// Picture is what a fake camera writes into an access unit.
type Picture struct {
	Seed    uint16 // which camera
	Counter uint32 // which picture of it, from 1; goes on over a restart
	Width   uint16 // of the format for which it was made, whatever its real size
	Key     bool   // an IDR picture with its parameter sets
}

// uuid marks our SEI message (H.264 §D.1.7, user_data_unregistered).
var uuid = [16]byte{'e', 'w', 'i', 'n', 'd', 'o', 'w', ' ', 'f', 'a', 'k', 'e', ' ', 'p', 'i', 'c'}

// shape is what a sequence parameter set asks for.
type shape struct{ width, height, references uint32 } // macroblocks, macroblocks, frames

// fake is the shape of a fake camera's picture: 64×64 pixels.
var fake = shape{4, 4, 1}

// Grey codes n grey pictures of so many macroblocks, a keyframe first, for a decoder that is to keep so many of them.
// They take it far more memory than they have bytes.
func Grey(width, height, references uint32, n int) (units [][]byte) {
	s := shape{width, height, references}
	au := appendNAL(nil, 0x67, s.sequence())
	au = appendNAL(au, 0x68, parameters())
	units = append(units, appendNAL(au, 0x65, s.keySlice(0)))
	for i := 1; i < n; i++ {
		units = append(units, appendNAL(nil, 0x41, s.skipSlice(uint32(i))))
	}
	return units
}

// accessUnit codes a grey picture in constrained baseline that any decoder takes. What it shows is in an SEI message,
// filled up to pad bytes; number counts the pictures since the last IDR picture.
func accessUnit(p Picture, number uint32, pad int) []byte {
	var au []byte
	if p.Key {
		au = appendNAL(au, 0x67, fake.sequence())
		au = appendNAL(au, 0x68, parameters())
	}
	au = appendNAL(au, 0x06, message(p, pad))
	if p.Key {
		return appendNAL(au, 0x65, fake.keySlice(p.Counter))
	}
	return appendNAL(au, 0x41, fake.skipSlice(number))
}

// sequence is a sequence parameter set (§7.3.2.1.1): level 3.1, 16 bits of frame_num, output in order of decoding.
func (s shape) sequence() []byte {
	var b bits
	b.u(8, 66)
	b.u(8, 0xe0)
	b.u(8, 31)
	b.ue(0)  // seq_parameter_set_id
	b.ue(12) // log2_max_frame_num - 4
	b.ue(2)  // pic_order_cnt_type
	b.ue(s.references)
	b.u(1, 0)
	b.ue(s.width - 1)
	b.ue(s.height - 1)
	b.u(1, 1) // frame_mbs_only
	b.u(1, 1) // direct_8x8_inference
	b.u(2, 0) // no cropping, no VUI
	return b.end()
}

// parameters is a picture parameter set (§7.3.2.2): CAVLC, nothing special.
func parameters() []byte {
	var b bits
	b.ue(0)
	b.ue(0)
	b.u(2, 0) // entropy_coding_mode, bottom_field_pic_order
	b.ue(0)   // slice groups - 1
	b.ue(0)   // references - 1
	b.ue(0)
	b.u(3, 0) // weighted prediction
	b.se(0)   // QP - 26
	b.se(0)
	b.se(0)
	b.u(3, 0)
	return b.end()
}

// keySlice is an IDR slice (§7.3.3) of macroblocks predicted from their mean, without residual.
func (s shape) keySlice(counter uint32) []byte {
	var b bits
	b.ue(0)           // first macroblock
	b.ue(7)           // I
	b.ue(0)           // PPS
	b.u(16, 0)        // frame_num
	b.ue(counter & 1) // idr_pic_id: differs between neighbours
	b.u(2, 0)         // dec_ref_pic_marking
	b.se(0)           // slice_qp_delta
	for range s.width * s.height {
		b.ue(3)   // I_16x16, DC, nothing coded
		b.ue(0)   // chroma: DC
		b.se(0)   // mb_qp_delta
		b.u(1, 1) // coeff_token: none
	}
	return b.end()
}

// skipSlice is a P slice that repeats the picture before it.
func (s shape) skipSlice(number uint32) []byte {
	var b bits
	b.ue(0)
	b.ue(5) // P
	b.ue(0)
	b.u(16, number&0xffff)
	b.u(3, 0) // no override, no reordering, sliding window
	b.se(0)
	b.ue(s.width * s.height) // mb_skip_run
	return b.end()
}

// message is an SEI message (§7.3.2.3) with what a picture says.
func message(p Picture, pad int) []byte {
	body := append([]byte(nil), uuid[:]...)
	body = binary.BigEndian.AppendUint16(body, p.Seed)
	body = binary.BigEndian.AppendUint32(body, p.Counter)
	body = binary.BigEndian.AppendUint16(body, p.Width)
	for len(body) < pad {
		body = append(body, 0xa5)
	}
	sei := []byte{5}
	n := len(body)
	for ; n >= 255; n -= 255 {
		sei = append(sei, 255)
	}
	sei = append(sei, byte(n))
	return append(append(sei, body...), 0x80)
}

// ParsePicture reads an access unit of a fake camera, or says that it is none or not whole.
func ParsePicture(au []byte) (Picture, bool) {
	var p Picture
	var marked, slice, sps, pps, idr bool
	for nal := range h264.NALs(au) {
		switch nal[0] & 0x1f {
		case 1:
			slice = true
		case 5:
			slice, idr = true, true
		case 6:
			marked = p.read(unescape(nal[1:])) || marked
		case 7:
			sps = true
		case 8:
			pps = true
		}
	}
	p.Key = idr && sps && pps
	return p, marked && slice && (!idr || p.Key)
}

// read takes what a picture says from an SEI message of ours.
func (p *Picture) read(sei []byte) bool {
	if len(sei) == 0 || sei[0] != 5 {
		return false
	}
	body := sei[1:]
	for len(body) > 0 && body[0] == 0xff { // the size goes on
		body = body[1:]
	}
	if len(body) < 1+len(uuid)+8 || !bytes.Equal(body[1:1+len(uuid)], uuid[:]) {
		return false
	}
	body = body[1+len(uuid):]
	p.Seed, p.Counter = binary.BigEndian.Uint16(body), binary.BigEndian.Uint32(body[2:])
	p.Width = binary.BigEndian.Uint16(body[6:])
	return true
}

// appendNAL adds a NAL unit with start code and emulation prevention (§7.4.1).
func appendNAL(au []byte, head byte, rbsp []byte) []byte {
	au = append(au, 0, 0, 0, 1, head)
	zeros := 0
	for _, c := range rbsp {
		if zeros >= 2 && c <= 3 {
			au, zeros = append(au, 3), 0
		}
		au = append(au, c)
		if zeros++; c != 0 {
			zeros = 0
		}
	}
	return au
}

// unescape undoes emulation prevention.
func unescape(nal []byte) []byte { return bytes.ReplaceAll(nal, []byte{0, 0, 3}, []byte{0, 0}) }

// bits writes the syntax elements of H.264 §7.2 and §9.1.
type bits struct {
	b []byte
	n int // bits used in the last byte, 0 when it is full
}

func (w *bits) u(n int, v uint32) {
	for n--; n >= 0; n-- {
		if w.n == 0 {
			w.b = append(w.b, 0)
		}
		w.b[len(w.b)-1] |= byte(v>>n&1) << (7 - w.n)
		w.n = (w.n + 1) & 7
	}
}

func (w *bits) ue(v uint32) {
	n := 0
	for (v+1)>>n > 1 {
		n++
	}
	w.u(n, 0)
	w.u(n+1, v+1)
}

func (w *bits) se(v int32) {
	if v > 0 {
		w.ue(uint32(2*v - 1))
		return
	}
	w.ue(uint32(-2 * v))
}

func (w *bits) end() []byte {
	w.u(1, 1) // rbsp_stop_one_bit
	return w.b
}
