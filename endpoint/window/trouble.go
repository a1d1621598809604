package window

import (
	"log/slog"
	"time"

	"ewindow/registrar/signal/lasting"
)

// trouble is what keeps the window from its partner, as the log has it. While any of it lasts, the calls that come to
// nothing because of it are no news.
type trouble struct {
	failed lasting.Fault // our INVITEs
	brief  lasting.Fault // calls that come up and end, one after the other
	silent lasting.Fault // nothing comes in them
	keys   lasting.Fault // their streams agree on no keys
}

func newTrouble(log *slog.Logger) *trouble {
	return &trouble{
		failed: lasting.Fault{Log: log, What: "call failed", Over: "calls succeed again"},
		brief:  lasting.Fault{Log: log, What: "calls do not last", Over: "a call lasts again"},
		silent: lasting.Fault{Log: log, What: "the line is silent", Over: "the line is back"},
		keys:   lasting.Fault{Log: log, What: "no keys are agreed on", Over: "keys are agreed on again"},
	}
}

func (t *trouble) lasts() bool {
	return t.failed.Lasts() || t.brief.Lasts() || t.silent.Lasts() || t.keys.Lasts()
}

// routine is the level of what happens in each call: with the partner it is no news while there is trouble.
func (w *Window) routine(l *leg, level slog.Level) slog.Level {
	if w.isPartner(l) && w.trouble.lasts() {
		return slog.LevelDebug
	}
	return level
}

// isPartner says whether a call is with a space; else it is with a phone.
func (w *Window) isPartner(l *leg) bool {
	return w.state.Programme == nil || w.state.Programme.Phone(l.peer) == nil
}

// tooBrief notes that a call to the partner has ended before it had lasted, if that has happened before.
func (w *Window) tooBrief(l *leg, why string) {
	if lasted := time.Since(l.up); w.isPartner(l) && !l.up.IsZero() && lasted < holds && w.state.Reach.Failures > 1 {
		w.trouble.brief.Met(why, "peer", l.peer, "call_id", l.callID, "after", lasted.Round(time.Second), "reason", why)
	}
}

// judge says when a line falls silent, when it is back, and when a call has lasted.
func (w *Window) judge(l *leg) {
	c := w.state.find(l.id)
	if c == nil {
		return
	}
	now := time.Now()
	w.tellUnanswered(l, c, now)
	silent := c.down(now)
	switch t := w.trouble; {
	case c.Role != Partner && silent != l.silent:
		w.logFigures(slog.LevelInfo, map[bool]string{true: t.silent.What, false: t.silent.Over}[silent], l)
	case c.Role != Partner:
	case silent && !l.silent:
		w.fellSilent(l)
		t.silent.Met("", l.figures()...)
	case !silent && !c.Heard.IsZero() && t.silent.Lasts():
		t.silent.Well(l.figures()...)
	}
	if c.Role == Partner && !silent && !c.Heard.IsZero() {
		w.heardAgain(l)
	}
	if c.Role == Partner && c.Phase == Up && now.Sub(c.Since) >= holds {
		w.trouble.brief.Well("peer", l.peer, "call_id", l.callID)
	}
	l.silent = silent
	if c.Role == Partner && w.state.Online && l.dialog != nil && (l.told != silent || l.untold) && now.After(l.tellAt) {
		w.report(l)
	}
}
