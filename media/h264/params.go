package h264

import (
	"bytes"
	"errors"
	"fmt"
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
// that a keyframe needs, in front of it, and no others: sets of other numbers and of former senders don't live on.
// Pictures that depend on a set that is not to be had, or that asks for too much, are refused.
//
//	access unit ──Note──▶ sets by number
//	            ──Admit─▶ [SPS PPS…] slices ──▶ decoder
//
// The zero value is ready. Its memory is bounded.
type Parameters struct {
	sps    [maxSPS]*sequenceSet
	pps    [maxPPS]*pictureSet
	active *sequenceSet // that of the last keyframe: the decoder has it
	nals   [][]byte     // of the access unit at hand
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
	nal []byte
	sps int // seq_parameter_set_id
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
		p.pps[id] = &pictureSet{bytes.Clone(nal), int(sps)}
	}
}

// Admit gives an access unit whose parameter sets have been noted as a decoder may have it: a keyframe with the sets
// that it needs, any other without sets that change what a keyframe began. Where nothing is to be changed that is au
// itself. The error is ErrNoParameters, or says what of the parameter sets is wrong, or beyond the limits.
func (p *Parameters) Admit(au []byte, key bool, l Limits) ([]byte, error) {
	p.nals = p.nals[:0]
	for nal := range NALs(au) {
		p.nals = append(p.nals, nal)
	}
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
	if p.plain(key) {
		return au, nil
	}
	out := p.compose(make([]byte, 0, len(au)+maxHeader), key)
	if len(out) > MaxAccessUnit {
		return nil, ErrTooLarge
	}
	return out, nil
}

// needed finds the one set on which all slices depend.
func (p *Parameters) needed() (*sequenceSet, error) {
	var needed *sequenceSet
	for _, nal := range p.nals {
		if !decodes(TypeOf(nal)) {
			continue
		}
		set := p.of(nal)
		if set == nil || needed != nil && set != needed {
			return nil, ErrNoParameters
		}
		needed = set
	}
	if needed == nil {
		return nil, ErrNoParameters
	}
	return needed, nil
}

// of is the sequence parameter set of a slice, nil if there is none (§7.3.3: first_mb_in_slice, slice_type,
// pic_parameter_set_id).
func (p *Parameters) of(slice []byte) *sequenceSet {
	const enough = 1 + 3*9 // bytes, emulation prevention included
	r, err := readerOf(slice[:min(len(slice), enough)])
	if err != nil {
		return nil
	}
	r.ue()
	r.ue()
	id := r.ue()
	if r.err != nil || id >= maxPPS || p.pps[id] == nil {
		return nil
	}
	return p.sps[p.pps[id].sps]
}

// decodes says whether NAL units of this type are pictures for our decoders. Data partitions are not.
func decodes(t Type) bool { return t == TypeSlice || t == TypeIDR }

// plain says whether the decoder may have the access unit as it came.
func (p *Parameters) plain(key bool) bool {
	sps, pps, slices := false, false, false
	for _, nal := range p.nals {
		switch t := TypeOf(nal); {
		case decodes(t):
			slices = true
		case t == TypeSPS && key && !slices && bytes.Equal(nal, p.active.nal):
			sps = true
		case t == TypePPS && !slices && p.belongs(nal):
			pps = true
		case t == TypeSEI || t == TypeAUD:
		default:
			return false
		}
	}
	return !key || sps && pps && p.others() == 0
}

// belongs says whether a PPS is the latest of its number and of the active SPS.
func (p *Parameters) belongs(nal []byte) bool {
	for _, set := range p.pps {
		if set != nil && set.sps == p.active.ID && bytes.Equal(set.nal, nal) {
			return true
		}
	}
	return false
}

// others counts the PPS of the active SPS that are not in the access unit at hand.
func (p *Parameters) others() (n int) {
	for _, set := range p.pps {
		if set == nil || set.sps != p.active.ID {
			continue
		}
		n++
		for _, nal := range p.nals {
			if bytes.Equal(nal, set.nal) {
				n--
				break
			}
		}
	}
	return n
}

// compose appends the access unit at hand with its parameter sets in front: of a keyframe all that can be meant until
// the next one, else the PPS that it brought.
func (p *Parameters) compose(dst []byte, key bool) []byte {
	if key {
		dst = appendNAL(dst, p.active.nal)
		for _, set := range p.pps {
			if set != nil && set.sps == p.active.ID {
				dst = appendNAL(dst, set.nal)
			}
		}
	}
	for _, nal := range p.nals {
		if !key && TypeOf(nal) == TypePPS && p.belongs(nal) {
			dst = appendNAL(dst, nal)
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
