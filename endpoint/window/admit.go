package window

import (
	"time"

	"ewindow/dialplan/programme"
)

// invited answers by itself only whom the plan names: a partner, up to programme.Early before its time, since clocks
// differ, and while the space is open the phones of the plan.
func (m *machine) invited(e Invited) {
	link, soon := m.partner(m.now), m.partner(m.now.Add(programme.Early))
	if link == nil {
		link = soon
	}
	var phone *programme.Phone
	if m.Programme != nil {
		phone = m.Programme.Phone(e.From)
	}
	switch {
	case link != nil && link.Partner == e.From:
		m.invitedByPartner(e, link)
	case soon != nil && soon.Partner == e.From: // our clock is behind, and somebody else still has the window
		m.do(Reject{ID: e.ID, Status: 480, Reason: "Not Yet", RetryAfter: settlingRetry})
	case phone == nil:
		m.do(Reject{ID: e.ID, Status: 403, Reason: "Not In Plan"})
	case !m.open(m.now):
		m.do(Reject{ID: e.ID, Status: 480, Reason: "Closed", RetryAfter: m.untilOpen()})
	default:
		m.invitedByPhone(e, phone)
	}
}

// taken is the rule on who may be at the window at once: the partner or a phone, and one phone at a time. Whoever
// comes second hears "busy". A call of ours that nobody has answered yet does not count.
func (m *machine) taken(by Role) bool {
	partner := m.here(Partner)
	switch {
	case m.here(Phone) != nil:
		return true
	case by == Phone && partner != nil:
		return partner.Phase == Up || !partner.Ours
	}
	return false
}

func (m *machine) invitedByPhone(e Invited, phone *programme.Phone) {
	if m.taken(Phone) {
		m.do(Reject{ID: e.ID, Status: 486, Reason: "Busy Here"})
		return
	}
	for _, c := range m.Calls { // what is left are dials and lines that have long been silent
		m.do(Hangup{c.ID, "a phone rings"})
	}
	m.Calls = []Call{{ID: e.ID, Role: Phone, Peer: e.From, Name: phone.Name, Since: m.now}}
	m.do(Answer{ID: e.ID, Security: phone.Security, Picture: phone.Picture, Always: phone.Always})
}

func (m *machine) invitedByPartner(e Invited, link *programme.Interval) {
	if m.taken(Partner) {
		m.do(Reject{ID: e.ID, Status: 486, Reason: "Busy Here"})
		return
	}
	if c := m.here(Partner); c != nil {
		if c.Ours && link.Caller == m.Space && c.Peer == e.From && (c.Phase == Dialling || m.now.Sub(c.Since) < crossing) {
			// Crossing calls: the dialog of the caller that the plan names stays.
			m.do(Reject{ID: e.ID, Status: 491, Reason: "Request Pending"})
			return
		}
		// The other side would not call if the old call were alive for it: it was restarted, or the line broke.
		m.makeWay(c, "replaced by a new call of "+e.From)
	}
	m.Calls = append(m.Calls, Call{ID: e.ID, Role: Partner, Peer: e.From, Name: link.PartnerName, Since: m.now})
	m.do(Answer{ID: e.ID, Security: programme.GCM, Picture: true})
}

// makeWay prepares for another call to the partner. One that was up goes on receiving until that one shows a picture;
// only the latest of those does.
func (m *machine) makeWay(c *Call, why string) {
	if c.Phase != Up {
		m.hangUp(c.ID, why)
		return
	}
	id := c.ID
	if old := m.leaving(); old != nil {
		m.hangUp(old.ID, why)
	}
	m.find(id).Leaving = true
}

// wanted says whether the plan wants a call of a partner now.
func (m *machine) wanted(c *Call) bool {
	link := m.partner(m.now)
	if link == nil && !c.Ours { // answered up to a minute early
		link = m.partner(m.now.Add(programme.Early))
	}
	return link != nil && link.Partner == c.Peer
}

// untilOpen is how long it is until the space opens next, at most an hour; 0 if that is not known.
func (m *machine) untilOpen() time.Duration {
	if m.Programme == nil {
		return 0
	}
	for _, o := range m.Programme.Open {
		if o.From.After(m.now) {
			return min(o.From.Sub(m.now), time.Hour)
		}
	}
	return 0
}
