package window

import (
	"slices"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media/engine/protocol"
)

// history is what did not work lately and what repaired it, for Status: the log has it for people, and nobody reads that to answer a question.
// The loop owns it.
type history struct{ all []*ill }

// An ill is one thing that did not work, or does not.
type ill struct {
	status.Fault
	about string // one of those below, or a role

	// Of a line: the call in which it fell silent, as that was then.
	leg    string
	agreed int
	path   string
}

const (
	aboutRegistrar = "registrar"
	aboutCall      = "call"
	aboutLine      = "line"
	aboutKeys      = "keys"
	aboutEncoder   = "encoder"
	aboutLack      = "lack of " // and a role
)

// again is how soon after its end a fault that comes is the same one.
const again = 10 * time.Minute

// lasting is what is wrong now about something, or nil.
func (h *history) lasting(about string) *ill {
	for _, i := range h.all {
		if i.about == about && i.Over.IsZero() {
			return i
		}
	}
	return nil
}

// begin notes that something does not work. What lasts already is noted once, with what is said of it now.
func (h *history) begin(about, what, why string) *ill {
	now := time.Now()
	if i := h.lasting(about); i != nil {
		i.What, i.Why = what, why
		return i
	}
	i := &ill{about: about, Fault: status.Fault{What: what, Why: why, Began: now}}
	before := slices.IndexFunc(h.all, func(o *ill) bool { return o.about == about && o.What == what && now.Sub(o.Over) < again })
	if before >= 0 { // one that comes and goes leaves room for others
		i.Before = h.all[before].Before + 1
		h.all = slices.Delete(h.all, before, before+1)
	}
	if len(h.all) == status.MaxFaults {
		oldest := max(0, slices.IndexFunc(h.all, func(o *ill) bool { return !o.Over.IsZero() }))
		h.all = slices.Delete(h.all, oldest, oldest+1)
	}
	h.all = append(h.all, i)
	return i
}

// over notes that it works, and by what.
func (h *history) over(about, by string) {
	if i := h.lasting(about); i != nil {
		i.Over, i.By = time.Now(), by
	}
}

// status is a copy.
func (h *history) status() (all []status.Fault) {
	for _, i := range h.all {
		all = append(all, i.Fault)
	}
	return all
}

// fellSilent notes that nothing comes in a call with the partner.
func (w *Window) fellSilent(l *leg) {
	i := w.history.begin(aboutLine, "line to "+l.peer+" silent", "")
	path, _ := l.path()
	i.leg, i.agreed, i.path = l.id, l.agreed, path
}

// heardAgain notes that something comes in a call with the partner, and by what it does if nothing did.
func (w *Window) heardAgain(l *leg) {
	i := w.history.lasting(aboutLine)
	if i == nil {
		return
	}
	path, _ := l.path()
	by := "itself"
	switch {
	case i.leg != l.id:
		by = "a new call"
	case i.path != path:
		by = "another way, " + path
	case i.agreed != l.agreed:
		by = "a re-INVITE"
	}
	w.history.over(aboutLine, by)
}

// notReached notes that a call to the partner came to nothing. One that was to replace a silent one is part of that fault.
func (w *Window) notReached(l *leg, why string) {
	line := w.history.lasting(aboutLine)
	switch {
	case !w.isPartner(l):
	case line != nil:
		line.Why = why
	default:
		w.history.begin(aboutCall, l.peer+" not reached", why)
	}
}

// settled notes what is no fault any more, since it is not wanted now.
func (w *Window) settled(now time.Time) {
	if w.state.partner(now) == nil {
		for _, about := range []string{aboutCall, aboutLine, aboutKeys} {
			w.history.over(about, "the plan: nobody is to be seen")
		}
	}
	camera, sound := w.stage.on()
	for role, on := range map[protocol.Role]bool{protocol.Camera: camera, protocol.Sound: sound} {
		if !on {
			w.history.over(string(role), "nothing: it is not needed now")
		}
	}
}

// encoderFault notes that an encoder failed in use, which is over when that is heard of: another one has its place. before is the one that
// was avoided before.
func (w *Window) encoderFault(before string, e *protocol.Event) {
	if e.Avoided != "" && e.Avoided != before {
		w.history.begin(aboutEncoder, "encoder "+e.Avoided+" failed", e.Text)
		w.history.over(aboutEncoder, e.Encoder)
	}
}

// deviceFault notes how a device does.
func (w *Window) deviceFault(role protocol.Role, e *protocol.Event, why string) {
	name := string(role)
	switch e.Kind {
	case protocol.Failed:
		w.history.begin(name, name+" failed", e.Text)
	case protocol.Ready:
		w.history.over(name, "a new process")
		if e.Lacks != "" {
			w.history.begin(aboutLack+name, e.Lacks, why)
		} else {
			w.history.over(aboutLack+name, "a device that is there")
		}
	}
}
