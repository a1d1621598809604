package negotiate

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/pion/sdp/v3"
)

// ErrNotAcceptable is in every error that comes from what the other side wrote. Such an offer is refused with 488; after
// such an answer the call is ended with BYE.
var ErrNotAcceptable = errors.New("session description not acceptable")

// ErrPending says that an offer of ours is unanswered, so that one of theirs cannot be answered: 491 (RFC 3261 §14.2).
var ErrPending = errors.New("an offer of ours is still unanswered")

// ErrNoOffer says that an answer came though no offer of ours is out.
var ErrNoOffer = errors.New("an answer, but no offer is out")

// Local is what this side brings to a call. But for Session.Move it stays the same for the life of a Session.
type Local struct {
	Address             netip.Addr  // where we receive; an address of the machine, not the unspecified one
	AudioRTP, AudioRTCP uint16      // ports
	VideoRTP, VideoRTCP uint16      // ports, both 0 for a call without picture
	AudioICE, VideoICE  *ICE        // how these ports, and others, are reached from elsewhere; nil without ICE
	Trickle             bool        // ways may be named later, ours and theirs, to and by whoever says the same (RFC 8840)
	SessionID           uint64      // of o=, unique for each call; below 2^63
	Width, Height       int         // the largest picture we take, in pixels
	FPS                 int         // at that size
	MaxKbps             int         // of video that we take, for b=TIAS; 0 says nothing
	NACK                bool        // we send again what the other side missed of our picture, and of Opus
	CCFB                bool        // we say when each packet of a picture came (RFC 8888), and heed what is said of ours
	Ceilings            bool        // we heed what the other side says that our pictures may take at most (REMB, TMMBR)
	RED                 bool        // Opus may come and go with copies of earlier frames (RFC 2198)
	FEC                 bool        // pictures may come and go with repair packets (RFC 8627), where NACK and retransmissions are agreed on
	Mutual              bool        // who is not seen does not see: pictures in one direction alone are agreed on as none
	Fingerprint         Fingerprint // of the certificate that we show in DTLS; zero: keys cannot be agreed on by that
	Rand                io.Reader   // of keys; nil is crypto/rand
}

func (l *Local) check() error {
	switch {
	case !l.Address.IsValid() || l.Address.IsUnspecified() || l.Address.IsMulticast() || l.Address.Zone() != "":
		return fmt.Errorf("negotiate: local address %v is none that others can send to", l.Address)
	case l.AudioRTP == 0 || l.AudioRTCP == 0:
		return errors.New("negotiate: no local ports for audio")
	case (l.VideoRTP == 0) != (l.VideoRTCP == 0):
		return errors.New("negotiate: video needs a port for RTP and one for RTCP")
	case l.VideoRTP != 0 && (l.Width <= 0 || l.Height <= 0 || l.FPS <= 0 || l.MaxKbps < 0):
		return fmt.Errorf("negotiate: %dx%d at %d/s, %d kbit/s is no picture", l.Width, l.Height, l.FPS, l.MaxKbps)
	}
	return nil
}

// Session is one dialog's offers and answers, in either direction, from the first to the last. It keeps what must not change
// between them: the order of m-lines, payload types, our keys, and the version in o=, which grows only when what we say
// changes (RFC 3264 §8). A refresh therefore gets the same bytes and leaves media alone.
//
//	we call:        Offer ──▶ INVITE      200 ──▶ Accept ──▶ Description
//	we are called:  INVITE ──▶ Answer ──▶ 200, Description
//
// and any number of times again, either way round. A failed offer or answer leaves the session as it was.
// It belongs to one goroutine.
type Session struct {
	local   Local
	policy  Policy
	lines   []*line // of the last offer and answer that agreed
	pending []*line // of an offer that is out
	before  *Local  // what holds again if what Move said is not agreed on; nil if nothing was moved
	sent    []byte  // the last description that went out
	version uint64  // its version
}

// NewSession begins a session in which nothing is offered yet.
func NewSession(l Local, p Policy) (*Session, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	if p != DTLS && p != SDES && p != None {
		return nil, fmt.Errorf("negotiate: unknown policy %q", p)
	}
	l.Address = l.Address.Unmap()
	if l.Rand == nil {
		l.Rand = rand.Reader
	}
	return &Session{local: l, policy: p, version: 1}, nil
}

// Offer makes a description for an INVITE, a re-INVITE, or the 2xx to an INVITE that had none. It offers all that we have on
// the m-lines in use, with the keys in use. A later Offer replaces it; Accept or Withdraw ends it.
func (s *Session) Offer() ([]byte, error) {
	lines := cloneLines(s.lines)
	if len(lines) == 0 {
		lines = append(lines, newLine("audio"))
		if s.local.VideoRTP != 0 {
			lines = append(lines, newLine("video"))
		}
	}
	desc := s.describe()
	for _, l := range lines {
		m, err := s.offerLine(l)
		if err != nil {
			return nil, fmt.Errorf("offer %s: %w", l.kind, err)
		}
		desc.MediaDescriptions = append(desc.MediaDescriptions, m)
	}
	s.pending = lines
	return s.sign(desc)
}

