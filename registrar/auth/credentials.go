package auth

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// credentials are the parameters of an Authorization header that matter here (RFC 7616 §3.4).
type credentials struct {
	username, realm, nonce, uri, response, algorithm, cnonce, qop string
	count                                                         string // nc as it was written, and hashed
	nc                                                            uint32
}

// parse reads comma-separated name=value pairs, values quoted or not. Names are compared without case; one that
// comes twice is refused, for two readers could then see two different requests.
func parse(s string) (*credentials, error) {
	c := &credentials{algorithm: string(MD5)} // RFC 7616 §3.3: MD5 if it is not said
	seen := make(map[string]bool, 12)
	for s = skip(s); s != ""; s = skip(s) {
		name, value, rest, err := pair(s)
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, fmt.Errorf("%q comes twice", name)
		}
		seen[name] = true
		if err := c.set(name, value); err != nil {
			return nil, err
		}
		s = rest
	}
	return c, nil
}

func (c *credentials) set(name, value string) error {
	switch name {
	case "username":
		c.username = value
	case "realm":
		c.realm = value
	case "nonce":
		c.nonce = value
	case "uri":
		c.uri = value
	case "response":
		c.response = value
	case "algorithm":
		c.algorithm = value
	case "cnonce":
		c.cnonce = value
	case "qop":
		c.qop = value
	case "nc": // RFC 7616 §3.4: eight hex digits; some write fewer
		n, err := strconv.ParseUint(value, 16, 32)
		if err != nil || len(value) > 8 || n > 1<<31-1 {
			return fmt.Errorf("nc=%.20q is not eight hex digits", value)
		}
		c.count, c.nc = value, uint32(n)
	case "userhash":
		if strings.EqualFold(value, "true") {
			return errors.New("userhash was not offered")
		}
	}
	return nil
}

// check says whether everything is there that our challenges ask for. A client of RFC 2069 knows no qop, and must be heard all
// the same (RFC 3261 §22.4 item 8): it uses a nonce once.
func (c *credentials) check() error {
	switch {
	case c.username == "" || c.nonce == "" || c.uri == "" || c.response == "":
		return fmt.Errorf("%w: username, nonce, uri or response is missing", ErrMalformed)
	case c.qop == "":
		c.nc = 1
	case !strings.EqualFold(c.qop, "auth"):
		return fmt.Errorf("%w: qop is %.20q, was asked for auth", ErrMalformed, c.qop)
	case c.cnonce == "" || c.nc == 0:
		return fmt.Errorf("%w: cnonce or nc is missing", ErrMalformed)
	}
	return nil
}

// skip drops what may stand between two pairs.
func skip(s string) string { return strings.TrimLeft(s, " \t,") }

// pair takes one name=value from the front of s; the name comes back in lower case.
func pair(s string) (name, value, rest string, err error) {
	name, rest, ok := strings.Cut(s, "=")
	name = strings.ToLower(strings.TrimRight(name, " \t"))
	if !ok || name == "" || strings.ContainsAny(name, " \t\",") {
		return "", "", "", fmt.Errorf("no name=value at %.20q", s)
	}
	rest = strings.TrimLeft(rest, " \t")
	if !strings.HasPrefix(rest, `"`) {
		end := strings.IndexAny(rest, " \t,")
		if end < 0 {
			end = len(rest)
		}
		return name, rest[:end], rest[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			return name, b.String(), rest[i+1:], nil
		case '\\':
			if i++; i == len(rest) {
				continue
			}
		}
		b.WriteByte(rest[i])
	}
	return "", "", "", fmt.Errorf("the value of %.20q has no closing quote", name)
}

// sameURI compares what the digest was made for with what was asked for. Phones differ in whether they copy scheme, port
// and parameters, and an outbound proxy in their settings changes one of the two; some write the address that they send
// to, with or without the user (SIPp does), or their own address-of-record into a REGISTER. So the user has to do, and a
// host that is ours (RFC 3261 §22.4 asks for equivalence, not for sameness).
func (a *Auth) sameURI(c *credentials, r Request) bool {
	if c.uri == r.URI {
		return true
	}
	user, host := userAndHost(c.uri)
	wanted, at := userAndHost(r.URI)
	if user == wanted && host == at {
		return true
	}
	return (user == wanted || user == "" || wanted == "" && user == c.username) && a.here(host, r)
}

func (a *Auth) here(host string, r Request) bool {
	return strings.EqualFold(host, a.realm) || r.Here != nil && r.Here(host)
}

func userAndHost(s string) (user, host string) {
	_, rest, ok := strings.Cut(s, ":")
	if !ok {
		return "", s
	}
	user, host, ok = cutLast(rest, '@')
	if !ok {
		user, host = "", rest
	}
	if i := strings.IndexAny(host, ";?"); i >= 0 {
		host = host[:i]
	}
	if name, port, ok := cutLast(host, ':'); ok && !strings.Contains(port, "]") { // not within an IPv6 address
		host = name
	}
	if u, err := url.PathUnescape(user); err == nil {
		user = u
	}
	return user, strings.TrimSuffix(strings.ToLower(host), ".") // a full name may end in a dot
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
