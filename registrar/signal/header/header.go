// Package header reads header fields, and makes texts fit for them. sipgo gives typed headers for some names and text
// for the rest; here is one reader for each form of value, whichever end asks.
package header

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// First is the value of the first header of that name, or "".
func First(m sip.Message, name string) string {
	if hs := m.GetHeaders(name); len(hs) > 0 {
		return hs[0].Value()
	}
	return ""
}

// List is the elements of all the headers of a name whose values are lists of tokens, such as Supported.
func List(m sip.Message, name string) []string {
	var list []string
	for _, h := range m.GetHeaders(name) {
		for _, t := range Elements(h.Value()) {
			if t != "" {
				list = append(list, t)
			}
		}
	}
	return list
}

// Lists says whether such a header names a token.
func Lists(m sip.Message, name, token string) bool {
	return slices.ContainsFunc(List(m, name), func(t string) bool { return strings.EqualFold(t, token) })
}

// Unknown is the elements of such a header that are not known: what a 420 lists in Unsupported (RFC 3261 §8.2.2.3), fit
// to be sent.
func Unknown(m sip.Message, name string, known ...string) []string {
	var out []string
	for _, t := range List(m, name) {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, t) }) {
			out = append(out, Safe(t))
		}
	}
	return out
}

// Word is a value without its parameters: "active" of "active;expires=60".
func Word(value string) string {
	return strings.TrimSpace(value[:ElementEnd(value, ';')])
}

// Param is a parameter of a value, without quotes; "" without one.
func Param(value, name string) string {
	for _, p := range split(value, ';')[1:] {
		if k, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(k), name) {
			return unquote(strings.TrimSpace(v))
		}
	}
	return ""
}

// unquote resolves a quoted string (RFC 3261 §25.1).
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return unescape(s[1 : len(s)-1])
}

// unescape resolves quoted pairs.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	escaped := false
	for i := range len(s) {
		if s[i] == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteByte(s[i])
	}
	return b.String()
}

// MediaType is the Content-Type in lower case, without parameters; "" without one.
func MediaType(m sip.Message) string { return strings.ToLower(Word(First(m, "Content-Type"))) }

// Encoded says whether a body is compressed or the like: it has a content coding, and one that is something (RFC 3261 §20.12).
func Encoded(m sip.Message) bool {
	return slices.ContainsFunc(List(m, "Content-Encoding"), func(c string) bool { return !strings.EqualFold(c, "identity") })
}

// Body is the body, or nil if it is empty.
func Body(m sip.Message) []byte {
	if len(m.Body()) == 0 {
		return nil
	}
	return m.Body()
}

// SetBody sets a body and its type.
func SetBody(m sip.Message, contentType string, body []byte) {
	if len(body) > 0 {
		h := sip.ContentTypeHeader(contentType)
		m.AppendHeader(&h)
	}
	m.SetBody(body)
}

// Seconds reads a delta-seconds, which a comment or parameters may follow (RFC 3261 §20.19, §20.33).
func Seconds(value string) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if end := strings.IndexAny(value, " \t;("); end >= 0 {
		value = value[:end]
	}
	n, err := strconv.ParseUint(value, 10, 32)
	return time.Duration(n) * time.Second, err == nil
}

// FromTag and ToTag are the tags of a message, "" without one.
func FromTag(m sip.Message) string {
	if h := m.From(); h != nil {
		return h.Params.GetOr("tag", "")
	}
	return ""
}

// ToTag is the tag of To.
func ToTag(m sip.Message) string {
	if h := m.To(); h != nil {
		return h.Params.GetOr("tag", "")
	}
	return ""
}

// Contact is the first Contact's URI that can be called, or nil.
func Contact(m sip.Message) *sip.Uri {
	for _, h := range m.GetHeaders("Contact") {
		if c, ok := h.(*sip.ContactHeader); ok && !c.Address.Wildcard && c.Address.Host != "" {
			return c.Address.Clone()
		}
	}
	return nil
}

// Contacts is the values of all Contact headers; several may stand in one, between commas.
func Contacts(m sip.Message) []string {
	var out []string
	for _, h := range m.GetHeaders("Contact") {
		out = append(out, Elements(h.Value())...)
	}
	return out
}

// RecordRoute is the URIs of the Record-Route headers, in order.
func RecordRoute(m sip.Message) []sip.Uri {
	var routes []sip.Uri
	for _, h := range m.GetHeaders("Record-Route") {
		if a, err := ParseAddress(h.Value()); err == nil {
			routes = append(routes, a.URI)
		}
	}
	return routes
}

// Elements are those of a list (RFC 3261 §7.3.1).
func Elements(value string) []string { return split(value, ',') }

// split splits where a separator stands neither in quotes nor in angle brackets.
func split(s string, sep byte) []string {
	var out []string
	for {
		end := ElementEnd(s, sep)
		out = append(out, strings.TrimSpace(s[:end]))
		if end == len(s) {
			return out
		}
		s = s[end+1:]
	}
}

// ElementEnd is where the first element of a list ends: at a separator that stands neither in quotes nor in angle
// brackets, or at the end (RFC 3261 §7.3.1).
func ElementEnd[T string | []byte](s T, sep byte) int {
	quoted, bracket := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && !bracket: // in a URI it means nothing
			quoted = !quoted
		case quoted:
		case c == sep && !bracket:
			return i
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		}
	}
	return len(s)
}

// IsToken says whether s is a token, as names of headers, methods and option tags are (RFC 3261 §25.1).
func IsToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-.!%*_+`'~", c) >= 0) {
			return false
		}
	}
	return s != ""
}
