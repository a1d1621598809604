package h264

import (
	"errors"
	"fmt"
)

// maxHeader bounds what is read of a NAL unit, in bytes: the largest parameter set that makes sense has every scaling
// list and the longest VUI.
const maxHeader = 1024

var (
	errShort   = errors.New("it ends too early")
	errLong    = fmt.Errorf("it has more than %d bytes", maxHeader)
	errPattern = errors.New("it has three bytes in a row that no NAL unit may have")
	errNumber  = errors.New("it has a number of more than 32 bits")
)

// bitReader reads syntax elements (H.264 §7.2, §9.1). After an error it reads zeros.
type bitReader struct {
	b   []byte
	at  int // the next bit
	err error
}

// readerOf reads what is behind a NAL unit's first byte, without its emulation prevention (§7.4.1). Decoders disagree
// on what the bytes 00 00 00 and 00 00 02 mean, which must not be there: they are an error.
func readerOf(nal []byte) (*bitReader, error) {
	if len(nal) > maxHeader {
		return nil, errLong
	}
	b := make([]byte, 0, len(nal))
	zeros := 0
	for _, c := range nal[min(1, len(nal)):] {
		switch {
		case zeros == 2 && c == 3:
			zeros = 0
			continue
		case zeros == 2 && c < 3:
			return nil, errPattern
		case c == 0:
			zeros++
		default:
			zeros = 0
		}
		b = append(b, c)
	}
	return &bitReader{b: b}, nil
}

func (r *bitReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// u is an unsigned number of n bits, at most 32.
func (r *bitReader) u(n int) (v uint32) {
	if r.at+n > 8*len(r.b) {
		r.fail(errShort)
	}
	if r.err != nil {
		return 0
	}
	for range n {
		v = v<<1 | uint32(r.b[r.at>>3]>>(7-r.at&7))&1
		r.at++
	}
	return v
}

// ue is an unsigned Exp-Golomb number.
func (r *bitReader) ue() uint32 {
	zeros := 0
	for r.u(1) == 0 {
		if zeros++; zeros == 32 || r.err != nil {
			r.fail(errNumber)
			return 0
		}
	}
	return 1<<zeros - 1 + r.u(zeros)
}

// se is a signed one (§9.1.1).
func (r *bitReader) se() int32 {
	k := int64(r.ue())
	if k&1 == 1 {
		return int32((k + 1) / 2)
	}
	return int32(-k / 2)
}

// atMost is ue for an element that the standard bounds.
func (r *bitReader) atMost(most uint32, name string) uint32 {
	v := r.ue()
	if v > most {
		r.fail(fmt.Errorf("%s is %d, at most %d can be", name, v, most))
		return 0
	}
	return v
}
