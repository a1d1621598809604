package proxy

import (
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
)

// outside routes a request that begins something new: INVITE, or OPTIONS to somebody. The plan is asked each time.
func (s *Server) outside(r *request) {
	if r.To().Params.Has("tag") {
		s.answers.reply(r, vNoDialog)
		return
	}
	if v := s.gate.sender(r, asProxy); v.status != 0 {
		s.answers.reply(r, v)
		return
	}
	account := r.account
	if !s.site.hosts.ours(r.Recipient.Host) {
		s.answers.reply(r, vForeignRoute)
		return
	}
	now := time.Now()
	decision := r.plan.Route(account, r.Recipient.User, now)
	if decision.Status != 0 {
		s.log.Info("refused by the plan", "aor", account, "call_id", r.CallID().Value(),
			"status", decision.Status, "reason", decision.Reason)
		v := refusal(decision, now)
		s.ledger.refused(r, account, header.Safe(r.Recipient.User), v)
		s.answers.reply(r, v)
		return
	}
	if keysInClear(r.plan, account, r.flow) {
		s.answers.reply(r, vKeysInClear)
		return
	}
	if decision.Target == dialplan.Echo {
		s.flows.Keep(r.flow, now.Add(callerIdle))
		s.echo.invite(r, account)
		return
	}
	var nobody best
	reachable := slices.ContainsFunc(decision.Targets, func(t string) bool {
		_, v := s.callee(r, t, now)
		nobody.note(nil, v)
		return v.status == 0
	})
	if !reachable { // said without a transaction: it is what a flood would hear
		s.log.Info("callee cannot be reached", "aor", account, "callee", decision.Target, "call_id", r.CallID().Value(), "status", nobody.v.status)
		s.ledger.refused(r, account, decision.Target, nobody.v)
		s.answers.reply(r, nobody.v)
		return
	}
	s.flows.Keep(r.flow, now.Add(callerIdle))
	s.call(r, account, decision.Targets, decision.All)
}

// callee is the binding over which an account may be called with this request.
func (s *Server) callee(r *request, account string, now time.Time) (location.Binding, verdict) {
	b, v := s.locate.reach(account, now)
	switch {
	case v.status != 0:
	case keysInClear(r.plan, account, b.Flow):
		return location.Binding{}, vCalleeInClear
	case b.Flow.Transport != flow.TLS && carriesKeys(r.Request):
		return location.Binding{}, vOfferInClear
	}
	return b, v
}

// call forwards a request to accounts, of which one at least could be reached a moment ago.
func (s *Server) call(r *request, account string, targets []string, all bool) {
	ways := make([]way, len(targets))
	for i, t := range targets {
		ways[i] = func() (hop, verdict) { return s.wayTo(r, account, t) }
	}
	if r.IsInvite() {
		s.fork(r, account, ways, all)
		return
	}
	for _, find := range ways {
		if h, v := find(); v.status == 0 {
			s.relay(r, h)
			return
		}
	}
	s.answers.reply(r, vNotHere)
}

// wayTo is the way of a new request from one account to where another is now.
func (s *Server) wayTo(r *request, account, callee string) (hop, verdict) {
	binding, v := s.callee(r, callee, time.Now())
	if v.status != 0 {
		return hop{}, v
	}
	var target sip.Uri
	if err := sip.ParseUri(binding.Contact, &target); err != nil {
		return hop{}, vInternal
	}
	h := s.site.hop(r, account, callee, binding.Flow)
	h.target, h.record = &target, r.IsInvite()
	return h, verdict{}
}

// callerIdle is how long the connection of a caller that is not registered may be silent after a request.
const callerIdle = 5 * time.Minute

// within routes a request of a dialog that was set up through here. The plan is not asked again: whoever is in a call
// may end it, hold it, or repair it.
func (s *Server) within(r *request) {
	sender := r.from().account
	if r.Method != sip.BYE { // that one has the tokens, which nobody else was told, and may have lost its secret
		if v := s.gate.partner(r, sender); v.status != 0 {
			s.answers.reply(r, v)
			return
		}
	}
	f, ok := s.locate.across(r.to().account, r.Recipient.String(), r.to().flow)
	if !ok {
		s.answers.reply(r, vFlowFailed)
		return
	}
	if v := keysWithin(r, sender, r.to().account, f); v.status != 0 {
		s.log.Info("refused: keys would go in clear", "aor", sender, "callee", r.to().account, "call_id", r.CallID().Value(), "method", r.Method)
		s.answers.reply(r, v)
		return
	}
	s.flows.Keep(r.flow, time.Now().Add(callerIdle))
	s.calls.saw(r)
	s.relay(r, s.site.hop(r, sender, r.to().account, f))
}

// ack passes on the ACK to a 2xx, end to end and without a transaction (RFC 3261 §16.11). The ACK to another answer
// ends at the server transaction, or here, if the answer was ours and is forgotten.
func (s *Server) ack(r *request) {
	if !r.inDialog() || r.far {
		return
	}
	if mf := r.MaxForwards(); mf != nil && mf.Val() == 0 {
		return
	}
	if f, ok := s.locate.across(r.to().account, r.Recipient.String(), r.to().flow); ok {
		h := s.site.hop(r, r.from().account, r.to().account, f)
		_ = s.stack.Write(h.forward(r.Request)) // lost ones are asked for by repeating the 2xx
	}
}
