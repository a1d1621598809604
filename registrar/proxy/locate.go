package proxy

import (
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
	bindings := l.table.Lookup(account, now)
	for _, b := range bindings {
		if !b.Lost && l.flows.Alive(b.Flow) {
			return b, verdict{}
		}
	}
	if len(bindings) > 0 {
		return location.Binding{}, vFlowFailed
	}
	return location.Binding{}, vNotHere
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
// contact over reconnections), else the one that it was on when it was last heard (RFC 5626 §5.3).
func (l *locator) across(account, contact string, last location.Flow) (location.Flow, bool) {
	for _, b := range l.table.At(account, contact, time.Now()) {
		if !b.Lost && l.flows.Alive(b.Flow) {
			return b.Flow, true
		}
	}
	if last.Transport == flow.UDP && !l.udp {
		return location.Flow{}, false
	}
	return last, l.flows.Alive(last)
}

// peer is the way to the other side of a dialog of ours.
func (l *locator) peer(d half) (location.Flow, bool) {
	return l.across(d.account, d.Target.String(), d.flow)
}
