package echo

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bounds of an offer.
const (
	maxOffer = 16 << 10 // bytes
	maxLines = 8        // m-lines
)

// An offer is what matters here of an SDP body. It is read line by line and forgives what is not needed: phones send
// much that no standard knows.
type offer struct {
	attrs []string // a= of the session
	lines []line
}

// A line is an m-line with what follows it.
type line struct {
	kind, proto string
	port        int
	formats     []string
	attrs       []string
}

func parse(body []byte) (*offer, error) {
	if len(body) > maxOffer {
		return nil, fmt.Errorf("it has %d bytes, at most %d are read", len(body), maxOffer)
	}
	o := &offer{}
	for text := range strings.Lines(string(body)) {
		text = strings.TrimRight(text, "\r\n")
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' }) {
			return nil, fmt.Errorf("%.60q has a control character", text) // parts of it go into the answer
		}
		switch kind, value, _ := strings.Cut(text, "="); {
		case kind == "m":
			l, err := parseLine(value)
			if err != nil {
				return nil, err
			}
			if len(o.lines) == maxLines {
				return nil, fmt.Errorf("it has more than %d m-lines", maxLines)
			}
			o.lines = append(o.lines, l)
		case kind == "a" && len(o.lines) > 0:
			last := &o.lines[len(o.lines)-1]
			last.attrs = append(last.attrs, value)
		case kind == "a":
			o.attrs = append(o.attrs, value)
		}
	}
	if len(o.lines) == 0 {
		return nil, errors.New("it has no m-line")
	}
	return o, nil
}

func parseLine(value string) (line, error) {
	f := strings.Fields(value)
	if len(f) < 4 {
		return line{}, fmt.Errorf("m=%.60q is not kind, port, transport and formats", value)
	}
	port, _, _ := strings.Cut(f[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return line{}, fmt.Errorf("m=%.60q has no port", value)
	}
	return line{kind: f[0], port: int(n), proto: f[2], formats: f[3:]}, nil
}

// values are those of the attributes of a name.
func (l *line) values(name string) []string {
	var out []string
	for _, a := range l.attrs {
		if key, value, _ := strings.Cut(a, ":"); key == name {
			out = append(out, value)
		}
	}
	return out
}

// of is the value of an attribute of a format, such as rtpmap.
func (l *line) of(name, format string) string {
	for _, v := range l.values(name) {
		if f, rest, _ := strings.Cut(v, " "); f == format {
			return rest
		}
	}
	return ""
}

// notMedia are formats that carry no sound or picture of their own.
var notMedia = []string{"telephone-event", "cn", "red", "rtx", "ulpfec", "flexfec-03", "parityfec"}

// format is the one that the caller likes best. Which it is does not matter: it gets back its own.
func (l *line) format() (pt uint8, ok bool) {
	for _, f := range l.formats {
		n, err := strconv.ParseUint(f, 10, 7)
		name, _, _ := strings.Cut(l.of("rtpmap", f), "/")
		if err != nil || n == 13 || slices.Contains(notMedia, strings.ToLower(name)) || n >= 96 && name == "" {
			continue
		}
		return uint8(n), true
	}
	return 0, false
}

// directions, and what they are to the other side.
var opposite = map[string]string{"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}

// direction is that of the answer.
func (o *offer) direction(l *line) string {
	for _, attrs := range [][]string{l.attrs, o.attrs} {
		for _, a := range attrs {
			if d, ok := opposite[a]; ok {
				return d
			}
		}
	}
	return "sendrecv"
}
