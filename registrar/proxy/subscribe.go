package proxy

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan/programme"
	"ewindow/registrar/location"
	"ewindow/registrar/notify"
	"ewindow/registrar/signal/header"
)

// eventPackage carries a window's programme (RFC 6080).
const eventPackage = "ua-profile"

// Bounds of a subscription.
const (
	minSubscription = time.Minute
	maxSubscription = 72 * time.Hour
)

// subscribe begins, prolongs or ends a space's subscription to its own programme.
func (s *Server) subscribe(r *request) {
	account, v := s.subscriber(r)
	if v.status != 0 {
		s.reply(r, v)
		return
	}
	if account == "" {
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
	id := strings.Join([]string{r.CallID().Value(), tag, header.FromTag(r)}, "\x00")
	ask := subscription{id: id, cseq: r.CSeq().SeqNo, lifetime: lifetime, within: within, dialog: s.dialogOf(r, account, tag)}
	if !within && ask.dialog.contact.Host == "" {
		s.reply(r, vBadContact)
		return
	}
	if err := s.notifier.subscribe(ask); err != nil {
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
	s.flows.Keep(r.flow, time.Now().Add(callerIdle))
	s.reply(r, vOK.with("Expires", strconv.Itoa(int(lifetime/time.Second))).with("Contact", "<"+s.contactFor(r.flow)+">"))
	s.notifier.wake()
}

// subscriber finds out whose programme is asked for and whether that is allowed.
func (s *Server) subscriber(r *request) (account string, v verdict) {
	if v := unknownOptions(r.Request, "Require"); v.status != 0 {
		return "", v
	}
	if !strings.EqualFold(header.Word(header.First(r, "Event")), eventPackage) {
		return "", verdict{status: 489, reason: "Bad Event"}.with("Allow-Events", eventPackage)
	}
	account, ok := s.authenticate(r, r.From().Address.User, false)
	if !ok {
		return "", verdict{}
	}
	if !s.owns(&r.From().Address, account) || r.To().Address.User != account {
		return "", vFromMismatch // of one's own programme only
	}
	if _, space := s.Plan().Space(account); !space {
		return "", verdict{status: 404, reason: "Only spaces have a programme"}
	}
	if h := r.GetHeader("Accept"); h != nil && !strings.Contains(h.Value(), programme.ContentType) && !strings.Contains(h.Value(), "*/*") {
		return "", verdict{status: 406, reason: "Not Acceptable"}.with("Accept", programme.ContentType)
	}
	return account, verdict{}
}

// notifyRequest writes one NOTIFY for d, to be sent over f.
func (s *Server) notifyRequest(d dialog, n notify.Notice, f location.Flow) (*sip.Request, error) {
	h, req := s.ownRequest(d, sip.NOTIFY, n.CSeq, f)
	req.AppendHeader(sip.NewHeader("Event", d.event))
	switch {
	case n.Programme == nil:
		req.AppendHeader(sip.NewHeader("Subscription-State", "terminated;reason=noresource"))
	case n.Last:
		req.AppendHeader(sip.NewHeader("Subscription-State", "terminated;reason=timeout"))
	default:
		left := strconv.Itoa(int(n.Left / time.Second))
		req.AppendHeader(sip.NewHeader("Subscription-State", "active;expires="+left))
	}
	if n.Programme == nil {
		req.SetBody(nil)
	} else {
		body, err := programme.Encode(n.Programme)
		if err != nil {
			return nil, err
		}
		req.AppendHeader(sip.NewHeader("Content-Type", programme.ContentType))
		req.SetBody(body)
	}
	h.address(req)
	return req, nil
}
