package h264

import "fmt"

// MaxNALs bounds the NAL units of one access unit: a picture of 1080p in slices of one row has 68.
const MaxNALs = 1024

// Packetizer cuts access units into RTP payloads of a size. It is used again and again; Next allocates nothing.
type Packetizer struct {
	max  int // bytes of payload
	mode int // packetization-mode (RFC 6184 §6.2): 0 or 1

	nals   [][]byte
	at     int // of the NAL unit being sent
	offset int // in it, inside a fragmented one
}

// NewPacketizer is for payloads of at most max bytes. In mode 0 a NAL unit cannot be cut: a larger one becomes a
// larger payload, for IP to fragment; the encoder should be told to make slices that fit.
func NewPacketizer(mode, max int) *Packetizer {
	return &Packetizer{mode: mode, max: max, nals: make([][]byte, 0, 16)}
}

// Begin takes an access unit as a byte stream, which must not change until Next has given the last payload.
// Access unit delimiters and filler data are left out. An access unit without a picture is an error.
func (p *Packetizer) Begin(au []byte) error {
	p.nals, p.at, p.offset = p.nals[:0], 0, 0
	picture := false
	for nal := range NALs(au) {
		t := TypeOf(nal)
		if t == TypeAUD || t == TypeFiller {
			continue
		}
		picture = picture || t.IsPicture()
		p.nals = append(p.nals, nal)
	}
	if !picture || len(p.nals) > MaxNALs {
		n := len(p.nals)
		p.nals = p.nals[:0]
		return fmt.Errorf("access unit of %d bytes has %d NAL units and a picture: %t; the encoder must give one whole picture in Annex B", len(au), n, picture)
	}
	return nil
}

// Next appends the next payload to dst; last is true with the last one of the access unit, which gets RTP's marker.
// It may be larger than the Packetizer was told only in mode 0.
func (p *Packetizer) Next(dst []byte) (out []byte, last bool) {
	nal := p.nals[p.at]
	switch {
	case p.mode == 0 || p.offset == 0 && len(nal) <= p.max:
		if n := p.together(); n > 1 {
			dst = appendSTAPA(dst, p.nals[p.at:p.at+n])
			p.at += n
			break
		}
		dst = append(dst, nal...)
		p.at++
	default:
		dst = p.fragment(dst, nal)
	}
	return dst, p.at == len(p.nals)
}

// together counts the NAL units from here on that fit into one STAP-A (RFC 6184 §5.7.1).
func (p *Packetizer) together() int {
	if p.mode == 0 {
		return 1
	}
	size, n := 1, 0
	for _, nal := range p.nals[p.at:] {
		if size += 2 + len(nal); size > p.max {
			break
		}
		n++
	}
	return n
}

func appendSTAPA(dst []byte, nals [][]byte) []byte {
	var forbidden, importance byte // F is set if any is, NRI is the highest (§5.7.1)
	for _, nal := range nals {
		forbidden |= nal[0] & 0x80
		importance = max(importance, nal[0]&0x60)
	}
	dst = append(dst, forbidden|importance|byte(TypeSTAPA))
	for _, nal := range nals {
		dst = append(dst, byte(len(nal)>>8), byte(len(nal)))
		dst = append(dst, nal...)
	}
	return dst
}

const (
	fuStart = 0x80
	fuEnd   = 0x40
)

// fragment appends one FU-A (RFC 6184 §5.8). The NAL unit's own first byte travels in the two of the FU.
func (p *Packetizer) fragment(dst, nal []byte) []byte {
	header := nal[0] & 0x1f
	if p.offset == 0 {
		header |= fuStart
		p.offset = 1
	}
	n := min(len(nal)-p.offset, p.max-2)
	if p.offset+n == len(nal) {
		header |= fuEnd
	}
	dst = append(dst, nal[0]&0xe0|byte(TypeFUA), header)
	dst = append(dst, nal[p.offset:p.offset+n]...)
	if p.offset += n; p.offset == len(nal) {
		p.at++
		p.offset = 0
	}
	return dst
}