// Accept takes the answer to the last Offer.
func (s *Session) Accept(answer []byte) (Description, error) {
	if s.pending == nil {
		return Description{}, ErrNoOffer
	}
	lines := s.pending
	s.pending = nil
	defer s.moveBack() // unless it is agreed
	desc, err := read(answer)
	if err != nil {
		return Description{}, fmt.Errorf("%w: answer: %w", ErrNotAcceptable, err)
	}
	if len(desc.MediaDescriptions) > len(lines) {
		return Description{}, fmt.Errorf("%w: %d m-lines answer %d", ErrNotAcceptable, len(desc.MediaDescriptions), len(lines))
	}
	var d Description
	for i, l := range lines {
		if !l.active {
			continue
		}
		if i >= len(desc.MediaDescriptions) {
			d.Refused = append(d.Refused, fmt.Errorf("%s: not answered", l.kind))
			continue
		}
		stream, err := (*Stream)(nil), desc.faults[i]
		if err == nil {
			stream, err = s.acceptLine(l, desc, desc.MediaDescriptions[i])
		}
		if err := s.settle(&d, l, stream, err); err != nil {
			return Description{}, err
		}
	}
	if d.Audio == nil && d.Video == nil {
		return Description{}, notAcceptable(d.Refused)
	}
	s.lines, s.before = lines, nil
	return d, nil
}

// Answer answers an offer, the first or a later one. An m-line that cannot be agreed on is refused in its place, so that
// there is sound where there can be no picture. The error has ErrNotAcceptable if nothing is left, or if the policy is DTLS
// and an m-line that we could take is not protected by it.
func (s *Session) Answer(offer []byte) ([]byte, Description, error) {
	if s.pending != nil {
		return nil, Description{}, ErrPending
	}
	defer s.moveBack() // unless it is agreed
	desc, err := read(offer)
	if err != nil {
		return nil, Description{}, fmt.Errorf("%w: offer: %w", ErrNotAcceptable, err)
	}
	var d Description
	answer, lines := s.describe(), cloneLines(s.lines)
	for i, m := range desc.MediaDescriptions {
		if i == len(lines) {
			lines = append(lines, newLine(m.MediaName.Media))
		}
		l := lines[i]
		l.follow(m)
		reply, stream, err := (*sdp.MediaDescription)(nil), (*Stream)(nil), desc.faults[i]
		if err == nil {
			reply, stream, err = s.answerLine(l, desc, m, &d)
		}
		if err := s.settle(&d, l, stream, err); err != nil {
			return nil, Description{}, err
		}
		if l.active = stream != nil; !l.active {
			reply = l.refusal()
		}
		answer.MediaDescriptions = append(answer.MediaDescriptions, reply)
	}
	if d.Audio == nil && d.Video == nil {
		return nil, Description{}, notAcceptable(d.Refused)
	}
	out, err := s.sign(answer)
	if err != nil {
		return nil, Description{}, err
	}
	s.lines, s.before = lines[:len(desc.MediaDescriptions)], nil
	return out, d, nil
}

// Withdraw forgets an offer that was refused, timed out or met another (488, 408, 491). What was agreed before still holds.
func (s *Session) Withdraw() {
	s.pending = nil
	s.moveBack()
}

// settle records what became of an m-line. The error it returns ends the whole negotiation: under policy DTLS weak
// protection is not left out quietly, and a fault of our own is not a refusal.
func (s *Session) settle(d *Description, l *line, stream *Stream, err error) error {
	var own *localError
	switch {
	case errors.As(err, &own):
		return fmt.Errorf("%s: %w", l.kind, err)
	case err != nil:
		err = fmt.Errorf("%s: %w", shorten(l.kind), err)
		if s.policy == DTLS && errors.Is(err, errUnprotected) {
			return notAcceptable([]error{err})
		}
		d.Refused = append(d.Refused, err)
	case stream != nil && l.kind == "video":
		d.Video = stream
	case stream != nil:
		d.Audio = stream
	}
	return nil
}

// notAcceptable tells why in one line.
func notAcceptable(reasons []error) error {
	err := ErrNotAcceptable
	for i, r := range reasons {
		if i == 0 {
			err = fmt.Errorf("%w: %w", err, r)
		} else {
			err = fmt.Errorf("%w; %w", err, r)
		}
	}
	if len(reasons) == 0 {
		err = fmt.Errorf("%w: no audio and no video", err)
	}
	return err
}

// localError is a fault of this machine, not of the other side's description.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }
