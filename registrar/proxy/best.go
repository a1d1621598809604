package proxy

import (
	"slices"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

var challenges = []string{"WWW-Authenticate", "Proxy-Authenticate"}

// best is the best of the answers that do not accept the call (RFC 3261 §16.7 step 6).
type best struct {
	res  *sip.Response // one of the two
	v    verdict
	rank int
	asks []sip.Header // the challenges in all answers (step 7)
}

// note takes an answer, or a verdict of our own if there is none.
func (b *best) note(res *sip.Response, v verdict) {
	status := v.status
	if res != nil {
		status = res.StatusCode
		for _, name := range challenges {
			b.asks = append(b.asks, res.GetHeaders(name)...)
		}
	}
	if r := rank(status); b.rank == 0 || r < b.rank {
		b.res, b.v, b.rank = res, v, r
	}
}

// verdict is what it says, without headers.
func (b *best) verdict() verdict {
	if b.res != nil {
		return verdict{status: b.res.StatusCode, reason: header.Safe(b.res.Reason)}
	}
	return b.v
}

// rank orders answers, the best first: what holds for everybody, then what the caller can do something about, then
// somebody's own answer, and last that there was nobody.
func rank(status int) int {
	switch {
	case status >= 600:
		return 1
	case status < 400:
		return 2
	case slices.Contains([]int{401, 407, 415, 420, 484}, status):
		return 3
	case slices.Contains([]int{408, 430, 480, 487}, status):
		return 6
	case status == sip.StatusBusyHere:
		return 4
	case status < 500:
		return 5
	}
	return 7
}

// answer sends it. A 503 speaks of the callee alone, not of this registrar.
func (b *best) answer(a *answerer, r *request) {
	switch {
	case b.res == nil:
		a.conclude(r.Request, r.tx, b.v)
	case b.res.StatusCode == sip.StatusServiceUnavailable:
		a.conclude(r.Request, r.tx, verdict{status: 500, reason: "The callee is out of service"})
	default:
		if b.rank == rank(401) {
			for _, name := range challenges {
				removeAll(b.res, name)
			}
			for _, h := range b.asks {
				b.res.AppendHeader(sip.HeaderClone(h))
			}
		}
		a.pass(r, hop{}, b.res) // a refusal names no address
	}
}
