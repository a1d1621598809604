package window

// media looks at what a call has received. A partner's call that is silent is told about, repaired, and replaced.
func (m *machine) media(e Media) {
	c := m.find(e.ID)
	if c == nil || c.Phase != Up {
		return
	}
	back := e.Heard.After(c.Heard)
	before := c.silence(m.now) // as it was known before this look
	c.Heard, c.Seen = e.Heard, e.Seen
	if back {
		c.Repaired = false
	}
	silent := c.silence(m.now)
	switch {
	case c.Leaving:
		m.mediaOfLeaving(c, back)
	case c.Held && silent < holdEnd:
	case silent >= silenceEnd && c.Role == Partner:
		m.giveUp(c)
	case silent >= silenceEnd:
		why := "silent for 30 s"
		if c.Held {
			why = "held for 5 min"
		}
		m.hangUp(c.ID, why)
		m.Reach.Fresh = m.Online
	case silent >= silenceRepair && !c.Repaired && c.Ours && m.Online:
		c.Repaired = true
		m.do(Reinvite{c.ID})
	case silent < silenceNotice && before >= silenceNotice && !c.NoVideo:
		m.do(Keyframe{c.ID}) // the line is back: whatever picture was held is old
	}
}

// unreachable has a silent call to the partner replaced at once: it was restarted, and has forgotten the call.
func (m *machine) unreachable(e Unreachable) {
	c := m.find(e.ID)
	if c != nil && c.Phase == Up && c.Role == Partner && !c.Leaving && c.silence(m.now) >= silenceRepair {
		m.giveUp(c)
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
