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
func (n *notifier) subscribe(r *request) {
	ask, version, v := n.subscription(r)
	if v.status != 0 {
		n.answers.reply(r, v)
		return
	}
	lifetime := maxSubscription
	if h := r.GetHeader("Expires"); h != nil {
		if d := seconds(h.Value()); d >= 0 {
			lifetime = min(d, maxSubscription)
		}
	}
	if lifetime > 0 && lifetime < minSubscription {
		n.answers.reply(r, verdict{status: 423, reason: "Interval Too Brief"}.
			with("Min-Expires", strconv.Itoa(int(minSubscription/time.Second))))
		return
	}
	tag, within := r.To().Params.Get("tag")
	if !within {
		tag = n.answers.tag(r.Request)
	}
	ask.CSeq, ask.Dialog = r.CSeq().SeqNo, accept(r, ask.Subscriber, tag)
	ask.ID, ask.Dialog.version = ask.Dialog.ID.String(), version
	ask.Contact = ask.Dialog.Target.String()
	if !within && ask.Dialog.Target.Host == "" {
		n.answers.reply(r, vBadContact)
		return
	}
	if err := n.enrol(ask, lifetime, within); err != nil {
		switch {
		case errors.Is(err, notify.ErrUnknown):
			n.answers.reply(r, vNoDialog)
		case errors.Is(err, notify.ErrOutOfOrder):
			n.answers.reply(r, verdict{status: 500, reason: "An older SUBSCRIBE came after a newer one"})
		default:
			n.answers.reply(r, vInternal)
		}
		return
	}
	if n.gate.changed(r) { // meanwhile, as in register
		n.changed(r.account)
		n.answers.reply(r, vRevoked)
		return
	}
	n.flows.Keep(r.flow, time.Now().Add(callerIdle))
	n.answers.reply(r, vOK.with("Expires", strconv.Itoa(int(lifetime/time.Second))).with("Contact", "<"+n.site.contactFor(r.flow, r.Recipient.Scheme == "sips")+">"))
	n.do(func() { n.table.Answered(ask.ID) })
	n.wake()
}

// subscription finds out what is asked for, in which version and by whom, and whether that is allowed.
func (n *notifier) subscription(r *request) (ask notify.Subscription[half], version int, v verdict) {
	if v := unknownOptions(r.Request, "Require"); v.status != 0 {
		return ask, 0, v
	}
	event := strings.ToLower(header.Word(header.First(r, "Event")))
	p, known := n.packages[event]
	if !known {
		return ask, 0, verdict{status: 489, reason: "Bad Event"}.with("Allow-Events", n.events())
	}
	if v := n.gate.sender(r, asServer); v.status != 0 {
		return ask, 0, v
	}
	resource := header.User(&r.To().Address)
	if v := p.may(r.plan, r.account, resource); v.status != 0 {
		return ask, 0, v
	}
	version, ok := p.doc.Choose(header.List(r, "Accept"))
	if !ok {
		return ask, 0, verdict{status: 406, reason: "Not Acceptable"}.with("Accept", p.doc.Accept())
	}
	return notify.Subscription[half]{Event: event, Resource: resource, Subscriber: r.account, Fresh: p.fresh}, version, verdict{}
}

// request writes one NOTIFY, to be sent over f.
func (n *notifier) request(notice notify.Notice[half], f location.Flow) (*sip.Request, error) {
	req := notice.Dialog.Request(sip.NOTIFY, notice.CSeq)
	req.AppendHeader(sip.NewHeader("Contact", "<"+n.site.contactFor(f, false)+">"))
	req.AppendHeader(sip.NewHeader("Event", notice.Dialog.event))
	switch {
	case notice.State == nil:
		req.AppendHeader(sip.NewHeader("Subscription-State", "terminated;reason=noresource"))
	case notice.Last:
		req.AppendHeader(sip.NewHeader("Subscription-State", "terminated;reason=timeout"))
	default:
		left := strconv.Itoa(int(notice.Left / time.Second))
		req.AppendHeader(sip.NewHeader("Subscription-State", "active;expires="+left))
	}
	if notice.State != nil {
		body, err := notice.State.Encode(notice.Dialog.version)
		if err != nil {
			return nil, err
		}
		req.AppendHeader(sip.NewHeader("Content-Type", n.packages[notice.Event].doc.Type))
		req.SetBody(body)
	}
	return n.site.own(notice.Dialog, req, f), nil
}
