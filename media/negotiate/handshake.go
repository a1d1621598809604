package negotiate

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// Handshake is a stream whose keys are agreed on in a handshake on its own way (RFC 5763, 5764): what SDP says of that. It stays the
// same as long as the handshake that there was is good.
type Handshake struct {
	Active       bool          // we begin the handshake (a=setup, RFC 4145)
	Fingerprints []Fingerprint // of the certificate that the other side is to show: it has to be one of them
	Suites       []Suite       // that will do, the best first
	ids          [2]string     // of the association (RFC 8842): ours, theirs; empty where a side has none
}

// Same says whether a description goes on with the handshake of another one (RFC 8842 §4): a change of addresses or of ICE's
// credentials alone asks for no other.
func (d *Handshake) Same(other *Handshake) bool {
	if d == nil || other == nil {
		return d == other
	}
	return d.Active == other.Active && d.ids == other.ids && slices.Equal(d.Fingerprints, other.Fingerprints) && slices.Equal(d.Suites, other.Suites)
}

// Handshakes says whether the keys of a stream are agreed on in a handshake.
func (d *Description) Handshakes() bool {
	return d.Audio != nil && d.Audio.Handshake != nil || d.Video != nil && d.Video.Handshake != nil
}

const (
	dtlsProto = "UDP/TLS/RTP/SAVPF" // RFC 5764 §8; windows have feedback (RFC 4585) and say so

	leastID, mostID = 20, 255 // characters of a=tls-id (RFC 8842 §5.1)
)

// offerDTLS makes the attributes by which an offer asks for a handshake. Who begins it is for the other side to say (RFC 5763 §5).
func (s *Session) offerDTLS(l *line) ([]sdp.Attribute, error) {
	if s.local.Fingerprint == (Fingerprint{}) {
		return nil, errors.New("keys are to be agreed on by DTLS, and there is no certificate for it")
	}
	if l.tlsID == "" {
		if err := l.newID(&s.local); err != nil {
			return nil, err
		}
	}
	return s.fingerprinted("actpass", l.tlsID), nil
}

func (s *Session) fingerprinted(setup, id string) []sdp.Attribute {
	out := []sdp.Attribute{sdp.NewAttribute("setup", setup), sdp.NewAttribute("fingerprint", s.local.Fingerprint.String())}
	if id != "" {
		out = append(out, sdp.NewAttribute("tls-id", id))
	}
	return out
}

// newID names another association.
func (l *line) newID(local *Local) error {
	b := make([]byte, 16)
	if _, err := io.ReadFull(local.Rand, b); err != nil {
		return &localError{fmt.Errorf("draw a tls-id: %w", err)}
	}
	l.tlsID = hex.EncodeToString(b)
	return nil
}

// answerDTLS agrees to a handshake.
func (s *Session) answerDTLS(l *line, desc *description, m *sdp.MediaDescription, stream *Stream) ([]sdp.Attribute, error) {
	d, id, err := s.readDTLS(desc, m, stream)
	if err != nil {
		return nil, err
	}
	same := l.agreed != nil && l.agreed.ids[1] == id && slices.Equal(l.agreed.Fingerprints, d.Fingerprints)
	switch role := setup(desc, m, "active"); role {
	case "actpass": // who answers begins, so that it can before its answer has come; a role that was agreed on stays (RFC 8842 §5.3)
		d.Active = !same || l.agreed.Active
	case "passive":
		d.Active = true
	case "active":
	default:
		return nil, unprotected([]error{fmt.Errorf("a=setup:%s in an offer: wants actpass, active or passive", shorten(role))})
	}
	same = same && l.agreed.Active == d.Active
	if id == "" {
		l.tlsID = ""
	} else if !same || l.tlsID == "" {
		if err := l.newID(&s.local); err != nil {
			return nil, err
		}
	}
	s.agreeDTLS(l, d, id, stream)
	return s.fingerprinted(map[bool]string{true: "active", false: "passive"}[d.Active], l.tlsID), nil
}

// acceptDTLS reads the answer to an offer of a handshake.
func (s *Session) acceptDTLS(l *line, desc *description, m *sdp.MediaDescription, stream *Stream) error {
	d, id, err := s.readDTLS(desc, m, stream)
	if err != nil {
		return err
	}
	switch role := setup(desc, m, "passive"); role {
	case "active":
	case "passive":
		d.Active = true
	default:
		return unprotected([]error{fmt.Errorf("a=setup:%s in an answer: wants active or passive", shorten(role))})
	}
	s.agreeDTLS(l, d, id, stream)
	return nil
}

// agreeDTLS notes what was agreed on.
func (s *Session) agreeDTLS(l *line, d *Handshake, theirs string, stream *Stream) {
	d.ids = [2]string{l.tlsID, theirs}
	if l.agreed.Same(d) {
		d = l.agreed
	}
	l.use("")
	l.agreed, stream.Handshake = d, d
}

// readDTLS reads what offers and answers have in common. RTCP has to come by the same port: otherwise it would need a handshake of
// its own (RFC 5764 §4.1).
func (s *Session) readDTLS(desc *description, m *sdp.MediaDescription, stream *Stream) (d *Handshake, id string, err error) {
	if s.local.Fingerprint == (Fingerprint{}) {
		return nil, "", unprotected([]error{errors.New("keys by DTLS cannot be had here: turn on SRTP with SDES keys")})
	}
	if !stream.Mux {
		return nil, "", unprotected([]error{errors.New("keys by DTLS need RTCP on the port of RTP: turn on rtcp-mux")})
	}
	fingerprints, err := readFingerprints(desc, m)
	if err != nil {
		return nil, "", unprotected([]error{err})
	}
	if slices.Contains(fingerprints, s.local.Fingerprint) {
		return nil, "", unprotected([]error{errors.New("a=fingerprint: the certificate is ours")})
	}
	id, found := attribute(desc, m, "tls-id")
	if found && (len(id) < leastID || len(id) > mostID) {
		return nil, "", unprotected([]error{fmt.Errorf("a=tls-id has %d characters, want %d to %d", len(id), leastID, mostID)})
	}
	return &Handshake{Fingerprints: fingerprints, Suites: s.policy.suites()}, id, nil
}

// setup is who begins the handshake, as the other side says. Without a word it is whoever RFC 4145 §4 names.
func setup(desc *description, m *sdp.MediaDescription, unsaid string) string {
	if role, found := attribute(desc, m, "setup"); found {
		return strings.ToLower(role)
	}
	return unsaid
}

// attribute is that of an m-line, or of the session.
func attribute(desc *description, m *sdp.MediaDescription, key string) (value string, found bool) {
	if value, found = m.Attribute(key); found {
		return value, true
	}
	return desc.Attribute(key)
}
