package h264

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Numbers of parameter sets that are taken; the standard has 32 and 256. A decoder keeps what it was given, and its
// picture parameter sets are large.
const (
	maxSPS = 32
	maxPPS = 32
)

// ErrNoParameters says that a picture came without parameter sets, and none came before.
var ErrNoParameters = errors.New("its parameter sets have not come")

// Parameters stands between a stream and its decoder. It keeps the latest parameter sets, and gives the decoder those
// that a keyframe needs, in front of it, and no others: sets of other numbers and of former senders don't live on. One
// that nobody used is forgotten when a keyframe brings its own; one that was used stays, since some senders repeat it
// seldom.
// Pictures that depend on a set that has not come, or on one that asks for too much, are refused.
//
//	access unit ──Note──▶ sets by number
//	            ──Admit─▶ [SPS PPS…] slices ──▶ decoder
//
// The zero value is ready. Its memory is bounded.
type Parameters struct {
	sps    [maxSPS]*sequenceSet
	pps    [maxPPS]*pictureSet
	active *sequenceSet // that of the last keyframe: the decoder has it

	// Of the access unit at hand:
	nals    [][]byte
	has     [maxPPS]bool // it has the latest PPS of that number
	uses    [maxPPS]bool // a slice refers to it
	strange bool         // a slice refers to what is not there
}

type sequenceSet struct {
	nal []byte
	SPS
	err error // why it cannot be read
}

func (s *sequenceSet) check(l Limits) error {
	if s.err != nil {
		return s.err
	}
	return s.Within(l)
}

type pictureSet struct {
	nal  []byte
	sps  int  // seq_parameter_set_id
	used bool // by a picture that was admitted
}

// Note keeps the parameter sets that are in an access unit.
func (p *Parameters) Note(au []byte) {
	for nal := range NALs(au) {
		switch TypeOf(nal) {
		case TypeSPS:
			p.noteSPS(nal)
		case TypePPS:
			p.notePPS(nal)
		}
	}
}

// noteSPS keeps a set that cannot be read, too: what was there under its number is no longer meant. One whose number
// cannot be read either counts as 0, which almost all have, so that somebody is told.
func (p *Parameters) noteSPS(nal []byte) {
	s, err := ParseSPS(nal)
	if old := p.sps[s.ID]; old != nil && bytes.Equal(old.nal, nal) {
		return
	}
	if err != nil {
		nal = nal[:min(len(nal), maxHeader)]
	}
	p.sps[s.ID] = &sequenceSet{bytes.Clone(nal), s, err}
}

func (p *Parameters) notePPS(nal []byte) {
	r, err := readerOf(nal)
	if err != nil {
		return
	}
	id, sps := r.ue(), r.ue()
	if r.err != nil || id >= maxPPS || sps >= maxSPS {
		return
	}
	if old := p.pps[id]; old == nil || !bytes.Equal(old.nal, nal) {
		p.pps[id] = &pictureSet{nal: bytes.Clone(nal), sps: int(sps)}
	}
}

// Admit gives an access unit whose parameter sets have been noted as a decoder may have it: a keyframe with the sets
// that it needs, any other without sets that change what a keyframe began. Where nothing is to be changed that is au
// itself. The error is ErrNoParameters, or says what of the parameter sets is wrong, or beyond the limits.
func (p *Parameters) Admit(au []byte, key bool, l Limits) ([]byte, error) {
	p.look(au)
	needed, err := p.needed()
	if err != nil {
		return nil, err
	}
	if err := needed.check(l); err != nil {
		return nil, fmt.Errorf("sequence parameter set %d: %w", needed.ID, err)
	}
	if key {
		p.active = needed
	}
	if needed != p.active { // it was replaced without a keyframe, or never had one
		return nil, ErrNoParameters
	}
	for id, used := range p.uses {
		if used {
			p.pps[id].used = true
		}
	}
	if key {
		p.forget()
	}
	if p.plain(key) {
		return au, nil
	}
	out := p.compose(make([]byte, 0, len(au)+maxHeader), key)
	if len(out) > MaxAccessUnit {
		return nil, ErrTooLarge
	}
	return out, nil
}

