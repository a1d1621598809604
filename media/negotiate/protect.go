package negotiate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// protection is how a transport protects RTP, by its name in an m-line.
type protection int

const (
	inClear protection = iota // or with keys in SDP all the same (RFC 8643)
	bySDP                     // keys are in SDP (RFC 4568)
	byDTLS                    // keys are agreed on in a handshake (RFC 5764)
)

// parseProto knows the transports that carry RTP.
func parseProto(proto string) (protection, error) {
	switch strings.ToUpper(proto) {
	case "RTP/AVP", "RTP/AVPF":
		return inClear, nil
	case "RTP/SAVP", "RTP/SAVPF":
		return bySDP, nil
	case "UDP/TLS/RTP/SAVP", dtlsProto:
		return byDTLS, nil
	}
	return inClear, fmt.Errorf("transport %s is not RTP/AVP, AVPF, SAVP or SAVPF, nor the latter over UDP/TLS", shorten(proto))
}

// offerProtection makes the attributes of an offer that say where keys come from.
func (s *Session) offerProtection(l *line) ([]sdp.Attribute, error) {
	if p, _ := parseProto(l.proto); p == byDTLS {
		return s.offerDTLS(l)
	}
	return s.offerKeys(l)
}

// answerProtection agrees on keys, and makes the attributes of the answer.
func (s *Session) answerProtection(l *line, desc *description, m *sdp.MediaDescription, stream *Stream) ([]sdp.Attribute, error) {
	p, _ := parseProto(l.proto)
	switch {
	case p == byDTLS:
		return s.answerDTLS(l, desc, m, stream)
	case s.policy == DTLS:
		return nil, notByDTLS(l.proto)
	}
	l.agreed, l.tlsID = nil, ""
	return s.answerKeys(l, m, stream)
}

// acceptProtection takes from an answer what was agreed on keys.
func (s *Session) acceptProtection(l *line, desc *description, m *sdp.MediaDescription, stream *Stream) error {
	offered, _ := parseProto(l.proto)
	p, err := parseProto(strings.Join(m.MediaName.Protos, "/"))
	switch {
	case err != nil:
		return err
	case (offered == byDTLS) != (p == byDTLS):
		return notByDTLS(strings.Join(m.MediaName.Protos, "/"))
	case p == byDTLS:
		return s.acceptDTLS(l, desc, m, stream)
	}
	return s.acceptKeys(l, m, stream)
}

// notByDTLS says why an m-line has no key.
func notByDTLS(proto string) error {
	return unprotected([]error{fmt.Errorf("transport %s where keys have to be agreed on by DTLS", shorten(proto))})
}

// offerKeys makes the a=crypto lines of an offer, best first.
func (s *Session) offerKeys(l *line) ([]sdp.Attribute, error) {
	if s.policy == None && l.suite == "" {
		return nil, nil
	}
	var out []sdp.Attribute
	for i, suite := range l.preferred(s.policy) {
		k, err := l.key(suite, &s.local)
		if err != nil {
			return nil, err
		}
		out = append(out, sdp.NewAttribute("crypto", k.attribute(fmt.Sprint(i+1), string(suite))))
	}
	return out, nil
}

// answerKeys takes the first a=crypto line of an offer that we can (RFC 4568 §5.1.2) and makes ours for the answer.
// Keys with RTP/AVP are opportunistic (RFC 8643) and treated alike.
func (s *Session) answerKeys(l *line, m *sdp.MediaDescription, stream *Stream) ([]sdp.Attribute, error) {
	theirs, reasons := s.readCrypto(m)
	if len(theirs) == 0 {
		if p, _ := parseProto(l.proto); s.policy == None && p == inClear {
			l.use("")
			stream.Plain = true
			return nil, nil
		}
		return nil, unprotected(reasons)
	}
	c := theirs[0]
	ours, err := l.key(c.keys.Suite, &s.local)
	if err != nil {
		return nil, err
	}
	if c.keys.equal(ours) {
		return nil, unprotected([]error{fmt.Errorf("a=crypto tag %s: the key is ours", c.tag)})
	}
	l.use(c.keys.Suite)
	stream.Send, stream.Receive = ours, c.keys
	return []sdp.Attribute{sdp.NewAttribute("crypto", ours.attribute(c.tag, c.suite))}, nil
}

// acceptKeys reads the a=crypto line of an answer, which names one of ours by its tag (RFC 4568 §5.1.3).
func (s *Session) acceptKeys(l *line, m *sdp.MediaDescription, stream *Stream) error {
	offered := s.policy != None || l.suite != ""
	theirs, reasons := s.readCrypto(m)
	switch {
	case len(theirs) == 0 && s.policy == None && len(reasons) == 0:
		if p, _ := parseProto(l.proto); p == inClear {
			l.use("")
			stream.Plain = true
			return nil
		}
		return unprotected(reasons)
	case len(theirs) == 0:
		return unprotected(reasons)
	case !offered:
		return unprotected([]error{errors.New("a=crypto in the answer, none in the offer")})
	case len(theirs)+len(reasons) > 1:
		return unprotected([]error{errors.New("several a=crypto lines in an answer")})
	}
	c := theirs[0]
	for i, suite := range l.preferred(s.policy) {
		if c.tag != fmt.Sprint(i+1) || c.keys.Suite != suite {
			continue
		}
		ours := l.keys[suite]
		if c.keys.equal(ours) {
			return unprotected([]error{fmt.Errorf("a=crypto tag %s: the key is ours", c.tag)})
		}
		l.use(suite)
		stream.Send, stream.Receive = ours, c.keys
		return nil
	}
	return unprotected([]error{fmt.Errorf("a=crypto tag %s: %s was not offered with this tag", c.tag, c.keys.Suite)})
}

// readCrypto reads the a=crypto lines that the policy allows, in their order, and why the others do not count.
func (s *Session) readCrypto(m *sdp.MediaDescription) (good []crypto, reasons []error) {
	seen := map[string]bool{}
	for _, a := range m.Attributes {
		if a.Key != "crypto" {
			continue
		}
		c, err := parseCrypto(a.Value)
		switch {
		case err != nil:
			reasons = append(reasons, err)
		case seen[c.tag]:
			reasons = append(reasons, fmt.Errorf("a=crypto tag %s: used twice", c.tag))
		default:
			good = append(good, c)
		}
		seen[c.tag] = true
	}
	return good, reasons
}

// unprotected says why an m-line has no key.
func unprotected(reasons []error) error {
	if len(reasons) == 0 {
		reasons = []error{errors.New("no a=crypto line, and plain RTP is not allowed: turn on SRTP with SDES keys")}
	}
	texts := make([]string, len(reasons))
	for i, r := range reasons {
		texts[i] = r.Error()
	}
	return fmt.Errorf("%w: %s", errUnprotected, strings.Join(texts, "; "))
}

// preferred are the suites of a policy, best first; in a later offer first the one in use: Debian's baresip answers that with the tag which
// it had in its own first offer.
func (l *line) preferred(p Policy) []Suite {
	suites := slices.Clone(p.suites())
	slices.SortStableFunc(suites, func(a, b Suite) int {
		switch l.suite {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	return suites
}
