package proxy

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
	"ewindow/registrar/notify"
	"ewindow/registrar/signal/header"
)

// Bounds of a subscription.
const (
	minSubscription = time.Minute
	maxSubscription = 72 * time.Hour
)

// subscribe begins, prolongs or ends a subscription.
func (s *Server) subscribe(r *request) {
	ask, v := s.subscription(r)
	if v.status != 0 {
		s.answers.reply(r, v)
		return
	}
	if ask.Subscriber == "" {
		return // has been answered
	}
	lifetime := maxSubscription
	if h := r.GetHeader("Expires"); h != nil {
		if d := seconds(h.Value()); d >= 0 {
			lifetime = min(d, maxSubscription)
		}
	}
	if lifetime > 0 && lifetime < minSubscription {
		s.answers.reply(r, verdict{status: 423, reason: "Interval Too Brief"}.
			with("Min-Expires", strconv.Itoa(int(minSubscription/time.Second))))
		return
	}
	tag, within := r.To().Params.Get("tag")
	if !within {
		tag = s.answers.tag(r.Request)
	}
	ask.CSeq, ask.Dialog = r.CSeq().SeqNo, accept(r, ask.Subscriber, tag)
	ask.ID = ask.Dialog.ID.String()
	ask.Contact = ask.Dialog.Target.String()
	if !within && ask.Dialog.Target.Host == "" {
		s.answers.reply(r, vBadContact)
		return
	}
	if err := s.notifier.subscribe(ask, lifetime, within); err != nil {
		switch {
		case errors.Is(err, notify.ErrUnknown):
			s.answers.reply(r, vNoDialog)
		case errors.Is(err, notify.ErrOutOfOrder):
			s.answers.reply(r, verdict{status: 500, reason: "An older SUBSCRIBE came after a newer one"})
		default:
			s.answers.reply(r, vInternal)
		}
		return
	}
	if s.revoked.of(r.account) != r.epoch { // see register
		s.AccountChanged(r.account)
		s.answers.reply(r, vRevoked)
		return
	}
	s.flows.Keep(r.flow, time.Now().Add(callerIdle))
	s.answers.reply(r, vOK.with("Expires", strconv.Itoa(int(lifetime/time.Second))).with("Contact", "<"+s.site.contactFor(r.flow)+">"))
	s.notifier.wake()
}

// subscription finds out what is asked for and by whom, and whether that is allowed.
func (s *Server) subscription(r *request) (ask notify.Subscription[half], v verdict) {
	if v := unknownOptions(r.Request, "Require"); v.status != 0 {
		return ask, v
	}
	event := strings.ToLower(header.Word(header.First(r, "Event")))
	p, known := s.notifier.packages[event]
	if !known {
		return ask, verdict{status: 489, reason: "Bad Event"}.with("Allow-Events", s.notifier.events())
	}
	account, ok := s.authenticate(r, r.From().Address.User, false)
	if !ok {
		return ask, verdict{}
	}
	resource := r.To().Address.User
	if !s.site.owns(&r.From().Address, account) {
		return ask, vFromMismatch
	}
	if v := p.may(r.plan, account, resource); v.status != 0 {
		return ask, v
	}
	if h := r.GetHeader("Accept"); h != nil && !strings.Contains(h.Value(), p.contentType) && !strings.Contains(h.Value(), "*/*") {
		return ask, verdict{status: 406, reason: "Not Acceptable"}.with("Accept", p.contentType)
	}
	return notify.Subscription[half]{Event: event, Resource: resource, Subscriber: account, Fresh: p.fresh}, verdict{}
}

// notifyRequest writes one NOTIFY, to be sent over f.
func (s *Server) notifyRequest(n notify.Notice[half], f location.Flow) (*sip.Request, error) {
	req := n.Dialog.Request(sip.NOTIFY, n.CSeq)
	req.AppendHeader(sip.NewHeader("Contact", "<"+s.site.contactFor(f)+">"))
	req.AppendHeader(sip.NewHeader("Event", n.Dialog.event))
	switch {
	case n.State == nil:
		req.AppendHeader(sip.NewHeader("Subscription-State", "terminated;reason=noresource"))
	case n.Last:
		req.AppendHeader(sip.NewHeader("Subscription-State", "terminated;reason=timeout"))
	default:
		left := strconv.Itoa(int(n.Left / time.Second))
		req.AppendHeader(sip.NewHeader("Subscription-State", "active;expires="+left))
	}
	if n.State != nil {
		body, err := n.State.Encode()
		if err != nil {
			return nil, err
		}
		req.AppendHeader(sip.NewHeader("Content-Type", s.notifier.packages[n.Event].contentType))
		req.SetBody(body)
	}
	return s.site.own(n.Dialog, req, f), nil
}
