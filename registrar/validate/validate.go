// Package validate looks at SIP messages before anybody acts on them: sipgo's parser lets many through that
// RFC 3261 forbids. It needs nothing but sipgo/sip, so that registrar and window share it.
//
// Give validate.Parser() to sipgo.WithUserAgentParser: it spells header names in one way (RFC 3261 §7.3.3), so
// that `k:` is found as Supported. Then let Request or Response look at each message first in its handler.
package validate

import "github.com/emiago/sipgo/sip"

// A Problem is why a message must not be acted on. As an answer to a request it has a status, unless the request
// is an ACK, which is dropped like a response (Status 0).
type Problem struct {
	Status int    // 400, 416, 505, 513; 0: drop it
	Reason string // for the status line and for people
}

// Error makes a Problem an error.
func (p *Problem) Error() string { return p.Reason }

// Parser is a sipgo parser that spells header names in the one way that lookups by name need.
func Parser() *sip.Parser { return sip.NewParser() }

// Request checks a request, and returns nil if it is sound.
func Request(req *sip.Request) *Problem { panic("skeleton") }

// Response checks a response, and returns nil if it is sound.
func Response(res *sip.Response) *Problem { panic("skeleton") }

// Sanitise makes a text from anywhere fit for a header's value or a reason phrase, also between quotes.
func Sanitise(s string) string { panic("skeleton") }
