package relays

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ErrUnknown is why a URI is none that this program can use, although a later one may.
var ErrUnknown = errors.New("unknown scheme or transport")

// A URI names a STUN server (RFC 7064) or a TURN server (RFC 7065).
type URI struct {
	Scheme    string // stun, stuns, turn or turns
	Host      string // a name, or an address without brackets
	Port      uint16 // 0: the scheme's own
	Transport string // udp, tcp, or empty: the scheme's own; of turn and turns alone
}

// Relays says whether the server relays, and asks for credentials.
func (u URI) Relays() bool { return u.Scheme == "turn" || u.Scheme == "turns" }

// String writes u as RFC 7064 and RFC 7065 say.
func (u URI) String() string {
	host := u.Host
	switch {
	case u.Port != 0:
		host = net.JoinHostPort(host, strconv.Itoa(int(u.Port)))
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	if u.Transport != "" {
		return u.Scheme + ":" + host + "?transport=" + u.Transport
	}
	return u.Scheme + ":" + host
}

// Parse reads a URI. The error wraps ErrUnknown where scheme, transport or a parameter is one that is not known here.
func Parse(text string) (URI, error) {
	if len(text) > maxURI {
		return URI{}, fmt.Errorf("longer than %d bytes", maxURI)
	}
	scheme, rest, found := strings.Cut(text, ":")
	if !found {
		return URI{}, fmt.Errorf("%q is no URI; write it like turn:relay.example.org:3478?transport=udp", text)
	}
	u := URI{Scheme: strings.ToLower(scheme)}
	switch u.Scheme {
	case "stun", "stuns", "turn", "turns":
	default:
		return URI{}, fmt.Errorf("%w in %q", ErrUnknown, text)
	}
	authority, query, asked := strings.Cut(rest, "?")
	if asked {
		key, value, _ := strings.Cut(query, "=")
		u.Transport = strings.ToLower(value)
		if !u.Relays() || key != "transport" || u.Transport != "udp" && u.Transport != "tcp" {
			return URI{}, fmt.Errorf("%w in %q", ErrUnknown, text)
		}
	}
	var err error
	if u.Host, u.Port, err = hostPort(authority); err != nil {
		return URI{}, fmt.Errorf("%q: %w", text, err)
	}
	return u, nil
}

// hostPort splits host, host:port, [address] and [address]:port.
func hostPort(s string) (host string, port uint16, err error) {
	host, digits := s, ""
	switch closing := strings.LastIndexByte(s, ']'); {
	case strings.HasPrefix(s, "[") && closing > 0:
		host, digits = s[1:closing], s[closing+1:]
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is6() || digits != "" && digits[0] != ':' {
			return "", 0, errors.New("what stands in brackets is no IPv6 address")
		}
	default:
		if colon := strings.IndexByte(s, ':'); colon >= 0 {
			host, digits = s[:colon], s[colon:]
		}
		if !named(host) {
			return "", 0, errors.New("there is no host")
		}
	}
	if digits == "" {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(digits[1:], 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("port %q is none from 1 to 65535", digits[1:])
	}
	return host, uint16(n), nil
}

// named says whether s can be a DNS name or an IPv4 address (RFC 3986 §3.2.2, without escapes).
func named(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_')
	})
}
