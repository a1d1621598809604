// Package keys recognises the keys of media in a SIP message, and what vouches for keys: whoever reads or changes them can listen, so
// such a message travels over TLS alone (RFC 4568 §7, RFC 4567 §3.1, RFC 5763 §5). It knows nothing of SDP's grammar and reads a message as the lines it is
// made of, so that no body hides from it: not one inside a multipart, not one of another content type. What looks like a
// key wherever it stands, and what no text is, counts too.
package keys

import (
	"bytes"
	"slices"
	"strings"
)

// attributes are the names of SDP attributes that hold a key: SDES (RFC 4568), MIKEY and its like (RFC 4567). Older SDP
// has a field of its own for it, k= (RFC 4566 §5.12). A fingerprint is no secret, but vouches for a key: whoever can change it on its
// way is in the middle of the call (RFC 5763 §5, RFC 8122 §7).
var attributes = [][]byte{[]byte("crypto"), []byte("key-mgmt"), []byte("fingerprint")}

// codings are headers that say a body was made unreadable; beside them, the values that leave it as it is.
var codings = map[string][]string{
	"content-encoding":          {"", "identity"},
	"e":                         {"", "identity"}, // its compact form
	"content-transfer-encoding": {"", "7bit", "8bit", "binary"},
}

// candidates is the type of bodies that name a window's ways while its call is set up (RFC 8840), with the password of its search: whoever
// knows that may answer for the other side, and have its media sent elsewhere. Only windows have them, and windows have TLS.
const candidates = "trickle-ice-sdpfrag"

// offered are attributes that hold another one behind a number: what is only offered stands there in full
// (RFC 5939 §3.4.1).
var offered = []byte("acap")

// minInline is the least base64 behind inline: that is taken for a key wherever it stands. SRTP's shortest key and salt
// take 38 (RFC 7714 §14.2), that of AES-CM 40 (RFC 4568 §6.1).
const minInline = 22

// Carried says whether a message, or a part of one, carries keys. What is compressed, in base64 or no text (UTF-16 is
// full of zeros) counts as if it did: who cannot look inside cannot promise. Zeros at the end hide nothing: some phones
// count the one that ends a string in C.
func Carried(message []byte) bool {
	message = bytes.TrimRight(message, "\x00")
	if binary(message) || inlined(message) {
		return true
	}
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

// binary says whether a message has a zero where no text has one. Behind a backslash in the head one is text: the quoted
// pairs of a display name may be of any character (RFC 3261 §25.1, RFC 4475 §3.1.1.2), and whoever answers repeats it.
func binary(message []byte) bool {
	head := bytes.Index(message, []byte("\r\n\r\n"))
	for from := 0; ; from++ {
		n := bytes.IndexByte(message[from:], 0)
		if n < 0 {
			return false
		}
		if from += n; from == 0 || from > head || message[from-1] != '\\' {
			return true
		}
	}
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
	return attribute(rest[1:])
}

// attribute says whether an attribute holds a key, itself or in one that it offers.
func attribute(b []byte) bool {
	name, value, _ := bytes.Cut(b, []byte(":"))
	name = bytes.TrimSpace(name)
	if bytes.EqualFold(name, offered) {
		name, _, _ = bytes.Cut(bytes.TrimLeft(value, " \t0123456789"), []byte(":"))
		name = bytes.TrimSpace(name)
	}
	return slices.ContainsFunc(attributes, func(a []byte) bool { return bytes.EqualFold(name, a) })
}

// inlined says whether something looks like the key of an SDES attribute (RFC 4568 §6.1), whatever stands before it:
// readers differ in what ends a line, what is a space, and what may be wrapped in something else.
func inlined(message []byte) bool {
	const mark = "inline"
	for {
		colon := bytes.IndexByte(message, ':')
		if colon < 0 {
			return false
		}
		before, rest := message[:colon], message[colon+1:]
		if len(before) >= len(mark) && bytes.EqualFold(before[len(before)-len(mark):], []byte(mark)) {
			after := bytes.TrimLeft(rest, " \t")
			n := bytes.IndexFunc(after, func(r rune) bool { return !base64(r) })
			if n >= minInline || n < 0 && len(after) >= minInline {
				return true
			}
		}
		message = rest
	}
}

// base64 says whether r may stand in base64, that of URLs included.
func base64(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+/-_=", r)
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
	header, is := strings.ToLower(string(bytes.TrimSpace(name))), strings.ToLower(string(bytes.TrimSpace(value)))
	if header == "content-type" || header == "c" {
		return strings.Contains(is, candidates)
	}
	plain, ok := codings[header]
	return ok && !slices.Contains(plain, is)
}
