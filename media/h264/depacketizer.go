package h264

import (
	"errors"
	"fmt"
)

// MaxAccessUnit bounds an access unit that is put together, in bytes. It is also the most that a device process takes.
const MaxAccessUnit = 4<<20 - 64

// What can be wrong with a payload. Each spoils the access unit that it belongs to and nothing else.
var (
	ErrTooLarge    = fmt.Errorf("access unit is larger than %d bytes", MaxAccessUnit)
	ErrTooMany     = fmt.Errorf("access unit has more than %d NAL units", MaxNALs)
	ErrNoStart     = errors.New("fragment of a NAL unit whose start did not come")
	ErrTruncated   = errors.New("payload ends inside a NAL unit")
	ErrInterleaved = errors.New("payload is of packetization-mode 2, which was not agreed")
)

// Depacketizer puts one access unit after another together from RTP payloads, which must come in order and without
// gaps. It takes single NAL units, STAP-A and FU-A whatever the negotiated mode: phones mix them.
type Depacketizer struct {
	au    []byte
	nals  int
	inFU  bool
	seen  uint32 // bit n: a NAL unit of type n is in au
	first Type
	start bool // a part of a picture in au has its first macroblock
}

// Reset begins a new access unit. It is built in buf, which may be nil and is then the caller's again.
func (d *Depacketizer) Reset(buf []byte) { *d = Depacketizer{au: buf[:0]} }

// Push adds a payload. After an error the access unit is not to be used.
func (d *Depacketizer) Push(payload []byte) error {
	if len(payload) == 0 {
		return nil // padding alone: some senders probe with it
	}
	if len(d.au)+len(payload)+4*(1+len(payload)/3) > MaxAccessUnit { // what a STAP-A could swell to
		return ErrTooLarge
	}
	switch t := TypeOf(payload); {
	case t == TypeSTAPA:
		return d.aggregate(payload[1:])
	case t == TypeFUA:
		return d.fragment(payload)
	case t >= 25 && t <= 29:
		return ErrInterleaved
	case t == 0 || t >= 30: // reserved: ignored (RFC 6184 §5.2)
		return nil
	default:
		return d.unit(payload)
	}
}

func (d *Depacketizer) unit(nal []byte) error {
	d.inFU = false
	return d.begin(nal[0], nal[1:])
}

func (d *Depacketizer) begin(header byte, rest []byte) error {
	if d.nals == MaxNALs {
		return ErrTooMany
	}
	t := Type(header & 0x1f)
	if d.nals == 0 {
		d.first = t
	}
	d.nals++
	d.seen |= 1 << t
	d.start = d.start || decodes(t) && len(rest) > 0 && rest[0]&0x80 != 0
	d.au = append(d.au, 0, 0, 0, 1, header)
	d.au = append(d.au, rest...)
	return nil
}

func (d *Depacketizer) aggregate(b []byte) error {
	for len(b) > 0 {
		if len(b) < 2 {
			return ErrTruncated
		}
		n := int(b[0])<<8 | int(b[1])
		if b = b[2:]; n > len(b) {
			return ErrTruncated
		}
		if n > 0 && TypeOf(b) < TypeSTAPA && TypeOf(b) > 0 {
			if err := d.unit(b[:n]); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}

func (d *Depacketizer) fragment(b []byte) error {
	if len(b) < 2 {
		return ErrTruncated
	}
	indicator, header := b[0], b[1]
	if header&fuStart != 0 {
		d.inFU = true
		if err := d.begin(indicator&0xe0|header&0x1f, b[2:]); err != nil {
			return err
		}
	} else {
		if !d.inFU {
			return ErrNoStart
		}
		d.au = append(d.au, b[2:]...)
	}
	if header&fuEnd != 0 {
		d.inFU = false
	}
	return nil
}

// Whole says whether no fragment waits for its rest.
func (d *Depacketizer) Whole() bool { return !d.inFU }

// Begins says whether a payload begins with the first part of a picture, which has its first macroblock.
func Begins(payload []byte) bool {
	first, part := firstMacroblock(payload)
	return part && first
}

// BeginsSequence says whether a payload begins with a sequence parameter set, as those of keyframes do.
func BeginsSequence(payload []byte) bool {
	if len(payload) > 3 && TypeOf(payload) == TypeSTAPA {
		payload = payload[3:]
	}
	return len(payload) > 0 && TypeOf(payload) == TypeSPS
}

// Continues says whether a payload begins with a later part of a picture. Parameter sets and the like may stand between.
func Continues(payload []byte) bool {
	first, part := firstMacroblock(payload)
	return part && !first
}

// firstMacroblock says whether a payload begins with a part of a picture, and whether first_mb_in_slice is 0 (§7.3.3: its
// first bit is set).
func firstMacroblock(payload []byte) (first, part bool) {
	if len(payload) > 3 && TypeOf(payload) == TypeSTAPA {
		payload = payload[3:]
	}
	if len(payload) < 3 {
		return false, false
	}
	switch t := TypeOf(payload); {
	case decodes(t):
		return payload[1]&0x80 != 0, true
	case t == TypeFUA && decodes(Type(payload[1]&0x1f)):
		return payload[1]&fuStart != 0 && payload[2]&0x80 != 0, true
	}
	return false, false
}

// AccessUnit is what has been put together so far, as a byte stream. An unfinished fragment spoils it: ErrTruncated.
func (d *Depacketizer) AccessUnit() ([]byte, error) {
	if d.inFU {
		return nil, ErrTruncated
	}
	return d.au, nil
}

// Buffer is the memory in use, for the next Reset when the access unit was not needed.
func (d *Depacketizer) Buffer() []byte { return d.au }

// Has says whether a NAL unit of type t is in it.
func (d *Depacketizer) Has(t Type) bool { return d.seen&(1<<t) != 0 }

// HasPicture says whether any part of a picture is in it, and not parameter sets alone.
func (d *Depacketizer) HasPicture() bool { return d.seen&0b111110 != 0 }

// HasFirst says whether the part of a picture that has its first macroblock is in it.
func (d *Depacketizer) HasFirst() bool { return d.start }

// First is the type of the first NAL unit, 0 while there is none.
func (d *Depacketizer) First() Type { return d.first }
