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
		s.reply(r, v)
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
		s.reply(r, verdict{status: 423, reason: "Interval Too Brief"}.
			with("Min-Expires", strconv.Itoa(int(minSubscription/time.Second))))
		return
	}
	tag, within := r.To().Params.Get("tag")
	if !within {
		tag = s.tag(r.Request)
	}
	ask.ID = strings.Join([]string{r.CallID().Value(), tag, header.FromTag(r)}, "\x00")
	ask.CSeq, ask.Dialog = r.CSeq().SeqNo, s.dialogOf(r, ask.Subscriber, tag)
	ask.Contact = ask.Dialog.contact.String()
	if !within && ask.Dialog.contact.Host == "" {
		s.reply(r, vBadContact)
		return
	}
	if err := s.notifier.subscribe(ask, lifetime, within); err != nil {
		switch {
		case errors.Is(err, notify.ErrUnknown):
			s.reply(r, vNoDialog)
		case errors.Is(err, notify.ErrOutOfOrder):
			s.reply(r, verdict{status: 500, reason: "An older SUBSCRIBE came after a newer one"})
		default:
			s.reply(r, vInternal)
		}
		return
	}
	if s.revoked.of(r.account) != r.epoch { // see register
		s.AccountChanged(r.account)
		s.reply(r, vRevoked)
		return
	}
	s.flows.Keep(r.flow, time.Now().Add(callerIdle))
	s.reply(r, vOK.with("Expires", strconv.Itoa(int(lifetime/time.Second))).with("Contact", "<"+s.contactFor(r.flow)+">"))
	s.notifier.wake()
}

// subscription finds out what is asked for and by whom, and whether that is allowed.
func (s *Server) subscription(r *request) (ask notify.Subscription[dialog], v verdict) {
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
	if !s.owns(&r.From().Address, account) {
		return ask, vFromMismatch
	}
	if v := p.may(s.Plan(), account, resource); v.status != 0 {
		return ask, v
	}
	if h := r.GetHeader("Accept"); h != nil && !strings.Contains(h.Value(), p.contentType) && !strings.Contains(h.Value(), "*/*") {
		return ask, verdict{status: 406, reason: "Not Acceptable"}.with("Accept", p.contentType)
	}
	return notify.Subscription[dialog]{Event: event, Resource: resource, Subscriber: account, Fresh: p.fresh}, verdict{}
}

// notifyRequest writes one NOTIFY, to be sent over f.
func (s *Server) notifyRequest(n notify.Notice[dialog], f location.Flow) (*sip.Request, error) {
	h, req := s.ownRequest(n.Dialog, sip.NOTIFY, n.CSeq, f)
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
	if n.State == nil {
		req.SetBody(nil)
	} else {
		body, err := n.State.Encode()
		if err != nil {
			return nil, err
		}
		req.AppendHeader(sip.NewHeader("Content-Type", s.notifier.packages[n.Event].contentType))
		req.SetBody(body)
	}
	h.address(req)
	return req, nil
}
