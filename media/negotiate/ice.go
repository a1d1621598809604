package negotiate

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/pion/sdp/v3"
)

// Bounds on what is read of ICE: those of RFC 8839 §5.4, and far more candidates than a machine has addresses.
const (
	leastFragment, leastPassword, mostCredential = 4, 22, 256

	maxCandidates = 32
	maxCandidate  = 300 // bytes
)

// ICE is how one side of a stream can be reached (RFC 8839): the credentials of its checks, and its candidates.
type ICE struct {
	Fragment, Password string
	Candidates         []string // the values of a=candidate (RFC 8839 §5.1), unread
	Lite               bool     // it makes no checks, and has us decide (RFC 8445 §2.5)
	More               bool     // others follow (RFC 8838)
}

// same says whether these are the same ways: other credentials are other ones (RFC 8839 §4.4.1.1.1).
func (i *ICE) same(other *ICE) bool {
	return i == nil && other == nil || i != nil && other != nil && i.Fragment == other.Fragment && i.Password == other.Password
}

// ICE says whether a stream's way was agreed to be found by ICE.
func (d *Description) ICE() bool {
	return d.Audio != nil && d.Audio.ICE != nil || d.Video != nil && d.Video.ICE != nil
}

// Trickles says whether further ways may be named to the other side: for all streams that have any.
func (d *Description) Trickles() bool {
	return d.ICE() && (d.Audio == nil || d.Audio.Trickles) && (d.Video == nil || d.Video.Trickles)
}

// A Place is where we receive a stream: a port of Local.Address, which is one of ICE's candidates if there are any.
type Place struct {
	RTP, RTCP uint16
	ICE       *ICE
}

// Move says that with the next offer or answer we receive elsewhere: an ICE restart of ours, or the answer to one of theirs. If that
// is not agreed on, all is as before.
func (s *Session) Move(address netip.Addr, audio, video Place) error {
	l := s.local
	l.Address = address.Unmap()
	l.AudioRTP, l.AudioRTCP, l.AudioICE = audio.RTP, audio.RTCP, audio.ICE
	l.VideoRTP, l.VideoRTCP, l.VideoICE = video.RTP, video.RTCP, video.ICE
	if err := l.check(); err != nil {
		return err
	}
	if s.before == nil {
		before := s.local
		s.before = &before
	}
	s.local = l
	return nil
}

func (s *Session) moveBack() {
	if s.before != nil {
		s.local, s.before = *s.before, nil
	}
}

// Seeks says whether an offer brings ways of ICE that are not agreed on yet: the first ones, or others than before, which the
// answer is to meet with new ones of ours (RFC 8839 §4.4.1.1.1). What cannot be read does not.
func (s *Session) Seeks(offer []byte) bool {
	desc, err := read(offer)
	if err != nil {
		return false
	}
	for i, m := range desc.MediaDescriptions {
		if theirs, err := readICE(desc, m); err != nil || theirs == nil || m.MediaName.Port.Value == 0 {
			continue
		} else if i >= len(s.lines) || !theirs.same(s.lines[i].ice) {
			return true
		}
	}
	return false
}

// OffersICE says whether an offer has ways of ICE for a stream.
func OffersICE(offer []byte) bool { return new(Session).Seeks(offer) }

// place is where we receive a line's stream.
func (l *Local) place(kind string) Place {
	if kind == "video" {
		return Place{l.VideoRTP, l.VideoRTCP, l.VideoICE}
	}
	return Place{l.AudioRTP, l.AudioRTCP, l.AudioICE}
}

// withICE adds ways to an m-line of ours.
func withICE(m *sdp.MediaDescription, ice *ICE) {
	m.WithValueAttribute("ice-ufrag", ice.Fragment)
	m.WithValueAttribute("ice-pwd", ice.Password)
	for _, c := range ice.Candidates {
		m.WithValueAttribute("candidate", c)
	}
	if !ice.More {
		m.WithPropertyAttribute(endOfCandidates)
	}
}

// endOfCandidates says that no more of them come (RFC 8840 §8.2).
const endOfCandidates = "end-of-candidates"

var errICE = errors.New("ICE credentials of the wrong length")

// readICE reads an m-line's ways; nil for none. Credentials may stand at session level (RFC 8839 §5.4). Candidates that are too
// long, and those beyond maxCandidates, are left out, as those that cannot be read will be.
func readICE(session *description, m *sdp.MediaDescription) (*ICE, error) {
	value := func(key string) string {
		if v, found := m.Attribute(key); found {
			return v
		}
		v, _ := session.Attribute(key)
		return v
	}
	ice := &ICE{Fragment: value("ice-ufrag"), Password: value("ice-pwd")}
	if ice.Fragment == "" && ice.Password == "" {
		return nil, nil
	}
	if n := len(ice.Fragment); n < leastFragment || n > mostCredential {
		return nil, fmt.Errorf("%w: a=ice-ufrag has %d characters, want %d to %d", errICE, n, leastFragment, mostCredential)
	}
	if n := len(ice.Password); n < leastPassword || n > mostCredential {
		return nil, fmt.Errorf("%w: a=ice-pwd has %d characters, want %d to %d", errICE, n, leastPassword, mostCredential)
	}
	_, ice.Lite = session.Attribute("ice-lite")
	_, here := m.Attribute(endOfCandidates)
	_, all := session.Attribute(endOfCandidates)
	ice.More = trickles(session) && !here && !all
	for _, a := range m.Attributes {
		if a.Key == "candidate" && len(a.Value) <= maxCandidate && len(ice.Candidates) < maxCandidates {
			ice.Candidates = append(ice.Candidates, strings.Clone(a.Value))
		}
	}
	return ice, nil
}

// nowhere is the default destination of somebody who is reached by ICE alone: his c= may have no address, or one that we cannot
// reach (RFC 8840 §4.1.3), and is no hold.
var nowhere = netip.AddrPortFrom(netip.IPv4Unspecified(), 9)

// ways agrees on ICE for a stream: where both have it, and we have gathered for its reports too unless they share its port. Whoever says
// itself that somebody has changed its addresses is met without (RFC 8839 §4.2.5).
func (s *Session) ways(l *line, desc *description, m *sdp.MediaDescription, mux bool) (*ICE, error) {
	place := s.local.place(l.kind)
	if _, mismatch := m.Attribute("ice-mismatch"); place.ICE == nil || mismatch || !mux && place.RTCP == place.RTP {
		return nil, nil
	}
	return readICE(desc, m)
}
