// Package keys recognises the keys of media in a SIP message: whoever reads them can listen, so such a message travels
// over TLS alone (RFC 4568 §7, RFC 4567 §3.1). It knows nothing of SDP's grammar and reads a message as the lines it is
// made of, so that no body hides from it: not one inside a multipart, not one of another content type.
package keys

import (
	"bytes"
	"slices"
	"strings"
)

// attributes are the names of SDP attributes that hold a key: SDES (RFC 4568), MIKEY and its like (RFC 4567). Older SDP
// has a field of its own for it, k= (RFC 4566 §5.12).
var attributes = [][]byte{[]byte("crypto"), []byte("key-mgmt")}

// codings are headers that say a body was made unreadable; beside them, the values that leave it as it is.
var codings = map[string][]string{
	"content-encoding":          {"", "identity"},
	"e":                         {"", "identity"}, // its compact form
	"content-transfer-encoding": {"", "7bit", "8bit", "binary"},
}

// Carried says whether a message, or a part of one, carries keys. What is compressed or in base64 counts as if it did:
// who cannot look inside cannot promise.
func Carried(message []byte) bool {
	for len(message) > 0 {
		line := message
		if end := bytes.IndexAny(message, "\r\n"); end >= 0 {
			line, message = message[:end], message[end+1:]
		} else {
			message = nil
		}
		if line = bytes.TrimSpace(line); len(line) > 1 && (key(line) || coded(line)) {
			return true
		}
	}
	return false
}

// key says whether a line holds a key. It allows spaces wherever some reader might.
func key(line []byte) bool {
	kind, rest := line[0]|0x20, bytes.TrimSpace(line[1:])
	if kind != 'a' && kind != 'k' || len(rest) == 0 || rest[0] != '=' {
		return false
	}
	if kind == 'k' {
		return true
	}
	name, _, _ := bytes.Cut(rest[1:], []byte(":"))
	name = bytes.TrimSpace(name)
	return slices.ContainsFunc(attributes, func(a []byte) bool { return bytes.EqualFold(name, a) })
}

// coded says whether a line is a header by which a body cannot be read.
func coded(line []byte) bool {
	if c := line[0] | 0x20; c != 'c' && c != 'e' {
		return false
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return false
	}
	plain, ok := codings[strings.ToLower(string(bytes.TrimSpace(name)))]
	return ok && !slices.Contains(plain, strings.ToLower(string(bytes.TrimSpace(value))))
}
