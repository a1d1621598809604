package proxy

import (
	"log/slog"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
	"ewindow/dialplan/programme"
	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/keys"
)

// Keys of media travel over TLS alone (RFC 4568 §7). Package flow writes no message that carries them elsewhere; what
// is here comes before that: whoever asks for such a message gets an answer, and nobody is asked for a key in vain.

var (
	vKeysInClear   = verdict{status: 403, reason: "SDP of this phone carries keys: it calls over TLS only"}
	vMustEncrypt   = verdict{status: 403, reason: "This phone must encrypt: let it call over TLS with SRTP (SDES)"}
	vCalleeInClear = verdict{status: 480, reason: "The callee must encrypt: it has to register over TLS"}
	vOfferInClear  = verdict{status: 488, reason: "The callee is registered without TLS: keys cannot go there"}
	// Within a dialog it is always 488, which leaves the session as it was (RFC 3261 §14.1, RFC 5057 §5.3).
	vKeysWithin  = verdict{status: 488, reason: "SDP of this phone carries keys: it travels over TLS only"}
	vMustWithin  = verdict{status: 488, reason: vMustEncrypt.reason}
	vPeerInClear = verdict{status: 488, reason: "The other side is registered without TLS now: keys cannot go there"}
	vAnswerKeys  = verdict{status: 488, reason: "The answer carries keys, and a side of this call is without TLS"}
)

// carriesKeys says whether a message carries keys, or what cannot be looked into: in its head or its body, as package
// flow will see it.
func carriesKeys(m sip.Message) bool { return keys.Carried([]byte(m.String())) }

// A keyWatch notes keys that came, or were about to go, in clear.
type keyWatch struct {
	counts interface{ KeysInClear(direction string) }
	log    *slog.Logger
}

// leaked says whether a message came in clear although it carries keys: they are worth nothing any more.
func (w keyWatch) leaked(m sip.Message) bool {
	if m.Transport() == flow.TLS || !carriesKeys(m) {
		return false
	}
	w.counts.KeysInClear("in")
	return true
}

// leaks says whether an answer carries keys where it came from, or where it is to go, without TLS.
func (w keyWatch) leaks(res *sip.Response, back location.Flow) bool {
	if w.leaked(res) {
		return true
	}
	return back.Transport != flow.TLS && carriesKeys(res)
}

// refused is told of a message that was not written. What comes before should have seen it.
func (w keyWatch) refused(f location.Flow) {
	w.counts.KeysInClear("out")
	w.log.Warn("a message with keys was not sent: the way is not encrypted", "peer", f.Remote, "transport", f.Transport)
}

// leakRefusal is the answer to a request that leaked.
func leakRefusal(r *request) verdict {
	if r.To().Params.Has("tag") {
		return vKeysWithin
	}
	return vKeysInClear
}

// keysInClear says whether the SDP of a phone carries keys which whoever reads along could read.
func keysInClear(plan *dialplan.Plan, account string, f location.Flow) bool {
	phone, is := plan.Phone(account)
	return is && phone.Security == programme.SDES && f.Transport != flow.TLS
}

// bargains says whether a request brings SDP, or an answer with SDP: an INVITE does in any case (RFC 3261 §14.1).
func bargains(r *request) bool {
	switch r.Method {
	case sip.INVITE:
		return true
	case sip.UPDATE, sip.PRACK:
		return len(r.Body()) > 0
	}
	return false
}

// keysWithin is the verdict on a request of a dialog, from an account to another over f, as far as keys go.
func keysWithin(r *request, from, to string, f location.Flow) verdict {
	switch {
	case bargains(r) && keysInClear(r.plan, from, r.flow):
		return vMustWithin
	case f.Transport != flow.TLS && carriesKeys(r.Request), bargains(r) && keysInClear(r.plan, to, f):
		return vPeerInClear
	}
	return verdict{}
}
