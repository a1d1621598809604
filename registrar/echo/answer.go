package echo

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// terms are how one m-line is answered; there are none for one that is refused.
type terms struct {
	format    uint8
	theirs    *keys // nil: without protection
	mux       bool
	direction string
}

// terms decides about each m-line: the first audio and the first video that can be taken.
func (c *Call) terms(o *offer) ([]*terms, error) {
	out := make([]*terms, len(o.lines))
	var problems []error
	taken := map[string]bool{}
	for i := range o.lines {
		l := &o.lines[i]
		if l.kind != "audio" && l.kind != "video" || l.port == 0 || taken[l.kind] {
			continue
		}
		t, err := c.take(o, l)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", l.kind, err))
			continue
		}
		out[i], taken[l.kind] = t, true
	}
	if !taken["audio"] && !taken["video"] {
		return nil, fmt.Errorf("%w: %w", ErrRefused, errors.Join(append(problems, errors.New("no sound and no picture that could come back"))...))
	}
	return out, nil
}

func (c *Call) take(o *offer, l *line) (*terms, error) {
	switch strings.ToUpper(l.proto) {
	case "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF":
	default:
		return nil, fmt.Errorf("transport %.40q is not RTP/AVP, AVPF, SAVP or SAVPF", l.proto)
	}
	pt, ok := l.format()
	if !ok {
		return nil, errors.New("no format carries media")
	}
	theirs, err := keysOf(l)
	if err != nil {
		return nil, err
	}
	if theirs == nil && (!c.caller.Plain || strings.HasPrefix(strings.ToUpper(l.proto), "RTP/SAVP")) {
		return nil, errors.New("no a=crypto: turn on SRTP with SDES keys in the phone")
	}
	return &terms{format: pt, theirs: theirs, mux: slices.Contains(l.attrs, "rtcp-mux"), direction: o.direction(l)}, nil
}

// write writes the answer.
func (c *Call) write(o *offer, all []*terms) []byte {
	host := c.caller.Host
	if host == "" {
		host = c.caller.Local.Unmap().String()
	}
	family := "IP4"
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		family = "IP6"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN %s %s\r\ns=echo\r\nc=IN %s %s\r\nt=0 0\r\n", c.id, c.version, family, host, family, host)
	for i, t := range all {
		l := &o.lines[i]
		if t == nil {
			fmt.Fprintf(&b, "m=%s 0 %s %s\r\n", l.kind, l.proto, strings.Join(l.formats, " "))
			continue
		}
		c.streams[i].write(&b, l, t)
	}
	return []byte(b.String())
}

func (s *stream) write(b *strings.Builder, l *line, t *terms) {
	pt := fmt.Sprint(t.format)
	fmt.Fprintf(b, "m=%s %d %s %s\r\n", l.kind, port(s.rtp), l.proto, pt)
	for _, name := range []string{"rtpmap", "fmtp"} {
		if v := l.of(name, pt); v != "" {
			fmt.Fprintf(b, "a=%s:%s %s\r\n", name, pt, v)
		}
	}
	for _, v := range l.values("rtcp-fb") { // what can be answered: a new picture
		if f, what, _ := strings.Cut(v, " "); (f == pt || f == "*") && (what == "nack pli" || what == "ccm fir") {
			fmt.Fprintf(b, "a=rtcp-fb:%s %s\r\n", f, what)
		}
	}
	if t.mux {
		b.WriteString("a=rtcp-mux\r\n")
	}
	fmt.Fprintf(b, "a=rtcp:%d\r\n", s.rtcpPort(t.mux))
	if s.ours != nil {
		fmt.Fprintf(b, "a=%s\r\n", s.ours.attribute())
	}
	fmt.Fprintf(b, "a=%s\r\n", t.direction)
}

func (s *stream) rtcpPort(mux bool) int {
	if mux {
		return port(s.rtp)
	}
	return port(s.rtcp)
}

func port(c net.PacketConn) int {
	a, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return 0 // no socket of ours
	}
	return int(a.Port())
}
