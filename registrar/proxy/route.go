package proxy

import (
	"log/slog"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
)

// A router decides where a request goes: by the plan and the table of locations if it begins something, by its dialog
// otherwise. It has no state.
type router struct {
	gate    *gatekeeper
	site    *site
	locate  *locator
	flows   keeper
	answers *answerer
	calls   *calls
	forward *forwarder
	echo    *echoCalls
	ledger  *ledger
	log     *slog.Logger
}

// outside routes a request that begins something new: INVITE, or OPTIONS to somebody. The plan is asked each time.
func (t *router) outside(r *request) {
	now := time.Now()
	decision, v := t.decide(r, now)
	switch {
	case v.status != 0:
		t.answers.reply(r, v)
		return
	case decision.Target == dialplan.Echo:
		t.flows.Keep(r.flow, now.Add(callerIdle))
		t.echo.invite(r)
		return
	}
	var nobody best
	reachable := slices.ContainsFunc(decision.Targets, func(account string) bool {
		_, v := t.callee(r, account, now, nil)
		nobody.note(nil, v)
		return v.status == 0
	})
	if !reachable { // said without a transaction: it is what a flood would hear
		t.log.Info("callee cannot be reached", "aor", r.account, "callee", decision.Target, "call_id", r.CallID().Value(), "status", nobody.v.status)
		t.ledger.refused(r, r.account, decision.Target, nobody.v)
		t.answers.reply(r, nobody.v)
		return
	}
	if header.MaxForwards(r.Request) == 0 {
		t.answers.reply(r, vTooManyHops)
		return
	}
	t.flows.Keep(r.flow, now.Add(callerIdle))
	t.call(r, decision.Targets, decision.All)
}

// decide finds out who sends a request that begins something, and asks the plan who is meant by it.
func (t *router) decide(r *request, now time.Time) (dialplan.Decision, verdict) {
	var none dialplan.Decision
	if r.To().Params.Has("tag") {
		return none, vNoDialog
	}
	if r.Recipient.Scheme == "sips" && r.flow.Transport != flow.TLS {
		return none, vSipsInClear
	}
	if v := t.gate.sender(r, asProxy); v.status != 0 {
		return none, v
	}
	if r.Recipient.Scheme != "tel" && !t.site.hosts.ours(r.Recipient.Host) {
		return none, vForeignRoute
	}
	dialled := header.Dialled(&r.Recipient)
	decision := r.plan.Route(r.account, dialled, now)
	if decision.Status != 0 {
		t.log.Info("refused by the plan", "aor", r.account, "call_id", r.CallID().Value(),
			"status", decision.Status, "reason", decision.Reason)
		v := refusal(decision, now)
		t.ledger.refused(r, r.account, header.Safe(dialled), v)
		return none, v
	}
	if keysInClear(r.plan, r.account, r.flow) {
		return none, vMustEncrypt
	}
	return decision, verdict{}
}

// callee is the binding over which an account may be called with this request, but by none of the flows that were tried.
func (t *router) callee(r *request, account string, now time.Time, tried []location.Flow) (location.Binding, verdict) {
	return t.locate.reachBy(account, now, tried, func(b location.Binding) verdict {
		switch {
		case b.Flow.Transport == flow.TLS:
			return verdict{}
		case r.Recipient.Scheme == "sips":
			return vCalleeNotSips
		case keysInClear(r.plan, account, b.Flow):
			return vCalleeInClear
		case carriesKeys(r.Request):
			return vOfferInClear
		}
		return verdict{}
	})
}

// call forwards a request to accounts, of which one at least could be reached a moment ago.
func (t *router) call(r *request, targets []string, all bool) {
	ways := make([]way, len(targets))
	for i, callee := range targets {
		ways[i] = func(tried []location.Flow) (hop, verdict) { return t.wayTo(r, callee, tried) }
	}
	if r.IsInvite() {
		t.forward.fork(r, r.account, ways, all)
		return
	}
	for _, find := range ways {
		if _, v := find(nil); v.status == 0 {
			t.forward.relay(r, r.account, find)
			return
		}
	}
	t.answers.reply(r, vNotHere)
}

// wayTo is the way of a new request to where an account is now.
func (t *router) wayTo(r *request, callee string, tried []location.Flow) (hop, verdict) {
	binding, v := t.callee(r, callee, time.Now(), tried)
	if v.status != 0 {
		return hop{}, v
	}
	var target sip.Uri
	if err := sip.ParseUri(binding.Contact, &target); err != nil {
		return hop{}, vInternal
	}
	h := t.site.hop(r, r.account, callee, binding.Flow)
	h.target, h.record = &target, r.IsInvite()
	if h.secure = r.Recipient.Scheme == "sips"; h.secure {
		target.Scheme = "sips" // its flow is TLS, or it would not be called (RFC 5630 §5.3)
	}
	return h, verdict{}
}

// callerIdle is how long the connection of a caller that is not registered may be silent after a request.
const callerIdle = 5 * time.Minute

// within routes a request of a dialog that was set up through here. The plan is not asked again: whoever is in a call
// may end it, hold it, or repair it.
func (t *router) within(r *request) {
	sender := r.from().account
	if r.Method != sip.BYE { // that one has the tokens, which nobody else was told, and may have lost its secret
		if v := t.gate.partner(r, sender); v.status != 0 {
			t.answers.reply(r, v)
			return
		}
	}
	if t.calls.told(r) {
		t.answers.reply(r, vOK)
		return
	}
	if header.MaxForwards(r.Request) == 0 {
		t.answers.reply(r, vTooManyHops)
		return
	}
	if _, v := t.wayWithin(r, nil); v.status != 0 {
		t.answers.reply(r, v)
		return
	}
	t.flows.Keep(r.flow, time.Now().Add(callerIdle))
	t.calls.saw(r)
	t.forward.relay(r, sender, func(tried []location.Flow) (hop, verdict) { return t.wayWithin(r, tried) })
}

// wayWithin is the way of a request to the other side of its dialog.
func (t *router) wayWithin(r *request, tried []location.Flow) (hop, verdict) {
	from, to := r.from().account, r.to().account
	f, ok := t.locate.across(to, r.Recipient.String(), r.to().flow, tried...)
	if !ok {
		return hop{}, vFlowFailed
	}
	if v := keysWithin(r, from, to, f); v.status != 0 {
		t.log.Info("refused: keys would go in clear", "aor", from, "callee", to, "call_id", r.CallID().Value(), "method", r.Method)
		return hop{}, v
	}
	return t.site.hop(r, from, to, f), verdict{}
}