// look finds out what the access unit at hand has and uses.
func (p *Parameters) look(au []byte) {
	p.nals, p.has, p.uses, p.strange = p.nals[:0], [maxPPS]bool{}, [maxPPS]bool{}, false
	for nal := range NALs(au) {
		p.nals = append(p.nals, nal)
		switch t := TypeOf(nal); {
		case decodes(t):
			if id, found := p.usedBy(nal); found {
				p.uses[id] = true
			} else {
				p.strange = true
			}
		case t == TypePPS:
			if id, found := p.latest(nal); found {
				p.has[id] = true
			}
		}
	}
}

// decodes says whether NAL units of this type are pictures for our decoders. Data partitions are not.
func decodes(t Type) bool { return t == TypeSlice || t == TypeIDR }

// usedBy finds the picture parameter set of a slice (§7.3.3: first_mb_in_slice, slice_type, pic_parameter_set_id).
func (p *Parameters) usedBy(slice []byte) (id uint32, found bool) {
	const enough = 1 + 3*9 // bytes, emulation prevention included
	r, err := readerOf(slice[:min(len(slice), enough)])
	if err != nil {
		return 0, false
	}
	r.ue()
	r.ue()
	if id = r.ue(); r.err != nil || id >= maxPPS || p.pps[id] == nil {
		return 0, false
	}
	return id, true
}

// latest finds the number of a PPS, if it is the latest with that number.
func (p *Parameters) latest(nal []byte) (id uint32, found bool) {
	r, err := readerOf(nal)
	if err != nil {
		return 0, false
	}
	if id = r.ue(); r.err != nil || id >= maxPPS {
		return 0, false
	}
	return id, p.pps[id] != nil && bytes.Equal(p.pps[id].nal, nal)
}

// needed is the one SPS on which all slices depend.
func (p *Parameters) needed() (*sequenceSet, error) {
	var needed *sequenceSet
	for id, used := range p.uses {
		if !used {
			continue
		}
		s := p.sps[p.pps[id].sps]
		if s == nil || needed != nil && s != needed {
			return nil, ErrNoParameters
		}
		needed = s
	}
	if needed == nil || p.strange {
		return nil, ErrNoParameters
	}
	return needed, nil
}

// forget drops what nobody has used, if the keyframe at hand has brought sets of its own.
func (p *Parameters) forget() {
	own := slices.ContainsFunc(p.nals, p.isActive)
	for id, used := range p.uses {
		own = own && (!used || p.has[id])
	}
	for id, set := range p.pps {
		if own && set != nil && !set.used && !p.has[id] {
			p.pps[id] = nil
		}
	}
}

func (p *Parameters) isActive(nal []byte) bool {
	return TypeOf(nal) == TypeSPS && bytes.Equal(nal, p.active.nal)
}

// belongs says whether there is a PPS of that number and of the active SPS.
func (p *Parameters) belongs(id int) bool { return p.pps[id] != nil && p.pps[id].sps == p.active.ID }

// plain says whether the decoder may have the access unit as it came: with a keyframe its sets, all in front, and
// nothing that no decoder of ours knows.
func (p *Parameters) plain(key bool) bool {
	sps, sliced := false, false
	for _, nal := range p.nals {
		switch t := TypeOf(nal); {
		case decodes(t):
			sliced = true
		case t == TypeSPS && key && !sliced && p.isActive(nal):
			sps = true
		case t == TypePPS && !sliced:
			if id, found := p.latest(nal); !found || !p.belongs(int(id)) {
				return false
			}
		case t == TypeSEI || t == TypeAUD:
		default:
			return false
		}
	}
	for id := range p.pps {
		if key && p.belongs(id) && !p.has[id] {
			return false
		}
	}
	return !key || sps
}

// compose appends the access unit at hand with its parameter sets in front: of a keyframe all that can be meant until
// the next one, else the PPS that it brought.
func (p *Parameters) compose(dst []byte, key bool) []byte {
	if key {
		dst = appendNAL(dst, p.active.nal)
	}
	for id, set := range p.pps {
		if p.belongs(id) && (key || p.has[id]) {
			dst = appendNAL(dst, set.nal)
		}
	}
	for _, nal := range p.nals {
		if t := TypeOf(nal); decodes(t) || t == TypeSEI {
			dst = appendNAL(dst, nal)
		}
	}
	return dst
}

func appendNAL(dst, nal []byte) []byte {
	return append(append(dst, 0, 0, 0, 1), nal...)
}
