package location

import (
	"net/url"
	"slices"
	"strings"
)

// MaxURI is the longest contact URI that is registered, in bytes.
const MaxURI = 1024

// Canonical spells a SIP URI in the one way in which equal ones are equal strings: scheme, host and parameters in
// lower case, parameters in order, escapes only where needed (RFC 3261 §19.1.4). Other than there, a parameter that
// only one URI has makes them differ, since phones tell their lines apart by such (`line=`, `rinstance=`); but not
// `ob`, which says something about the request (RFC 5626 §5). Headers are left out. Anything else comes back as it is.
func Canonical(uri string) string {
	scheme, rest, ok := strings.Cut(stripHeaders(uri), ":")
	if scheme = strings.ToLower(scheme); !ok || scheme != "sip" && scheme != "sips" {
		return uri
	}
	user := ""
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, rest = rest[:i+1], rest[i+1:]
		if u, err := url.PathUnescape(user); err == nil {
			user = u
		}
	}
	params := strings.Split(strings.ToLower(rest), ";")
	host := params[0]
	params = slices.DeleteFunc(params[1:], func(p string) bool { return p == "" || p == "ob" })
	slices.Sort(params)
	return strings.Join(append([]string{scheme + ":" + user + host}, params...), ";")
}

// secured is the canonical spelling of what a URI is when it is called by sips: (RFC 5630 §3.1: the same resource).
func secured(uri string) string {
	if rest, ok := strings.CutPrefix(Canonical(uri), "sip:"); ok {
		return "sips:" + rest
	}
	return Canonical(uri)
}

// stripHeaders cuts "?…" off a URI: it would be let into a Request-URI (RFC 4475 §3.1.2.11).
func stripHeaders(uri string) string {
	at := strings.LastIndexByte(uri, '@') + 1 // a user part may contain "?"
	if i := strings.IndexByte(uri[at:], '?'); i >= 0 {
		return uri[:at+i]
	}
	return uri
}

// usable says whether a URI can be called back: SIP or SIPS, with a host, and nothing that breaks a header.
func usable(uri string) bool {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || len(uri) > MaxURI || !strings.EqualFold(scheme, "sip") && !strings.EqualFold(scheme, "sips") {
		return false
	}
	host := rest[strings.LastIndexByte(rest, '@')+1:]
	if host == "" || strings.ContainsAny(host[:1], ":;?") {
		return false
	}
	return !strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>"`, r) })
}
