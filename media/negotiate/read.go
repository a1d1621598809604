package negotiate

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Bounds on what is read. No phone comes near them.
const (
	maxSize    = 64 << 10 // bytes of a description
	maxLines   = 16       // m-lines
	maxFormats = 64       // payload types of an m-line
	maxCrypto  = 16       // a=crypto lines of an m-line
)

// read parses a description into pion's types. It is not pion's own parser, because that refuses a whole call for things that
// phones send every day: no s= or t=, lines in another order, spaces in o=, an m=image line, an unknown b=, no last newline.
// It keeps only what a negotiation looks at: c=, b=, a= and m= lines. Everything that it keeps is bounded and free of
// control characters, so it may be echoed.
//
// A mistake in one m-line costs that stream, not the call: it is in faults, by the m-line's index.
func read(body []byte) (*description, error) {
	if len(body) > maxSize {
		return nil, fmt.Errorf("description is %d bytes, at most %d are read", len(body), maxSize)
	}
	body = bytes.TrimRight(body, "\x00") // some phones count C's closing zero
	r := reader{desc: &description{faults: map[int]error{}}}
	number := 0
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		number++
		text := strings.TrimRight(string(line), "\r \t")
		if text == "" {
			continue
		}
		if err := r.line(text); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if !r.begun {
		return nil, errors.New("description is empty")
	}
	return r.desc, nil
}

// A description is one that has been read.
type description struct {
	sdp.SessionDescription
	faults  map[int]error // what makes an m-line unusable
	address error         // what makes the session's c= line unusable
}

// reader holds the description as far as it is read. desc.MediaDescriptions' last element takes the lines that follow it.
type reader struct {
	desc   *description
	begun  bool // v=0 has been seen
	crypto int  // a=crypto lines of the last m-line
}

func (r *reader) line(text string) error {
	for _, c := range []byte(text) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return fmt.Errorf("control character %#02x", c)
		}
	}
	if len(text) < 2 || text[1] != '=' {
		return fmt.Errorf("%q is not of the form x=value", shorten(text))
	}
	kind, value := text[0], strings.TrimSpace(text[2:])
	if !r.begun {
		if kind != 'v' || value != "0" {
			return fmt.Errorf("%q where v=0 must stand", shorten(text))
		}
		r.begun = true
		return nil
	}
	switch kind {
	case 'm':
		return r.media(value)
	case 'c':
		r.connection(value)
	case 'b':
		r.bandwidth(value)
	case 'a':
		r.attribute(value)
	}
	return nil // others say nothing to us (RFC 8866 §5)
}

// last is the m-line that is being read, or nil at session level.
func (r *reader) last() *sdp.MediaDescription {
	if n := len(r.desc.MediaDescriptions); n > 0 {
		return r.desc.MediaDescriptions[n-1]
	}
	return nil
}

func (r *reader) media(value string) error {
	if len(r.desc.MediaDescriptions) == maxLines {
		return fmt.Errorf("more than %d m-lines", maxLines)
	}
	f := strings.Fields(value)
	if len(f) == 0 {
		return errors.New("m=: wants media, port, protocol and formats")
	}
	r.desc.MediaDescriptions = append(r.desc.MediaDescriptions, &sdp.MediaDescription{})
	r.crypto = 0
	if len(f) < 3 {
		r.fault(fmt.Errorf("m=%s: wants media, port, protocol and formats", shorten(value)))
		r.last().MediaName = sdp.MediaName{Media: f[0], Protos: []string{"RTP", "AVP"}, Formats: []string{"0"}}
		return nil
	}
	name := sdp.MediaName{Media: f[0], Protos: strings.Split(f[2], "/"), Formats: f[3:]}
	port, err := readPort(f[1])
	if err != nil {
		r.fault(err)
	}
	name.Port = port
	switch {
	case len(name.Formats) > maxFormats:
		r.fault(fmt.Errorf("more than %d payload types", maxFormats))
		name.Formats = name.Formats[:1]
	case len(name.Formats) == 0:
		if port.Value != 0 {
			r.fault(errors.New("no payload types"))
		}
		name.Formats = []string{"0"} // a refusal has one
	}
	r.last().MediaName = name
	return nil
}

// readPort reads the port of an m-line, or the first of several (RFC 8866 §5.14).
func readPort(text string) (sdp.RangedPort, error) {
	port, count, ranged := strings.Cut(text, "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return sdp.RangedPort{}, fmt.Errorf("port %q is not a number from 0 to 65535", shorten(port))
	}
	p := sdp.RangedPort{Value: int(n)}
	if !ranged {
		return p, nil
	}
	several, err := strconv.ParseUint(count, 10, 16)
	if err != nil || several == 0 {
		return p, fmt.Errorf("%q is no number of ports", shorten(count))
	}
	p.Range = new(int)
	*p.Range = int(several)
	return p, nil
}

// fault says what is wrong with the m-line that is being read; the first mistake counts.
func (r *reader) fault(err error) {
	i := len(r.desc.MediaDescriptions) - 1
	if r.desc.faults[i] == nil {
		r.desc.faults[i] = err
	}
}

// connection reads a c= line: the first of the session, or of an m-line. One that cannot be read costs those who need it.
func (r *reader) connection(value string) {
	f := strings.Fields(value)
	m := r.last()
	if len(f) != 3 || !strings.EqualFold(f[0], "IN") {
		err := fmt.Errorf("c=%s: wants IN IP4 or IP6 and an address", shorten(value))
		if m == nil {
			r.desc.address = err
		} else if m.ConnectionInformation == nil {
			r.fault(err)
		}
		return
	}
	c := &sdp.ConnectionInformation{NetworkType: "IN", AddressType: f[1], Address: &sdp.Address{Address: f[2]}}
	if m == nil {
		r.desc.ConnectionInformation = c
	} else if m.ConnectionInformation == nil {
		m.ConnectionInformation = c
	}
}

// bandwidth keeps b= lines that it understands; others are ignored (RFC 8866 §5.8).
func (r *reader) bandwidth(value string) {
	kind, number, _ := strings.Cut(value, ":")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 63)
	if err != nil {
		return
	}
	b := sdp.Bandwidth{Type: kind, Bandwidth: n}
	if m := r.last(); m != nil {
		m.Bandwidth = append(m.Bandwidth, b)
	} else {
		r.desc.Bandwidth = append(r.desc.Bandwidth, b)
	}
}

func (r *reader) attribute(value string) {
	key, value, _ := strings.Cut(value, ":")
	a := sdp.Attribute{Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)}
	m := r.last()
	if m == nil {
		r.desc.Attributes = append(r.desc.Attributes, a)
		return
	}
	if a.Key == "crypto" {
		if r.crypto++; r.crypto > maxCrypto {
			r.fault(fmt.Errorf("more than %d a=crypto lines", maxCrypto))
			return
		}
	}
	m.Attributes = append(m.Attributes, a)
}

// shorten keeps a stranger's text in an error message within reason.
func shorten(s string) string {
	const most = 60
	if len(s) <= most {
		return strings.ToValidUTF8(s, "?")
	}
	return strings.ToValidUTF8(s[:most], "?") + "…"
}
