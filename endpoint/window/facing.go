package window

import "time"

// Facing is who of the two sees whom. Who is not seen does not see: agreed pictures that do not come stop ours, until one
// comes. Two windows that wait for each other would never see each other again, so a partner is judged only while the line
// is well, has room for its pictures, and our picture went to it, and whoever called it shows itself anew now and then.
type Facing struct {
	Blank  time.Time // since when no picture came; of a partner: while ours went
	Hidden time.Time // since when our camera is off for it; zero while it is not
	Grace  time.Time // when it last had time to show itself, after an offer and answer
}

// mutual says whether both are to show themselves.
func (c *Call) mutual() bool { return c.Phase == Up && !c.NoVideo && c.Shows }

// blank says whether agreed pictures do not come.
func (c *Call) blank(now time.Time) bool {
	if c.Phase != Up || c.NoVideo {
		return false
	}
	if c.Seen.IsZero() {
		return now.Sub(c.Since) >= noPictureYet
	}
	return now.Sub(latest(c.Since, c.Seen)) >= unseen
}

// facing begins anew after an offer and answer. A phone gets no more time to show itself unless it did since the last:
// else it would only have to ask often.
func (m *machine) facing(c *Call) {
	switch {
	case !c.mutual():
		c.Hidden = time.Time{}
	case c.Role == Partner || c.Grace.IsZero() || c.Seen.After(c.Grace):
		c.Blank, c.Grace, c.Hidden = m.now, m.now, time.Time{}
	case m.now.Sub(c.Blank) >= unseen && !m.always(c):
		c.Hidden = m.now
	}
}

// face judges a call by its pictures. showed is when our last one went; down says that the line was silent until now.
func (m *machine) face(c *Call, showed time.Time, down bool) {
	partner := c.Role == Partner
	switch {
	case m.always(c) || c.Seen.After(c.Blank):
		c.Blank, c.Hidden = latest(c.Blank, c.Seen), time.Time{}
	case partner && (down || c.starves(m.now) || c.Hidden.IsZero() && m.now.Sub(showed) > showless):
		c.Blank, c.Hidden = m.now, time.Time{}
	case c.Hidden.IsZero() && m.now.Sub(c.Blank) >= unseen:
		c.Hidden = m.now
	case partner && c.Ours && !c.Hidden.IsZero() && m.now.Sub(c.Hidden) >= tryAgain:
		c.Blank, c.Hidden = m.now, time.Time{}
	}
	if !c.mutual() {
		c.Hidden = time.Time{}
	}
}

// always says whether the plan lets a phone see us while it shows nothing.
func (m *machine) always(c *Call) bool {
	if c.Role != Phone || m.Programme == nil {
		return false
	}
	phone := m.Programme.Phone(c.Peer)
	return phone != nil && phone.Always
}
