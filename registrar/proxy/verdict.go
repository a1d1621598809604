package proxy

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
)

// A verdict is an answer of our own to a request.
type verdict struct {
	status  int
	reason  string
	headers []sip.Header
}

func (v verdict) with(name, value string) verdict {
	v.headers = append(slices.Clip(v.headers), sip.NewHeader(name, value)) // of a copy: verdicts are shared
	return v
}

// Answers that need no explanation.
var (
	vOK           = verdict{status: 200, reason: "OK"}
	vNotFound     = verdict{status: 404, reason: "Not Found"}
	vNoDialog     = verdict{status: 481, reason: "Call/Transaction Does Not Exist"}
	vLoop         = verdict{status: 482, reason: "Loop Detected"}
	vTooManyHops  = verdict{status: 483, reason: "Too Many Hops"}
	vFlowFailed   = verdict{status: 430, reason: "Flow Failed"} // RFC 5626 §11.5
	vNotHere      = verdict{status: 480, reason: "Not registered"}
	vCancelled    = verdict{status: 487, reason: "Request Terminated"}
	vTimeout      = verdict{status: 408, reason: "Request Timeout"}
	vOverload     = verdict{status: 503, reason: "Too many requests under way"}
	vBadAnswer    = verdict{status: 502, reason: "The answer of the other side is malformed"}
	vInternal     = verdict{status: 500, reason: "Internal Server Error"}
	vOutOfOrder   = verdict{status: 500, reason: "An older REGISTER came after a newer one"}
	vTooMany      = verdict{status: 403, reason: "Too many contacts"}
	vBadContact   = verdict{status: 400, reason: "Malformed Contact"}
	vNotTLS       = verdict{status: 403, reason: "A window speaks TLS only"}
	vFromMismatch = verdict{status: 403, reason: "From is not the account"}
	vForeignRoute = verdict{status: 403, reason: "No routing beyond this registrar"}

	// RFC 5630 §5.1.1.2, §5.3.1; RFC 3261 §26.2.2.
	vSipsInClear   = verdict{status: 403, reason: "A call by sips: needs TLS"}
	vCalleeNotSips = verdict{status: 480, reason: "SIPS not allowed: the callee has no TLS"}
)

// methods that are understood, for Allow.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REGISTER, SUBSCRIBE"

// refusal is the answer for a decision of the plan that is not 0.
func refusal(d dialplan.Decision, now time.Time) verdict {
	v := verdict{status: d.Status, reason: header.Safe(d.Reason)}
	if d.Status == sip.StatusTemporarilyUnavailable && !d.Next.IsZero() {
		wait := max(1, int64(d.Next.Sub(now)+time.Second-1)/int64(time.Second))
		v = v.with("Retry-After", strconv.FormatInt(wait, 10))
	}
	return v
}

// registerRefusal is the answer for an error of location.Table.Register.
func registerRefusal(err error) verdict {
	var brief *location.TooBriefError
	switch {
	case errors.As(err, &brief):
		return verdict{status: 423, reason: "Interval Too Brief"}.
			with("Min-Expires", strconv.Itoa(int(brief.Min/time.Second)))
	case errors.Is(err, location.ErrOutOfOrder):
		return vOutOfOrder
	case errors.Is(err, location.ErrTooMany):
		return vTooMany
	case errors.Is(err, location.ErrMalformed):
		return vBadContact
	}
	return vInternal
}

// unknownOptions is the answer if one of the headers has an option tag that is not known; status 0 if none.
func unknownOptions(req *sip.Request, name string, known ...string) verdict {
	if unknown := header.Unknown(req, name, known...); unknown != nil {
		return verdict{status: 420, reason: "Bad Extension"}.with("Unsupported", strings.Join(unknown, ", "))
	}
	return verdict{}
}
