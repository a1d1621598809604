// Package keys recognises the keys of media in a SIP message: whoever reads them can listen, so such a message travels
// over TLS alone (RFC 4568 §7, RFC 4567 §3.1). It knows nothing of SDP's grammar and reads a message as the lines it is
// made of, so that no body hides from it: not one inside a multipart, not one of another content type.
package keys

import (
	"bytes"
	"strings"
)

// starts are how a line begins that holds a key: SDES (RFC 4568), MIKEY and its like (RFC 4567), and the field of the
// first SDP (RFC 4566 §5.12).
var starts = []string{"a=crypto:", "a=key-mgmt:", "k="}

// codings are headers that say a body was made unreadable; beside them, the values that leave it as it is.
var codings = map[string][]string{
	"content-encoding":          {"", "identity"},
	"e":                         {"", "identity"}, // its compact form
	"content-transfer-encoding": {"", "7bit", "8bit", "binary"},
}

// longest is enough of a line to recognise it by.
const longest = 128

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
		line = bytes.TrimLeft(line, " \t")
		if len(line) > longest {
			line = line[:longest]
		}
		if holds(line) {
			return true
		}
	}
	return false
}

func holds(line []byte) bool {
	if len(line) < 2 {
		return false
	}
	for _, s := range starts {
		if len(line) >= len(s) && strings.EqualFold(string(line[:len(s)]), s) {
			return true
		}
	}
	if c := line[0] | 0x20; c != 'c' && c != 'e' {
		return false
	}
	name, value, ok := strings.Cut(string(line), ":")
	if !ok {
		return false
	}
	plain, ok := codings[strings.ToLower(strings.TrimRight(name, " \t"))]
	return ok && !plainly(value, plain)
}

func plainly(value string, plain []string) bool {
	value = strings.ToLower(strings.TrimSpace(value))
	for _, p := range plain {
		if value == p {
			return true
		}
	}
	return false
}
