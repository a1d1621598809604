package window

import "time"

// media looks at what a call has received. A partner's call that is silent is told about, repaired, and replaced.
func (m *machine) media(e Media) {
	c := m.find(e.ID)
	if c == nil || c.Phase != Up {
		return
	}
	back := e.Heard.After(c.Heard) || e.Told.After(c.Told)
	before := c.silence(m.now) // as it was known before this look
	c.Heard, c.Told, c.Seen, c.Starved = e.Heard, e.Told, e.Seen, e.Starved
	if c.WaySince.IsZero() || c.Way != e.Way {
		c.WaySince = m.now
	}
	c.Way, c.Keyless = e.Way, e.Keyless
	if back {
		c.Repaired = false
	}
	silent := c.silence(m.now)
	m.face(c, e.Showed, before >= silenceNotice)
	switch {
	case c.Leaving:
		m.mediaOfLeaving(c, back)
	case c.quiet():
		m.mediaOfQuiet(c, silent)
	case silent >= silenceEnd && c.Role == Partner:
		m.giveUp(c)
	case silent >= silenceEnd:
		m.sendAway(c, "silent for 30 s")
	case c.search(m.now) && m.Online:
		c.Searched = m.now
		if c.lost(m.now) {
			m.do(Reinvite{c.ID})
		} else {
			m.do(Better{c.ID})
		}
	case silent >= silenceRepair && !c.Repaired && c.Ours && !c.Sought && m.Online:
		c.Repaired = true
		m.do(Reinvite{c.ID})
	case silent < silenceNotice && before >= silenceNotice && !c.NoVideo:
		m.do(Keyframe{c.ID}) // the line is back: whatever picture was held is old
	}
}

// mediaOfQuiet asks whether a phone that need not send anything is still there. One that holds gets the window for so
// long and no longer, whatever it answers.
func (m *machine) mediaOfQuiet(c *Call, silent time.Duration) {
	switch {
	case silent >= holdEnd && c.Held:
		m.sendAway(c, "held for 5 min")
	case silent >= holdEnd:
		m.sendAway(c, "no sign of life for 5 min")
	case silent >= silenceEnd && m.now.Sub(c.Asked) >= askEvery && m.Online:
		c.Asked = m.now
		m.do(Ask{c.ID})
	}
}

// sendAway ends a phone's call; the partner may have the window back.
func (m *machine) sendAway(c *Call, why string) {
	m.hangUp(c.ID, why)
	m.Reach.Fresh = m.Online
}

// unreachable has a silent call to the partner replaced at once: it was restarted, and has forgotten the call. A phone's
// is over.
func (m *machine) unreachable(e Unreachable) {
	c := m.find(e.ID)
	switch {
	case c == nil || c.Phase != Up || c.Leaving || c.silence(m.now) < silenceRepair:
	case c.Role == Partner:
		m.giveUp(c)
	default:
		m.sendAway(c, "it is not there any more")
	}
}

// takeOver ends the call that was kept, once the new one has arrived.
func (m *machine) takeOver() {
	if c, old := m.here(Partner), m.leaving(); c != nil && old != nil && c.arrived() {
		m.hangUp(old.ID, "replaced by a new call")
	}
}

// giveUp has a silent call to the partner replaced: by whichever side notices, at once. It goes on receiving
// meanwhile, so that a line that comes back is used, also where the registrar is away and nobody can call.
func (m *machine) giveUp(c *Call) {
	m.Reach.Why, m.Reach.NextDial = "the line was silent", m.now
	m.Reach.Fresh = m.Online
	id := c.ID
	if old := m.leaving(); old != nil && old.silence(m.now) < silenceNotice { // the one that it was to replace is better
		old.Leaving = false
		m.do(Keyframe{old.ID})
		m.hangUp(id, "silent for 30 s")
		return
	}
	m.makeWay(c, "silent for 30 s")
}

// mediaOfLeaving keeps a call that comes back before another one is up, and ends one that doesn't.
func (m *machine) mediaOfLeaving(c *Call, back bool) {
	id, next := c.ID, m.here(Partner)
	switch {
	case back && m.here(Phone) == nil && (next == nil || next.Ours && next.Phase == Dialling):
		c.Leaving = false
		m.Reach.Why = ""
		if next != nil {
			m.hangUp(next.ID, "the line is back")
		}
		if c := m.find(id); !c.NoVideo {
			m.do(Keyframe{id})
		}
	case c.silence(m.now) >= silenceGone:
		m.hangUp(id, "silent for 90 s")
	}
}

// searchAnew has calls look for other ways: from another address, since those from the one that we had are gone; else where theirs are
// lost, since an offer that was on its way is lost with its connection.
func (m *machine) searchAnew(moved bool) {
	for i := range m.Calls {
		c := &m.Calls[i]
		if c.Phase == Up && !c.Leaving && (moved && c.Sought || c.lost(m.now)) {
			c.Searched = m.now
			m.do(Reinvite{c.ID})
		}
	}
}
