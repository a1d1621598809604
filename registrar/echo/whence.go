package echo

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// whence is where a stream's packets come from, beside what was said of that.
type whence struct {
	believed netip.AddrPort // the last that were the caller's; invalid if none came
	refused  netip.AddrPort // the last that were not, by their key, or without SRTP by their address
}

// From says that the caller's SIP comes from there now.
func (c *Session) From(peer netip.Addr) {
	if !peer.IsValid() {
		return
	}
	for _, s := range []*stream{c.audio, c.video} {
		s.mu.Lock()
		s.from = peer.Unmap()
		s.mu.Unlock()
	}
}

// Heard says for people where the call's media comes from, where its SDP says it would, and what was not believed. An echo that is
// heard says that keys and ports are right; this says what stands between.
func (c *Session) Heard() string {
	var parts []string
	for _, s := range []struct {
		kind string
		*stream
	}{{"sound", c.audio}, {"picture", c.video}} {
		if text := s.heard(s.kind); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}

func (s *stream) heard(kind string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.agreed {
		return ""
	}
	said, text := s.d.RTP, kind
	switch {
	case !s.whence.believed.IsValid():
		text = fmt.Sprintf("no %s came, SDP says it would from %s", kind, said)
	case s.whence.believed.Addr() == said.Addr():
		text += fmt.Sprintf(" from %s, as SDP says", s.whence.believed.Addr())
	default:
		text += fmt.Sprintf(" from %s, SDP says %s: a router stands between", s.whence.believed, said)
	}
	if s.whence.refused.IsValid() {
		text += fmt.Sprintf("; what came from %s was not believed", s.whence.refused)
	}
	return text
}

// permits says whether packets from there are looked at: those that nothing protects only from where the caller's SIP comes from, or its
// SDP says, as a window has it. s.mu is held.
func (s *stream) permits(at netip.AddrPort) bool {
	return s.in != nil || at.Addr() == s.from || at.Addr() == s.d.RTP.Addr() || s.d.RTCP.IsValid() && at.Addr() == s.d.RTCP.Addr()
}

// note keeps where a packet came from. s.mu is held.
func (s *stream) note(at netip.AddrPort, believed bool) {
	if believed {
		s.whence.believed = at
	} else {
		s.whence.refused = at
	}
}

func source(from net.Addr) netip.AddrPort {
	at, _ := netip.ParseAddrPort(from.String())
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
