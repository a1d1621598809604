package validate

import (
	"bytes"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// Bounds of a head while it is still bytes: what costs memory or time to parse is counted first.
const (
	MaxElements = 128 // between the commas of one header
	MaxParams   = 64  // of one element that is parsed: sipgo compares each parameter's name with all before it
)

// lists are the headers that sipgo takes apart at their commas, each element becoming a header of its own.
var lists = map[string]bool{"Via": true, "Contact": true, "Route": true, "Record-Route": true}

// singles are the headers that it reads as one address, whatever commas are in them.
var singles = map[string]bool{"From": true, "To": true, "Refer-To": true, "Referred-By": true}

// Head looks at the bytes of a head, from the start line to the empty line, before anybody parses them. It takes time in
// proportion to their number. What it lets through can still be unsound: Request and Response say that.
func Head(raw []byte) *Problem {
	if len(raw) > MaxHead {
		return &Problem{sip.StatusMessageTooLarge, "headers are too long"}
	}
	line, rest := Line(raw)
	if len(line) > MaxHeaderSize || separators(line) > MaxParams {
		return &Problem{sip.StatusRequestURITooLong, "Request-URI is too long"}
	}
	if p := startLine(line); p != nil {
		return p
	}
	headers, vias := 0, 0
	for len(rest) > 0 {
		if line, rest = Line(rest); len(line) == 0 {
			break
		}
		if len(line) > MaxHeaderSize {
			return &Problem{sip.StatusMessageTooLarge, "headers are too long"}
		}
		name, value := Field(line)
		elements, p := count(name, value)
		if p == nil {
			p = framing(name, value)
		}
		if p != nil {
			return p
		}
		if name == "Via" {
			vias += elements
		}
		if headers += elements; headers > MaxHeaders {
			return bad("more than %d headers", MaxHeaders)
		}
	}
	if vias > MaxVias {
		return bad("more than %d Via", MaxVias)
	}
	return nil
}

// startLine checks what sipgo would not take, so that it is answered: sipgo says nothing and closes a connection. What is
// not SIP at all is left to it.
func startLine(line []byte) *Problem {
	parts := strings.Fields(string(line))
	switch {
	case len(parts) > 0 && isVersion(parts[0]):
		if len(parts) < 2 || len(parts[1]) != 3 || parts[1] < "100" || parts[1] > "699" { // RFC 3261 §7.2
			return &Problem{Reason: "status is not between 100 and 699"}
		}
		return nil
	case len(parts) < 2 || !isVersion(parts[len(parts)-1]):
		return nil
	case len(parts) != 3 || strings.Join(parts, " ") != string(line): // RFC 3261 §7.1
		return bad("request line is malformed")
	case !header.IsToken(parts[0]):
		return bad("method is no token")
	}
	scheme, _, ok := strings.Cut(parts[1], ":")
	scheme = strings.ToLower(scheme)
	switch {
	case !ok || !isScheme(scheme):
		return bad("Request-URI is malformed")
	case !known(scheme):
		return unknownScheme
	case sip.ParseUri(parts[1], new(sip.Uri)) != nil:
		return bad("Request-URI is malformed")
	}
	return nil
}

func isVersion(s string) bool { return len(s) > 4 && strings.EqualFold(s[:4], "SIP/") }

// isScheme: RFC 3986 §3.1.
func isScheme(s string) bool {
	for i, c := range s {
		if !('a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || strings.ContainsRune("+-.", c))) {
			return false
		}
	}
	return s != ""
}

// framing checks the headers without which a message can be matched with nothing, as Parser will read them.
func framing(name string, value []byte) *Problem {
	text := strings.TrimSpace(strings.ReplaceAll(string(value), "\r\n", ""))
	switch {
	case name == "":
		return bad("a line is no header")
	case strings.ContainsRune(text, '\r'):
		return bad("a header has control characters in it")
	case name == "CSeq":
		if _, err := cseq(nil, text); err != nil {
			return bad("CSeq is malformed")
		}
	case name == "Via":
		for _, v := range header.Elements(text) {
			if _, err := header.ParseVia(v); err != nil {
				return bad("Via is malformed")
			}
		}
	}
	return nil
}

// count is how many headers one line becomes.
func count(name string, value []byte) (int, *Problem) {
	if singles[name] {
		if separators(value) > MaxParams {
			return 0, bad("%s has more than %d parameters", name, MaxParams)
		}
		return 1, nil
	}
	elements := 0
	for more := true; more; {
		end := header.ElementEnd(value, ',')
		if lists[name] && separators(value[:end]) > MaxParams {
			return 0, bad("%s has more than %d parameters", name, MaxParams)
		}
		if elements++; elements > MaxElements {
			return 0, bad("a header has more than %d elements", MaxElements)
		}
		if more = end < len(value); more {
			value = value[end+1:]
		}
	}
	if !lists[name] {
		return 1, nil // stays one text
	}
	return elements, nil
}

// separators counts what may begin a parameter, in quotes too: sipgo doesn't look at them everywhere.
func separators(s []byte) int {
	return bytes.Count(s, []byte(";")) + bytes.Count(s, []byte("?")) + bytes.Count(s, []byte("&"))
}

// Line cuts the first line off, with the lines that continue it (RFC 3261 §7.3.1), without the CRLF at its end.
func Line(raw []byte) (line, rest []byte) {
	for end := 0; ; {
		n := bytes.Index(raw[end:], []byte("\r\n"))
		if n < 0 {
			return raw, nil
		}
		end += n
		if end == 0 || end+2 >= len(raw) || raw[end+2] != ' ' && raw[end+2] != '\t' {
			return raw[:end], raw[end+2:]
		}
		end += 2
	}
}

// Field takes a header's line apart. Its name is in the one spelling that Parser gives it; a line without a colon has none.
func Field(line []byte) (name string, value []byte) {
	n, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return "", line
	}
	return canonicalName(string(bytes.TrimSpace(n))), value
}
