// Package validate looks at SIP messages before anybody acts on them: sipgo's parser lets many through that
// RFC 3261 forbids. Registrar and window share it.
//
//	bytes ──▶ Parser ──▶ sip.Message ──▶ Request, Response ──▶ handler
//	          spells names in one way     nil, or why not
//
// signal/stack parses with Parser; Request or Response look at each message first, wherever one is handled.
package validate

import (
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// Bounds on what is looked at. A window's largest message, with a programme of two weeks, stays under all of them.
const (
	MaxHeaders    = 128    // lines
	MaxHeaderSize = 8_192  // bytes in one line
	MaxHead       = 32_768 // bytes in all lines
	MaxBody       = 65_535 // bytes
	MaxVias       = 70     // as many as Max-Forwards usually allows hops
	MaxURI        = 2_048  // bytes in the Request-URI
)

const statusUnsupportedScheme = 416 // RFC 3261 §21.4.14

// A Problem is why a message must not be acted on.
type Problem struct {
	Status int    // to answer a request with: 400, 414, 416, 505 or 513; 0 if nothing may be sent: responses, ACK
	Reason string // for the status line and the log: what is wrong, without anything that the sender wrote
}

// Error makes a Problem an error.
func (p *Problem) Error() string { return p.Reason }

func bad(format string, args ...any) *Problem {
	return &Problem{Status: sip.StatusBadRequest, Reason: fmt.Sprintf(format, args...)}
}

// Request checks a request and returns nil if it is sound. It says nothing about Max-Forwards: 0, unknown methods or
// Require: a proxy and a user agent answer those differently.
func Request(req *sip.Request) *Problem {
	p := request(req)
	if p != nil && req.Method == sip.ACK {
		return &Problem{Reason: p.Reason} // nothing answers an ACK (RFC 3261 §17)
	}
	return p
}

func request(req *sip.Request) *Problem {
	normalise(req.Headers())
	if !strings.EqualFold(req.SipVersion, "SIP/2.0") {
		return &Problem{sip.StatusVersionNotSupported, "SIP version is not 2.0"}
	}
	if !header.IsToken(string(req.Method)) || len(req.Method) > 64 {
		return bad("method is no token")
	}
	if p := requestURI(&req.Recipient); p != nil {
		return p
	}
	if p := head(req.Headers(), req.Body()); p != nil {
		return p
	}
	if p := common(req); p != nil {
		return p
	}
	// RFC 2543 had no Max-Forwards, and a From without a tag (RFC 3261 §16.3, §12.1.1).
	if n := len(req.GetHeaders("Max-Forwards")); n > 1 {
		return bad("Max-Forwards comes twice")
	} else if n == 1 && req.MaxForwards().Val() > 255 {
		return bad("Max-Forwards is above 255")
	}
	if !strings.EqualFold(strings.TrimSpace(string(req.CSeq().MethodName)), string(req.Method)) { // sipgo's is in capitals
		return bad("CSeq is for another method") // RFC 4475 §3.1.2.17
	}
	for _, a := range []*sip.Uri{&req.From().Address, &req.To().Address} {
		if a.Wildcard || !known(a.Scheme) {
			return bad("From or To is not a SIP URI")
		}
	}
	return contacts(req)
}

// Response checks a response and returns nil if it is sound. All its problems mean: drop it.
func Response(res *sip.Response) *Problem {
	p := response(res)
	if p != nil {
		p.Status = 0
	}
	return p
}

func response(res *sip.Response) *Problem {
	normalise(res.Headers())
	switch {
	case !strings.EqualFold(res.SipVersion, "SIP/2.0"):
		return bad("SIP version is not 2.0")
	case res.StatusCode < 100 || res.StatusCode > 699:
		return bad("status is not between 100 and 699")
	case !clean(res.Reason) || len(res.Reason) > MaxHeaderSize:
		return bad("reason phrase has control characters or no end")
	}
	if p := head(res.Headers(), res.Body()); p != nil {
		return p
	}
	if p := common(res); p != nil {
		return p
	}
	for _, h := range res.GetHeaders("Via") {
		if v, ok := h.(*sip.ViaHeader); ok && nowhere(v.Host) { // RFC 4475 §3.3.10: it would be sent there next
			return bad("Via is a broadcast or multicast address")
		}
	}
	return nil
}

// requestURI: RFC 3261 §8.1.1.1 and §19.1.1.
func requestURI(u *sip.Uri) *Problem {
	switch {
	case !known(u.Scheme):
		return unknownScheme
	case len(u.String()) > MaxURI:
		return &Problem{sip.StatusRequestURITooLong, "Request-URI is too long"}
	case len(u.Headers) > 0: // RFC 4475 §3.1.2.11
		return bad("Request-URI has headers in it")
	case u.Scheme == "tel":
		return nil
	case !soundURI(u):
		return bad("Request-URI is malformed")
	}
	return nil
}

// unknownScheme: RFC 3261 §8.2.2.1.
var unknownScheme = &Problem{statusUnsupportedScheme, "Request-URI is not sip:, sips: or tel:"}

// known is true for the schemes of what can be called.
func known(scheme string) bool { return scheme == "sip" || scheme == "sips" || scheme == "tel" }
