package header

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// User is the user part of a URI without escapes: "%6F" and "o" are equal (RFC 3261 §19.1.4).
func User(u *sip.Uri) string { return unescaped(u.User) }

// Dialled is the name or number that a URI asks for: its user part, or what a tel: URI has instead, without escapes and
// without the parameters that a number may have. A number's visual separators mean nothing (RFC 3966 §5.1.1).
func Dialled(u *sip.Uri) string {
	text, number := u.User, false
	if u.Scheme == "tel" {
		text, number = u.Raw(), true
	} else if user, _ := u.UriParams.Get("user"); strings.EqualFold(user, "phone") {
		number = true
	}
	text, _, _ = strings.Cut(text, ";")
	text = unescaped(text)
	if number {
		text = strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(text)
	}
	return text
}

// Host is a host in the one spelling in which equal ones are equal strings: in small letters, without the brackets of an
// IPv6 address, without the dot that a full name may end in (RFC 3261 §25.1 hostname).
func Host(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

func unescaped(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// Addr is the address that the host of a URI or of a Via is. One of IPv6 stands in brackets there, and by RFC 3261's grammar
// may have a colon too many before the IPv4 address at its end (RFC 5118 §4.10).
func Addr(host string) (netip.Addr, error) {
	return netip.ParseAddr(strings.Replace(strings.Trim(host, "[]"), ":::", "::", 1))
}

// MaxForwards is how many hops a message may still go; one of RFC 2543 does not say, and may go as far as others
// (RFC 3261 §16.6 step 3).
func MaxForwards(req *sip.Request) int {
	if mf := req.MaxForwards(); mf != nil {
		return int(mf.Val())
	}
	return 70
}
