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
	return l.reachBy(account, now, func(location.Binding) verdict { return verdict{} })
}

// reachBy is reach among the bindings that will do. If none will, the verdict is that on the last registered.
func (l *locator) reachBy(account string, now time.Time, will func(location.Binding) verdict) (location.Binding, verdict) {
	bindings := l.table.Lookup(account, now)
	why := vNotHere
	if len(bindings) > 0 {
		why = vFlowFailed
	}
	for i, b := range slices.DeleteFunc(bindings, func(b location.Binding) bool { return !l.alive(b) }) {
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
// the same device, or, if it has no name, of the account.
func (l *locator) across(account, contact string, last location.Flow) (location.Flow, bool) {
	now, device := time.Now(), ""
	for _, b := range l.table.At(account, contact, now) {
		if l.alive(b) {
			return b.Flow, true
		}
		device = b.Instance
	}
	if (last.Transport != flow.UDP || l.udp) && l.flows.Alive(last) {
		return last, true
	}
	for _, b := range l.table.Lookup(account, now) {
		if l.alive(b) && (device == "" || b.Instance == device) {
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
