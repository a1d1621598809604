package validate

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// message is what requests and responses have in common.
type message interface {
	Headers() []sip.Header
	sip.Message
}

// head checks the lines as such: how many, how long, and that none of them holds another.
func head(headers []sip.Header, body []byte) *Problem {
	if len(headers) > MaxHeaders {
		return bad("more than %d header lines", MaxHeaders)
	}
	total := 0
	for _, h := range headers {
		name, value := h.Name(), h.Value()
		total += len(name) + len(value)
		switch {
		case len(value) > MaxHeaderSize || total > MaxHead:
			return &Problem{sip.StatusMessageTooLarge, "headers are too long"}
		case !header.IsToken(name):
			return bad("a header's name is no token")
		case !clean(value):
			return bad("a header has control characters in it")
		}
	}
	if len(body) > MaxBody {
		return &Problem{sip.StatusMessageTooLarge, "body is too long"}
	}
	return nil
}

// single may stand in a message once (RFC 3261 §7.3.1 and Table 2), or two readers would see two messages.
func single(name string) bool {
	switch strings.ToLower(name) {
	case "content-length", "content-type", "expires", "min-expires", "event", "subscription-state", "session-expires",
		"min-se", "replaces", "refer-to", "referred-by", "rack", "rseq", "date", "retry-after":
		return true
	}
	return false
}

// common checks what every message must have (RFC 3261 §8.1.1, §20).
func common(m message) *Problem {
	cseq := m.CSeq()
	for _, need := range []struct {
		name string
		ok   bool
	}{
		{"From", m.From() != nil}, {"To", m.To() != nil}, {"Call-ID", m.CallID() != nil}, {"CSeq", cseq != nil},
	} {
		if p := one(m, need.name, need.ok); p != nil {
			return p
		}
	}
	if !header.IsToken(strings.TrimSpace(string(cseq.MethodName))) {
		return bad("CSeq names no method")
	}
	if len(*m.CallID()) > 512 {
		return bad("Call-ID is too long")
	}
	seen := make(map[string]bool)
	for _, h := range m.Headers() {
		name := h.Name()
		if single(name) {
			if name = strings.ToLower(name); seen[name] {
				return bad("%s comes twice", canonicalName(name))
			}
			seen[name] = true
		}
		if p := typed(h); p != nil {
			return p
		}
	}
	return vias(m.GetHeaders("Via"))
}

// one says whether a header stands there once, and could be read.
func one(m message, name string, readable bool) *Problem {
	switch n := len(m.GetHeaders(name)); {
	case n == 0:
		return bad("%s is missing", name)
	case n > 1:
		return bad("%s comes twice", name)
	case !readable:
		return bad("%s is malformed", name)
	}
	return nil
}

// typed refuses headers that Parser could not read and has kept as text, and routes that lead nowhere.
func typed(h sip.Header) *Problem {
	ok := true
	name := canonicalName(h.Name())
	switch name {
	case "Route", "Record-Route":
		a, err := header.ParseAddress(h.Value())
		ok = err == nil && isSIP(&a.URI) && soundURI(&a.URI)
	case "From", "To", "Contact", "Content-Type", "Max-Forwards", "Call-ID":
		switch h := h.(type) {
		case *sip.FromHeader:
			ok = !isSIP(&h.Address) || soundURI(&h.Address)
		case *sip.ToHeader:
			ok = !isSIP(&h.Address) || soundURI(&h.Address)
		case *sip.ContactHeader, *sip.ContentTypeHeader, *sip.MaxForwardsHeader, *sip.CallIDHeader:
		default:
			ok = false
		}
	}
	if !ok {
		return bad("%s is malformed", name)
	}
	return nil
}

// vias: RFC 3261 §20.42. Without a branch it is a message of RFC 2543, which sipgo knows how to match; with the magic
// cookie alone it could be mistaken for any other (RFC 4475 §3.2.1).
func vias(hs []sip.Header) *Problem {
	switch {
	case len(hs) == 0:
		return bad("Via is missing")
	case len(hs) > MaxVias:
		return bad("more than %d Via", MaxVias)
	}
	for _, h := range hs {
		v, ok := h.(*sip.ViaHeader)
		if !ok || v.Host == "" || v.Port < 0 || v.Port > 65535 || !header.IsToken(v.Transport) ||
			!strings.EqualFold(v.ProtocolName, "SIP") || v.ProtocolVersion != "2.0" || strings.ContainsAny(v.Host, " \t<>\"") {
			return bad("Via is malformed")
		}
		if strings.EqualFold(param(v.Params, "branch"), sip.RFC3261BranchMagicCookie) {
			return bad("Via has an empty branch")
		}
	}
	return nil
}

// contacts: one in a request that makes a dialog (RFC 3261 §8.1.1.8, RFC 6665 §3.1.3), and each can be called back.
func contacts(req *sip.Request) *Problem {
	hs := req.GetHeaders("Contact")
	switch req.Method {
	case sip.INVITE, sip.SUBSCRIBE:
		if p := one(req, "Contact", true); p != nil {
			return p
		}
	}
	for _, h := range hs {
		c, ok := h.(*sip.ContactHeader)
		switch {
		case ok && c.Address.Wildcard && req.Method == sip.REGISTER:
		case ok && !c.Address.Wildcard && !isSIP(&c.Address) && req.Method == sip.REGISTER: // of any scheme (RFC 3261 §10.2.1)
		case !ok || c.Address.Wildcard || !isSIP(&c.Address) || !soundURI(&c.Address):
			return bad("Contact is no SIP URI")
		}
	}
	return nil
}

func isSIP(u *sip.Uri) bool { return !u.Wildcard && (u.Scheme == "sip" || u.Scheme == "sips") }

// soundURI finds what sipgo leaves in a URI that RFC 3261 §19.1.1 does not allow there.
func soundURI(u *sip.Uri) bool {
	return u.Host != "" && u.Port >= 0 && u.Port <= 65535 && !strings.ContainsFunc(u.String(), func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '<' || r == '>' || r == '"'
	}) && !strings.ContainsAny(u.Host, "@/,%")
}

// nowhere says that a host is no single machine's address.
func nowhere(host string) bool {
	a, err := header.Addr(host)
	if err != nil {
		return false
	}
	a = a.Unmap()
	return a.IsMulticast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// param finds a parameter whatever its case and the spaces around it.
func param(ps sip.HeaderParams, name string) string {
	for _, p := range ps {
		if strings.EqualFold(strings.TrimSpace(p.K), name) {
			return strings.TrimSpace(p.V)
		}
	}
	return ""
}

// clean says that a value has no control characters but tabs; behind a backslash all but CR and LF may stand
// (RFC 3261 §25.1 quoted-pair).
func clean(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c == '\r' || c == '\n' || (c < ' ' && c != '\t' || c == 0x7f) && (i == 0 || s[i-1] != '\\') {
			return false
		}
	}
	return true
}
