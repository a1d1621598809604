package window

import (
	"time"

	"ewindow/dialplan/programme"
)

// An Event is something that happened outside of the machine.
type Event interface{ event() }

// The events.
type (
	Tick       struct{}                         // time passed
	Registered struct{}                         // the registrar knows us
	Lost       struct{ Why string }             // it does not, or no longer
	Planned    struct{ P *programme.Programme } // a programme came, or was read from disk
	Invited    struct{ ID, From string }        // an INVITE outside a dialog
	Answered   struct {                         // our INVITE had a 2xx, or our 2xx was sent, and media is agreed
		ID      string
		NoVideo bool
	}
	Changed struct { // a later offer and answer changed a call that is up
		ID            string
		NoVideo, Held bool
	}
	Failed struct { // our INVITE failed, or an answer of ours
		ID         string
		Status     int // SIP status, 0 for none
		Why        string
		RetryAfter time.Duration
	}
	Ended struct{ ID, Why string } // BYE, or the dialog broke
	Media struct {                 // what the call's session has received, looked at on every tick
		ID          string
		Heard, Seen time.Time
	}
	Device struct{ Role, Missing string } // a role has its devices (Missing empty) or not
)

func (Tick) event()       {}
func (Registered) event() {}
func (Lost) event()       {}
func (Planned) event()    {}
func (Invited) event()    {}
func (Answered) event()   {}
func (Changed) event()    {}
func (Failed) event()     {}
func (Ended) event()      {}
func (Media) event()      {}
func (Device) event()     {}

// An Action is something for the loop to carry out.
type Action interface{ action() }

// The actions.
type (
	Dial   struct{ ID, Peer string } // send an INVITE to a space; Answered or Failed follows
	Answer struct {                  // accept an Invited; Answered or Failed follows
		ID       string
		Security programme.Security
		Picture  bool // send it our camera
	}
	Reject struct { // refuse an Invited
		ID         string
		Status     int
		Reason     string
		RetryAfter time.Duration
	}
	Hangup   struct{ ID, Why string } // CANCEL or BYE
	Reinvite struct{ ID string }      // repair the media of a call that is silent
	Keyframe struct{ ID string }      // ask the other side for one
)

func (Dial) action()     {}
func (Answer) action()   {}
func (Reject) action()   {}
func (Hangup) action()   {}
func (Reinvite) action() {}
func (Keyframe) action() {}

// Step is the machine: it takes one event at time now and returns the new state and what is to be done, in order.
// nextID names the call that a Dial would begin.
func Step(s State, now time.Time, e Event, nextID string) (State, []Action) {
	m := machine{State: s, now: now, nextID: nextID}
	m.take(e)
	m.follow()
	return m.State, m.actions
}

// machine is one step being made.
type machine struct {
	State
	now     time.Time
	nextID  string
	actions []Action
}

func (m *machine) do(a Action) { m.actions = append(m.actions, a) }

// take enters what happened.
func (m *machine) take(e Event) {
	switch e := e.(type) {
	case Registered:
		if !m.Online {
			m.Fresh = true
		}
		m.Online, m.OfflineSince, m.OfflineWhy = true, time.Time{}, ""
	case Lost:
		if m.Online || m.OfflineSince.IsZero() {
			m.OfflineSince = m.now
		}
		m.Online, m.OfflineWhy = false, e.Why
	case Planned:
		m.Programme, m.PlannedAt = e.P, m.now
		m.Failures, m.NextDial = 0, time.Time{}
	case Invited:
		m.invited(e)
	case Answered:
		if c := m.call(e.ID); c != nil {
			c.Phase, c.Since, c.NoVideo = Up, m.now, e.NoVideo
			m.Call = c
			m.Failures, m.LastWhy = 0, ""
		}
	case Changed:
		m.changed(e)
	case Failed:
		m.failed(e)
	case Ended:
		if m.call(e.ID) != nil {
			m.Call, m.LastWhy = nil, e.Why
			m.NextDial = m.now.Add(redial(0))
		}
	case Media:
		m.media(e)
	case Device:
		m.Devices = with(m.Devices, e.Role, e.Missing)
	}
}

// call returns a copy of the call with that id: a State that was handed out is never changed afterwards.
func (m *machine) call(id string) *Call {
	if m.Call == nil || m.Call.ID != id {
		return nil
	}
	c := *m.Call
	return &c
}

// invited answers by itself only whom the plan names (design decision 4), one at a time.
func (m *machine) invited(e Invited) {
	link, soon := m.partner(m.now), m.partner(m.now.Add(programme.Early))
	if link == nil {
		link = soon
	}
	switch {
	case link != nil && link.Partner == e.From:
		m.invitedByPartner(e, link)
		return
	case soon != nil && soon.Partner == e.From: // our clock is behind, and somebody else still has the window
		m.do(Reject{ID: e.ID, Status: 480, Reason: "Not Yet", RetryAfter: settlingRetry})
		return
	}
	var phone *programme.Phone
	if m.Programme != nil {
		phone = m.Programme.Phone(e.From)
	}
	switch {
	case phone == nil:
		m.do(Reject{ID: e.ID, Status: 403, Reason: "Not In Plan"})
	case !m.open(m.now):
		m.do(Reject{ID: e.ID, Status: 480, Reason: "Closed", RetryAfter: m.untilOpen()})
	case m.Call != nil && m.Call.Phase == Up:
		m.do(Reject{ID: e.ID, Status: 486, Reason: "Busy Here"})
	default:
		if m.Call != nil { // a dial that nobody answers yet does not keep a person at a phone waiting
			m.do(Hangup{m.Call.ID, "a phone rings"})
		}
		m.Call = &Call{ID: e.ID, Peer: e.From, Name: phone.Name, Phone: true, Phase: Dialling, Since: m.now}
		m.do(Answer{ID: e.ID, Security: phone.Security, Picture: phone.Picture})
	}
}

