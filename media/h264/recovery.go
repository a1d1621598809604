package h264

// recoveryPoint is the payloadType of a recovery point SEI message (H.264 D.1.8).
const recoveryPoint = 6

// mostRecovery bounds recovery_frame_cnt: MaxFrameNum is 2^16 at most.
const mostRecovery = 1<<16 - 1

// Recovery finds the recovery point in an access unit (H.264 D.2.8): whoever begins to decode there has whole pictures
// after so many more. Encoders that refresh their pictures bit by bit send it in place of IDR pictures.
func Recovery(au []byte) (pictures int, found bool) {
	for nal := range NALs(au) {
		if TypeOf(nal) != TypeSEI || len(nal) > maxHeader {
			continue
		}
		r, err := readerOf(nal)
		if err != nil {
			continue
		}
		for len(r.b)*8-r.at > 8 { // the last byte is the end of the NAL unit
			kind, size := r.seiNumber(), r.seiNumber()
			next := r.at + 8*size
			if kind == recoveryPoint {
				n := r.atMost(mostRecovery, "recovery_frame_cnt")
				return int(n), r.err == nil && r.at <= next
			}
			if r.err != nil || next > 8*len(r.b) {
				break
			}
			r.at = next
		}
	}
	return 0, false
}

// AppendRecovery appends an access unit to dst with a recovery point in front, for a decoder that would not begin there:
// recovery_frame_cnt 0, neither exact_match nor broken_link.
func AppendRecovery(dst, au []byte) []byte {
	return append(append(dst, 0, 0, 0, 1, byte(TypeSEI), recoveryPoint, 1, 0x84, 0x80), au...)
}

// seiNumber is payloadType or payloadSize (§7.3.2.3.1).
func (r *bitReader) seiNumber() (n int) {
	for {
		b := int(r.u(8))
		if n += b; b != 255 {
			return n
		}
	}
}
