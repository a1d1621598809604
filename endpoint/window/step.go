package window

import (
	"slices"
	"time"

	"ewindow/dialplan/programme"
)

// Step is the machine: it takes one event at time now and returns the new state and what is to be done, in order.
// nextID names the call that a Dial would begin.
func Step(s State, now time.Time, e Event, nextID string) (State, []Action) {
	s.Calls = slices.Clone(s.Calls)
	m := machine{State: s, now: now, nextID: nextID}
	m.settle()
	m.take(e)
	m.takeOver()
	m.follow()
	return m.State, m.actions
}

// machine is one step being made. Its calls are its own copy.
type machine struct {
	State
	now     time.Time
	nextID  string
	actions []Action
}

func (m *machine) do(a Action) { m.actions = append(m.actions, a) }

// remove forgets a call.
func (m *machine) remove(id string) {
	m.Calls = slices.DeleteFunc(m.Calls, func(c Call) bool { return c.ID == id })
}

// hangUp ends a call and forgets it.
func (m *machine) hangUp(id, why string) {
	m.do(Hangup{id, why})
	m.remove(id)
}

// take enters what happened.
func (m *machine) take(e Event) {
	switch e := e.(type) {
	case Registered:
		if !m.Online {
			m.Reach.Fresh, m.OnlineSince = true, m.now
		}
		m.searchAnew(e.Moved)
		m.Online, m.OfflineSince = true, time.Time{}
	case Lost:
		if m.Online || m.OfflineSince.IsZero() {
			m.OfflineSince = m.now
		}
		m.Online, m.OnlineSince, m.OfflineWhy = false, time.Time{}, e.Why
	case Planned:
		m.Programme, m.PlannedAt = e.P, m.now
		m.rename()
		m.Reach.Failures, m.Reach.NextDial = 0, time.Time{}
	case Trusted: // whoever confirms a key waits for the picture
		m.Reach.Failures, m.Reach.NextDial, m.Reach.Fresh = 0, time.Time{}, m.Online
	case Invited:
		m.invited(e)
	case Agreed:
		m.agreed(e)
	case Changed:
		m.changed(e)
	case There:
		if c := m.find(e.ID); c != nil {
			c.There = m.now
		}
	case Unreachable:
		m.unreachable(e)
	case Failed:
		m.failed(e)
	case Ended:
		m.ended(e)
	case Media:
		m.media(e)
	case Device:
		m.Devices = with(m.Devices, e.Role, e.Missing)
	}
}

// rename has calls that go on bear the names of a new programme. A call that it does not know keeps its name to the end.
func (m *machine) rename() {
	if m.Programme == nil {
		return
	}
	soon := m.now.Add(programme.Early) // a partner may be here before its time
	for i := range m.Calls {
		c := &m.Calls[i]
		if phone := m.Programme.Phone(c.Peer); c.Role == Phone && phone != nil {
			c.Name = phone.Name
		}
		for _, link := range []*programme.Interval{m.partner(soon), m.partner(m.now)} {
			if c.Role == Partner && link != nil && link.Partner == c.Peer {
				c.Name = link.PartnerName
			}
		}
	}
}

func (m *machine) agreed(e Agreed) {
	c := m.find(e.ID)
	if c == nil || c.Phase == Up {
		return
	}
	c.Phase, c.Since = Up, m.now
	m.terms(c, e.Terms)
	if c.Role == Partner {
		m.Reach.Why = ""
	}
}

func (m *machine) changed(e Changed) {
	c := m.find(e.ID)
	if c == nil || c.Phase != Up {
		return
	}
	was := c.quiet()
	m.terms(c, e.Terms)
	if was && !c.quiet() {
		c.Since = m.now // the silence so far was wanted
		m.do(Keyframe{c.ID})
	}
}

// terms takes what was agreed on. A partner must neither hold nor be quiet: its silence counts.
func (m *machine) terms(c *Call, t Terms) {
	if c.Role == Partner {
		t.Held, t.Unheard = false, false
	}
	c.Terms = t
	m.facing(c)
}

func (m *machine) ended(e Ended) {
	c := m.find(e.ID)
	if c == nil {
		return
	}
	if !c.Leaving {
		m.Reach.NextDial = m.now.Add(redial(m.Reach.Failures))
	}
	if c.Role == Partner && !c.Leaving {
		m.Reach.Why = e.Why
		if c.Phase == Up && m.now.Sub(c.Since) < holds {
			m.Reach.Failures++
		}
	}
	m.remove(e.ID)
}

// settle forgets the failures once a call to the partner has lasted: coming up alone is no success.
func (m *machine) settle() {
	if c := m.here(Partner); c != nil && c.Phase == Up && m.now.Sub(c.Since) >= holds {
		m.Reach.Failures = 0
	}
}

func (m *machine) failed(e Failed) {
	c := m.find(e.ID)
	if c == nil {
		return
	}
	toPartner := c.Role == Partner && !c.Leaving
	m.remove(e.ID)
	if !toPartner {
		return
	}
	wait := max(redial(m.Reach.Failures), min(e.RetryAfter, patience))
	m.Reach.Why = e.Why
	m.Reach.Failures++
	link := m.partner(m.now)
	if (e.Status == 403 || e.Status == 480) && link != nil &&
		(m.now.Sub(link.From) < settling || m.now.Sub(m.PlannedAt) < settling) {
		wait = settlingRetry // the other side's clock, or its copy of the plan, is a little behind ours
	}
	m.Reach.NextDial = m.now.Add(wait)
}

// follow does what the plan wants now.
func (m *machine) follow() {
	m.hangUpWhatIsOver()
	link := m.partner(m.now)
	if link == nil {
		fresh := m.Reach.Fresh && m.Programme == nil // a programme may still be on its way
		m.Reach = Reach{Fresh: fresh}
		return
	}
	if c := m.here(Partner); c != nil && c.Phase == Dialling && c.Ours && m.now.Sub(c.Since) > dialLimit {
		m.do(Hangup{c.ID, noAnswer})
		m.failed(Failed{ID: c.ID, Why: noAnswer})
	}
	if m.here(Partner) != nil || m.here(Phone) != nil {
		m.Reach.Alone, m.Reach.Fresh = time.Time{}, false
		return
	}
	if m.Reach.Alone.IsZero() {
		m.Reach.Alone = m.now
	}
	mine := link.Caller == m.Space || m.Reach.Fresh || m.now.Sub(m.Reach.Alone) >= patience
	if !m.Online || !mine || m.now.Before(m.Reach.NextDial) {
		return
	}
	m.Reach.Fresh = false
	m.Calls = append(m.Calls, Call{ID: m.nextID, Role: Partner, Peer: link.Partner, Name: link.PartnerName, Ours: true, Since: m.now})
	m.do(Dial{m.nextID, link.Partner})
}

// hangUpWhatIsOver ends the calls that the plan does not, or no longer, want.
func (m *machine) hangUpWhatIsOver() {
	for _, c := range slices.Clone(m.Calls) {
		switch {
		case c.Role == Phone && (!m.open(m.now) || m.Programme.Phone(c.Peer) == nil):
			m.hangUp(c.ID, "closed")
		case c.Role == Partner && !m.wanted(&c):
			m.hangUp(c.ID, "the plan says so")
		}
	}
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