func (m *machine) invitedByPartner(e Invited, link *programme.Interval) {
	if c := m.Call; c != nil {
		same := c.Peer == e.From
		switch {
		case c.Phone:
			m.do(Reject{ID: e.ID, Status: 486, Reason: "Busy Here"})
			return
		case same && c.Ours && c.Phase == Dialling && link.Caller == m.Space,
			same && c.Ours && c.Phase == Up && m.now.Sub(c.Since) < crossing && link.Caller == m.Space:
			// Crossing calls: the dialog of the caller that the plan names stays.
			m.do(Reject{ID: e.ID, Status: 491, Reason: "Request Pending"})
			return
		}
		// The other side would not call if the old call were alive for it: it was restarted, or the line broke.
		m.do(Hangup{c.ID, "replaced by a new call of " + e.From})
	}
	m.Call = &Call{ID: e.ID, Peer: e.From, Name: link.PartnerName, Phase: Dialling, Since: m.now}
	m.do(Answer{ID: e.ID, Security: programme.GCM, Picture: true})
}

func (m *machine) changed(e Changed) {
	c := m.call(e.ID)
	if c == nil || c.Phase != Up {
		return
	}
	held := e.Held && c.Phone // a partner that holds its window is at odds with the plan, and judged by its silence
	if c.Held && !held {
		c.Since = m.now // the silence so far was wanted
		m.do(Keyframe{c.ID})
	}
	c.NoVideo, c.Held = e.NoVideo, held
	m.Call = c
}

func (m *machine) failed(e Failed) {
	c := m.call(e.ID)
	if c == nil {
		return
	}
	m.Call, m.LastWhy = nil, e.Why
	if c.Phone {
		return
	}
	wait := max(redial(m.Failures), min(e.RetryAfter, patience))
	m.Failures++
	link := m.partner(m.now)
	if (e.Status == 403 || e.Status == 480) && link != nil &&
		(m.now.Sub(link.From) < settling || m.now.Sub(m.PlannedAt) < settling) {
		wait = settlingRetry // the other side's clock, or its copy of the plan, is a little behind ours
	}
	m.NextDial = m.now.Add(wait)
}

func (m *machine) media(e Media) {
	c := m.call(e.ID)
	if c == nil {
		return
	}
	if e.Heard.After(c.Heard) {
		c.Repaired = false
	}
	before := m.Call.silence(m.now) // as it was known before this look
	c.Heard, c.Seen = e.Heard, e.Seen
	silent := c.silence(m.now)
	switch {
	case c.Phase != Up:
	case c.Held && silent < holdEnd:
	case silent >= silenceEnd:
		why := "silent for 30 s"
		if c.Held {
			why = "held for 5 min"
		}
		m.do(Hangup{c.ID, why})
		m.Call, m.LastWhy, m.NextDial = nil, "the line was silent", m.now
		m.Fresh = m.Online // whichever side notices calls at once
		return
	case silent >= silenceRepair && !c.Repaired && c.Ours && !c.Phone && m.Online:
		c.Repaired = true
		m.do(Reinvite{c.ID})
	case silent < silenceNotice && before >= silenceNotice && !c.NoVideo:
		m.do(Keyframe{c.ID}) // the line is back: whatever picture was held is old
	}
	m.Call = c
}

// follow does what the plan wants now.
func (m *machine) follow() {
	link := m.partner(m.now)
	m.hangUpIfOver(link)
	if link == nil {
		m.Alone, m.Failures, m.NextDial, m.LastWhy = time.Time{}, 0, time.Time{}, ""
		m.Fresh = m.Fresh && m.Programme == nil // a programme may still be on its way
		return
	}
	if m.Call != nil {
		m.Alone, m.Fresh = time.Time{}, false
		if m.Call.Phase == Dialling && m.Call.Ours && m.now.Sub(m.Call.Since) > dialLimit {
			m.do(Hangup{m.Call.ID, "no answer"})
			m.failed(Failed{ID: m.Call.ID, Why: "no answer"})
		}
		return
	}
	if m.Alone.IsZero() {
		m.Alone = m.now
	}
	mine := link.Caller == m.Space || m.Fresh || m.now.Sub(m.Alone) >= patience
	if !m.Online || !mine || m.now.Before(m.NextDial) {
		return
	}
	m.Fresh = false
	m.Call = &Call{ID: m.nextID, Peer: link.Partner, Name: link.PartnerName, Ours: true, Since: m.now}
	m.do(Dial{m.nextID, link.Partner})
}

// hangUpIfOver ends a call that the plan does not, or no longer, want.
func (m *machine) hangUpIfOver(link *programme.Interval) {
	c := m.Call
	if c == nil {
		return
	}
	if c.Phone {
		if !m.open(m.now) || m.Programme.Phone(c.Peer) == nil {
			m.do(Hangup{c.ID, "closed"})
			m.Call = nil
		}
		return
	}
	if link == nil && !c.Ours { // answered up to a minute early
		link = m.partner(m.now.Add(programme.Early))
	}
	if link == nil || link.Partner != c.Peer {
		m.do(Hangup{c.ID, "the plan says so"})
		m.Call = nil
	}
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

func with(old map[string]string, key, value string) map[string]string {
	if old[key] == value {
		return old
	}
	n := make(map[string]string, len(old)+1)
	for k, v := range old {
		n[k] = v
	}
	if value == "" {
		delete(n, key)
	} else {
		n[key] = value
	}
	return n
}
