package agent

import (
	"context"
	"fmt"
	"time"
)

// A standing is how one of the ways to the registrar stands. Agent.mu guards it.
type standing struct {
	flow    *flow     // registered; nil without one
	err     error     // why there is none; nil before the first try has ended
	refused bool      // the registrar answers there, and refuses us
	since   time.Time // when it became so
}

// A Way is one of two ways to the registrar, at a moment.
type Way struct {
	Registrar string    // address that was reached last; empty before that
	Online    bool      // registered by it
	Since     time.Time // when it became so
	Err       error     // why it is not
}

// stands notes how a way stands, and tells what that makes of the whole: the window is online while one of its ways is.
func (a *Agent) stands(r *registration, now standing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.flow == r.flow && now.refused == r.refused && text(now.err) == text(r.err) {
		return
	}
	now.since = time.Now()
	if (now.flow == nil) == (r.flow == nil) && !r.since.IsZero() {
		now.since = r.since
	}
	r.standing = now
	close(a.changed)
	a.changed = make(chan struct{})
	a.tell()
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// tell reports what is news. a.mu is held.
func (a *Agent) tell() {
	if len(a.ways) > 1 {
		ways := Ways{}
		for _, r := range a.ways {
			ways.Ways = append(ways.Ways, Way{Registrar: r.at, Online: r.flow != nil, Since: r.since, Err: r.err})
		}
		a.events.put(ways)
	}
	online, tried := false, true
	for _, r := range a.ways {
		online = online || r.flow != nil
		tried = tried && (r.flow != nil || r.err != nil)
	}
	switch {
	case online && !a.online:
		a.online, a.told = true, ""
		a.events.put(Online{})
	case online, !a.online && !tried: // at the beginning the first way that fails says nothing about the other
	default:
		if err, refused := a.why(); a.online || a.told != err.Error() {
			a.online, a.told = false, err.Error()
			a.events.put(Offline{Err: err, Refused: refused})
		}
	}
}

// why is why no way is there. a.mu is held.
func (a *Agent) why() (err error, refused bool) {
	for i, r := range a.ways {
		refused = refused || r.refused
		switch {
		case r.err == nil || text(err) == text(r.err):
		case i == 0 || err == nil:
			err = r.err
		default:
			err = fmt.Errorf("%w; by the other address: %w", err, r.err)
		}
	}
	return err, refused
}

// opened notes the connection of a way, unless it leads where that of the other one does: then the two would fail together, and
// the SIP stack could not tell them apart.
func (a *Agent) opened(r *registration, f *flow) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, other := range a.ways {
		if other != r && other.open != nil && other.open.alive() && other.open.remote.String() == f.remote.String() {
			return fmt.Errorf("both addresses of the registrar lead to %s; give it another one, or leave the second out", f.remote)
		}
	}
	r.open, r.at = f, f.remote.String()
	return nil
}

// currentFlow is a registered flow that lives, of the first way if nothing speaks against that, or nil.
func (a *Agent) currentFlow() *flow {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live()
}

// live is currentFlow. a.mu is held.
func (a *Agent) live() (doubted *flow) {
	for _, r := range a.ways {
		switch {
		case r.flow == nil || !r.flow.alive():
		case !r.flow.doubted.Load():
			return r.flow
		case doubted == nil:
			doubted = r.flow
		}
	}
	return doubted
}

// RegistrarAt is the address at which the registrar is reached now; empty while it is not.
func (a *Agent) RegistrarAt() string {
	if f := a.currentFlow(); f != nil {
		return f.remote.String()
	}
	return ""
}

// waitFlow is currentFlow, the next one if there is none now.
func (a *Agent) waitFlow(ctx context.Context) (*flow, error) {
	for {
		a.mu.Lock()
		f, changed := a.live(), a.changed
		a.mu.Unlock()
		if f != nil {
			return f, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ErrOffline
		case <-a.stop:
			return nil, ErrOffline
		}
	}
}
