package proxy

import (
	"slices"
	"time"

	"ewindow/registrar/flow"
	"ewindow/registrar/location"
)

// A locator finds the flow on which somebody is to be reached. It has no state: the table of locations has.
type locator struct {
	table *location.Table
	flows interface {
		Alive(location.Flow) bool
		Heard(location.Flow) bool
	}
	udp bool // there is a UDP socket
}

// reach is the binding over which an account is called: the one that registered last and whose flow is alive. One is
// enough: a space has one window. Several are called as a group of the plan alone.
func (l *locator) reach(account string, now time.Time) (location.Binding, verdict) {
	return l.reachBy(account, now, nil, func(location.Binding) verdict { return verdict{} })
}

// reachBy is reach among the bindings that will do. If none will, the verdict is that on the last registered. Where flows have
// been tried in vain, it is the next flow of the same device (RFC 5626 §5.3); two of one device are never called at once.
func (l *locator) reachBy(account string, now time.Time, tried []location.Flow, will func(location.Binding) verdict) (location.Binding, verdict) {
	bindings := l.table.Lookup(account, now)
	why := vNotHere
	if len(bindings) > 0 {
		why = vFlowFailed
	}
	for i, b := range l.ready(sameDevice(bindings, tried)) {
		v := will(b)
		if v.status == 0 {
			return b, v
		}
		if i == 0 {
			why = v
		}
	}
	return location.Binding{}, why
}

// sameDevice is the bindings that are left of the device that has flows which were tried; all if there are none.
func sameDevice(bindings []location.Binding, tried []location.Flow) []location.Binding {
	if len(tried) == 0 {
		return bindings
	}
	device := ""
	for _, b := range bindings {
		if slices.Contains(tried, b.Flow) {
			device = b.Instance
		}
	}
	return slices.DeleteFunc(bindings, func(b location.Binding) bool {
		return device == "" || b.Instance != device || slices.Contains(tried, b.Flow)
	})
}

// ready is those bindings whose flows are alive, in their order; those on which nothing comes any more, though it should, are last.
func (l *locator) ready(bindings []location.Binding) []location.Binding {
	bindings = slices.DeleteFunc(bindings, func(b location.Binding) bool { return !l.alive(b) })
	slices.SortStableFunc(bindings, func(a, b location.Binding) int { return l.doubt(a) - l.doubt(b) })
	return bindings
}

func (l *locator) doubt(b location.Binding) int {
	if l.flows.Heard(b.Flow) {
		return 0
	}
	return 1
}

// there says whether an account could be called now, and would hear it: what people and their monitoring are told. A call
// is tried as long as there is a flow.
func (l *locator) there(account string, now time.Time) bool {
	b, v := l.reach(account, now)
	return v.status == 0 && l.flows.Heard(b.Flow)
}

// hears says whether the other side of a dialog would hear what is sent in it.
func (l *locator) hears(d half) bool {
	f, ok := l.peer(d)
	return ok && l.flows.Heard(f)
}

// across is the way to the other side of a dialog: the flow that its contact is registered on now (a window keeps its
// contact over reconnections), else the one that it was on when it was last heard (RFC 5626 §5.3), else another one of
// the same device, or, if it has no name, of the account. It is none of those that were tried in vain.
func (l *locator) across(account, contact string, last location.Flow, tried ...location.Flow) (location.Flow, bool) {
	now, device := time.Now(), ""
	at := l.table.At(account, contact, now)
	if len(at) > 0 {
		device = at[len(at)-1].Instance
	}
	untried := func(f location.Flow) bool { return !slices.Contains(tried, f) }
	for _, b := range l.ready(at) {
		if untried(b.Flow) {
			return b.Flow, true
		}
	}
	if untried(last) && (last.Transport != flow.UDP || l.udp) && l.flows.Alive(last) {
		return last, true
	}
	for _, b := range l.ready(l.table.Lookup(account, now)) {
		if untried(b.Flow) && (device == "" || b.Instance == device) {
			return b.Flow, true
		}
	}
	return location.Flow{}, false
}

func (l *locator) alive(b location.Binding) bool {
	return !b.Lost && l.flows.Alive(b.Flow) && (b.Flow.Transport != flow.UDP || l.udp)
}

// peer is the way to the other side of a dialog of ours.
func (l *locator) peer(d half) (location.Flow, bool) {
	return l.across(d.account, d.Target.String(), d.flow)
}
