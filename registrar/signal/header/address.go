package header

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// An Address is the value of From, To, Contact, Route and their like (RFC 3261 §20.10): a URI, perhaps with a name before
// it, and the parameters behind it.
type Address struct {
	Display string // as it stands in quotes, with its backslashes
	URI     sip.Uri
	Params  sip.HeaderParams // names in small letters, values as Params has them
}

var (
	errNoURI   = errors.New("no URI where an address is")
	errBracket = errors.New("an address with < and no >")
	errBehind  = errors.New("something stands behind an address")
	errHeaders = errors.New("URI with headers outside <>") // RFC 4475 §3.1.2.13
	errDisplay = errors.New("a display name that needs quotes")
	errVia     = errors.New("malformed Via")
)

// ParseAddress reads one address. What stands in quotes is one value, whatever it holds. Without <> the parameters are the
// header's, not the URI's.
func ParseAddress(value string) (a Address, err error) {
	open := ElementEnd(value, '<')
	uri, rest := "", ""
	if open < len(value) {
		var ok bool
		if uri, rest, ok = strings.Cut(value[open+1:], ">"); !ok {
			return a, errBracket
		}
		if a.Display, err = display(strings.TrimSpace(value[:open])); err != nil {
			return a, err
		}
		if rest = strings.TrimSpace(rest); rest != "" && rest[0] != ';' {
			return a, errBehind
		}
	} else {
		end := ElementEnd(value, ';')
		uri, rest = strings.TrimSpace(value[:end]), value[end:]
	}
	if uri == "" {
		return a, errNoURI
	}
	if err := sip.ParseUri(uri, &a.URI); err != nil {
		return a, err
	}
	if open == len(value) && len(a.URI.Headers) > 0 {
		return a, errHeaders
	}
	for i := range a.URI.UriParams {
		p := &a.URI.UriParams[i]
		p.K, p.V = strings.ToLower(strings.TrimSpace(p.K)), strings.TrimSpace(p.V)
	}
	a.Params = Params(rest)
	return a, nil
}

// display is a display name without its quotes. One of tokens gets quotes when it is written, and so must have none in it.
func display(name string) (string, error) {
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return name[1 : len(name)-1], nil
	}
	if strings.ContainsAny(name, "\";:@>") { // a comma is forgiven (RFC 4475 §3.1.2.15)
		return "", errDisplay
	}
	return name, nil
}

// Params are parameters, each behind a semicolon. sipgo quotes a value that has a blank when it writes it, and no other:
// one in quotes is kept with them where it will not do that, and without where it will. So the value is written as it
// came.
func Params(text string) sip.HeaderParams {
	var params sip.HeaderParams
	for _, p := range split(text, ';') {
		k, v, _ := strings.Cut(p, "=")
		if k = strings.ToLower(strings.TrimSpace(k)); k == "" {
			continue
		}
		v = strings.TrimSpace(v)
		if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' && strings.ContainsAny(v, " \t") {
			v = v[1 : len(v)-1]
		}
		params = append(params, sip.HeaderKV{K: k, V: v})
	}
	return params
}

// ParseVia reads one Via: "SIP / 2.0 / UDP host : port ;params", in which blanks may stand (RFC 3261 §20.42, §25.1). The
// comment that RFC 2543 §6.40 has at its end is left out.
func ParseVia(value string) (*sip.ViaHeader, error) {
	value = value[:ElementEnd(value, '(')]
	end := ElementEnd(value, ';')
	parts := strings.SplitN(value[:end], "/", 3)
	if len(parts) != 3 {
		return nil, errVia
	}
	transport, sentBy, ok := cutBlank(strings.TrimSpace(parts[2]))
	v := &sip.ViaHeader{
		ProtocolName: strings.TrimSpace(parts[0]), ProtocolVersion: strings.TrimSpace(parts[1]), Transport: transport,
		Params: Params(value[end:]),
	}
	host, port := sentBy, ""
	if colon := strings.LastIndexByte(sentBy, ':'); colon > strings.LastIndexByte(sentBy, ']') {
		host, port = strings.TrimSpace(sentBy[:colon]), strings.TrimSpace(sentBy[colon+1:])
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return nil, errVia
		}
		v.Port = int(n)
	}
	if v.Host = host; !ok || host == "" || strings.ContainsAny(host, " \t,;\"<>") || host[0] != '[' && strings.Contains(host, ":") {
		return nil, errVia
	}
	return v, nil
}

// Stamp notes in the first Via of a request where it came from, whatever its sender says of that (RFC 3261 §18.2.1, RFC 3581
// §4): whoever answers or forwards it does so first. source is "ip:port".
func Stamp(via *sip.ViaHeader, source string) {
	from, err := netip.ParseAddrPort(source)
	if err != nil {
		return
	}
	addr := from.Addr().WithZone("").Unmap()
	symmetric := via.Params.Has("rport")
	if symmetric {
		via.Params.Add("rport", strconv.Itoa(int(from.Port())))
	}
	says, err := Addr(via.Host)
	if symmetric || err != nil || says.Unmap() != addr {
		via.Params.Add("received", addr.String())
	} else {
		via.Params.Remove("received")
	}
}

// cutBlank cuts at the first blanks.
func cutBlank(s string) (before, after string, found bool) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimSpace(s[i:]), true
}
