package flow

import "strings"

// What the first bytes within TLS may mean, beside a protocol.
const (
	undecided = ""  // more have to come
	foreign   = "?" // nothing that is served here
)

// The methods of HTTP (RFC 9110 §9.1) that SIP does not have. OPTIONS both have: a path follows it in HTTP, in SIP a URI.
var httpMethods = []string{"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "TRACE ", "PATCH ", "CONNECT "}

// longestMethod bounds a method of SIP: extensions may add some, and the longest so far has 9 letters.
const longestMethod = 24

// spokenBy is the protocol of ALPN that somebody speaks who did not name it, by the first bytes.
func spokenBy(b []byte) string {
	text := string(b)
	switch {
	case b[0] <= 3 && len(b) < stunHead:
		return undecided
	case b[0] <= 3 && isSTUN(b):
		return alpnTURN
	case b[0] == '\r' || b[0] == '\n': // a ping (RFC 5626 §4.4.1)
		return alpnSIP
	}
	for _, method := range httpMethods {
		if strings.HasPrefix(text, method) {
			return alpnHTTP
		}
	}
	method, rest, ended := strings.Cut(text, " ")
	switch {
	case strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || method == "" || len(method) > longestMethod:
		return foreign
	case !ended || rest == "":
		return undecided
	case method == "OPTIONS" && (rest[0] == '/' || rest[0] == '*'):
		return alpnHTTP
	case rest[0] == '/' || rest[0] == '*':
		return foreign
	}
	return alpnSIP
}
