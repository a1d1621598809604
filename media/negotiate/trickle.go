package negotiate

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// Candidates that follow offer and answer (trickle ICE, RFC 8838) travel in INFOs within the dialog (RFC 8840): pieces of SDP that name
// the search by its credentials and each stream by its a=mid.
//
//	m=audio 9 RTP/AVP 0
//	a=mid:audio
//	a=ice-ufrag:…, a=ice-pwd:…
//	a=candidate:…               all that have been named of this search so far (§4.4): one that is lost or late costs nothing
//	a=end-of-candidates         no more of them come

// trickleOption is the value of a=ice-options by which a side says that it takes candidates later (RFC 8838 §3).
const trickleOption = "trickle"

// Bounds of a piece of SDP.
const (
	maxFragment = 24 << 10 // bytes: maxCandidates for both streams
	maxMid      = 32
)

// OffersTrickle says whether whoever makes an offer takes candidates later.
func OffersTrickle(offer []byte) bool {
	desc, err := read(offer)
	return err == nil && trickles(desc)
}

// trickles says whether a description has the option, and a name for each stream that has ways.
func trickles(desc *description) bool {
	options, _ := desc.Attribute("ice-options")
	return slices.Contains(strings.Fields(options), trickleOption) &&
		!slices.ContainsFunc(desc.MediaDescriptions, func(m *sdp.MediaDescription) bool { return m.MediaName.Port.Value != 0 && midOf(m) == "" })
}

// midOf is the name of an m-line (RFC 5888 §4); empty if it has none that could be one.
func midOf(m *sdp.MediaDescription) string {
	mid, _ := m.Attribute("mid")
	if len(mid) > maxMid || strings.ContainsAny(mid, " \t") {
		return ""
	}
	return strings.Clone(mid)
}

// Mids are the names of a call's streams; empty for one that has none.
type Mids struct{ Audio, Video string }

// Mids are those that were agreed on.
func (s *Session) Mids() (m Mids) {
	for _, l := range s.lines {
		switch {
		case !l.active:
		case l.kind == "audio" && m.Audio == "":
			m.Audio = l.mid
		case l.kind == "video" && m.Video == "":
			m.Video = l.mid
		}
	}
	return m
}

// Fragment writes all that is known of our ways by now; nil is a stream without any.
func (m Mids) Fragment(audio, video *ICE) []byte {
	var b bytes.Buffer
	for _, s := range []struct {
		kind, mid string
		ice       *ICE
	}{{"audio", m.Audio, audio}, {"video", m.Video, video}} {
		if s.ice == nil || s.mid == "" {
			continue
		}
		fmt.Fprintf(&b, "m=%s 9 RTP/AVP 0\r\na=mid:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", s.kind, s.mid, s.ice.Fragment, s.ice.Password)
		for _, c := range s.ice.Candidates {
			fmt.Fprintf(&b, "a=candidate:%s\r\n", c)
		}
		if !s.ice.More {
			b.WriteString("a=end-of-candidates\r\n")
		}
	}
	return b.Bytes()
}

// What is wrong with candidates that came later.
var (
	errNoTrickle  = errors.New("it was not agreed on that candidates come later")
	errUnknownMid = errors.New("no stream of this call has that a=mid")
	errOtherUfrag = errors.New("they are of another search: the credentials are not those that were agreed on")
	errWhole      = errors.New("they come after the end of candidates")
)

// Hear reads further candidates of the other side: all that are to be looked at, nil for a stream that has none. What is wrong with one
// stream's costs those alone, and is in the error.
func (s *Session) Hear(fragment []byte) (audio, video *ICE, err error) {
	if len(fragment) > maxFragment {
		return nil, nil, fmt.Errorf("%d bytes of candidates, at most %d are read", len(fragment), maxFragment)
	}
	desc, err := read(append([]byte("v=0\r\n"), fragment...))
	if err != nil {
		return nil, nil, err
	}
	var faults []error
	for _, m := range desc.MediaDescriptions {
		ice, kind, err := s.hear(desc, m)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %w", shorten(m.MediaName.Media), err))
		case kind == "video":
			video = ice
		case kind == "audio":
			audio = ice
		}
	}
	return audio, video, errors.Join(faults...)
}

// hear reads those of one stream.
func (s *Session) hear(desc *description, m *sdp.MediaDescription) (ice *ICE, kind string, err error) {
	mid := midOf(m)
	i := slices.IndexFunc(s.lines, func(l *line) bool { return l.active && mid != "" && l.mid == mid })
	if i < 0 {
		return nil, "", errUnknownMid
	}
	l := s.lines[i]
	if l.ice == nil || !l.trickles {
		return nil, "", errNoTrickle
	}
	if ice, err = readICE(desc, m); err != nil {
		return nil, "", err
	}
	switch {
	case ice == nil || !ice.same(l.ice):
		return nil, "", errOtherUfrag
	case !l.ice.More:
		return nil, "", errWhole
	}
	_, here := m.Attribute(endOfCandidates)
	_, all := desc.Attribute(endOfCandidates)
	if here || all {
		agreed := *l.ice
		agreed.More = false
		l.ice = &agreed
	}
	ice.More = l.ice.More
	return ice, l.kind, nil
}
