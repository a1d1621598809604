package h264

import "bytes"

const (
	maxParameterSets    = 16  // of each kind that are kept; the standard allows 32 and 256, cameras use one or two
	maxParameterSetSize = 512 // bytes
)

// Parameters keeps the latest parameter sets of a stream, so that they can be put before an IDR picture that came
// without them. The zero value is ready. Its memory is bounded.
type Parameters struct {
	sps, pps [maxParameterSets][]byte // by seq_parameter_set_id and pic_parameter_set_id
}

// Note keeps the parameter sets that are in an access unit.
func (p *Parameters) Note(au []byte) {
	for nal := range NALs(au) {
		p.note(nal)
	}
}

func (p *Parameters) note(nal []byte) {
	if len(nal) < 2 || len(nal) > maxParameterSetSize {
		return
	}
	var list *[maxParameterSets][]byte
	var id int
	var ok bool
	switch TypeOf(nal) {
	case TypeSPS:
		if len(nal) < 5 {
			return
		}
		list = &p.sps
		id, ok = ue(nal[4:]) // after profile_idc, constraints and level_idc (H.264 §7.3.2.1.1)
	case TypePPS:
		list = &p.pps
		id, ok = ue(nal[1:])
	default:
		return
	}
	if ok && id < maxParameterSets && !bytes.Equal(list[id], nal) {
		list[id] = bytes.Clone(nal)
	}
}

// Complete says whether there is at least one parameter set of each kind.
func (p *Parameters) Complete() bool {
	return has(&p.sps) && has(&p.pps)
}

func has(list *[maxParameterSets][]byte) bool {
	for _, nal := range list {
		if nal != nil {
			return true
		}
	}
	return false
}

// Append appends all that is kept to dst, as a byte stream.
func (p *Parameters) Append(dst []byte) []byte {
	for _, list := range []*[maxParameterSets][]byte{&p.sps, &p.pps} {
		for _, nal := range list {
			if nal != nil {
				dst = append(dst, 0, 0, 0, 1)
				dst = append(dst, nal...)
			}
		}
	}
	return dst
}

// ue reads an unsigned Exp-Golomb number (H.264 §9.1) from the first bits of b. Those that are read here are small
// and stand before any emulation prevention byte.
func ue(b []byte) (int, bool) {
	zeros := 0
	for bit(b, zeros) == 0 {
		if zeros++; zeros > 16 {
			return 0, false
		}
	}
	if zeros*2+1 > len(b)*8 {
		return 0, false
	}
	v := 0
	for i := zeros; i <= 2*zeros; i++ {
		v = v<<1 | bit(b, i)
	}
	return v - 1, true
}

func bit(b []byte, i int) int {
	if i>>3 >= len(b) {
		return 0
	}
	return int(b[i>>3]>>(7-i&7)) & 1
}
