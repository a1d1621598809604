package main

import (
	"context"
	"time"

	"ewindow/endpoint/status"
)

const (
	lookEvery   = 200 * time.Millisecond // at a window's status
	figureEvery = 5 * time.Second        // a line of figures for each call
)

// teller says what changes at a window, from one status to the next.
type teller struct {
	say     func(format string, args ...any)
	before  status.Status
	figures time.Time // when they were told last
}

// tell asks a window how it is doing until ctx ends, and says what changes.
func tell(ctx context.Context, ask func() (status.Status, error), say func(format string, args ...any)) {
	t := &teller{say: say}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s, err := ask(); err == nil { // it may not be up yet
			t.take(s)
		}
	}
}

func (t *teller) take(s status.Status) {
	b := &t.before
	switch {
	case s.Registration.Online && !b.Registration.Online:
		t.say("registered")
	case !s.Registration.Online && s.Registration.Why != "" && (b.Registration.Online || s.Registration.Why != b.Registration.Why):
		t.say("the registrar is away: %s", s.Registration.Why)
	}
	if s.Plan.Received != b.Plan.Received {
		t.say("plan received, good until %s", s.Plan.Until.Format(time.DateOnly))
	}
	t.devices(s)
	t.past(s)
	t.calls(s)
	t.before = s
}

func (t *teller) devices(s status.Status) {
	was := map[string]status.Device{}
	for _, d := range t.before.Devices {
		was[d.Role] = d
	}
	for _, d := range s.Devices {
		b := was[d.Role]
		switch {
		case d.Failures > b.Failures:
			t.say("%s failed: %s", d.Role, d.Failure)
		case d.Since != b.Since && d.Encoder != "":
			t.say("%s: %s, encoder %s", d.Role, d.Device, d.Encoder)
		case d.Since != b.Since:
			t.say("%s: %s", d.Role, d.Device)
		}
		if d.Missing != b.Missing && d.Missing != "" {
			t.say("%s: %s", d.Role, d.Missing)
		}
	}
}

func (t *teller) past(s status.Status) {
	var latest time.Time
	if n := len(t.before.Past); n > 0 {
		latest = t.before.Past[n-1].Ended
	}
	for _, p := range s.Past {
		switch {
		case !p.Ended.After(latest):
		case p.Up.IsZero() && s.Call(p.Peer) != nil: // calls crossed, and one stays
		case p.Up.IsZero():
			t.say("no call with %s: %s", p.Peer, p.Why)
		default:
			t.say("closed: %s", p.Why)
		}
	}
}

func (t *teller) calls(s status.Status) {
	type key struct {
		peer  string
		since time.Time
	}
	was := map[key]bool{}
	for _, c := range t.before.Calls {
		was[key{c.Peer, c.Since}] = true
	}
	tellFigures := time.Since(t.figures) >= figureEvery
	for _, c := range s.Calls {
		switch known := was[key{c.Peer, c.Since}]; {
		case c.Up && !known:
			t.say("open onto %s since %s: %s", c.Peer, c.Since.Local().Format(time.TimeOnly), c.Media)
			t.figures = time.Now()
		case c.Ours && !known:
			t.say("calls %s", c.Peer)
		case c.Up && tellFigures:
			f := c.Figures
			t.say("%v fps in, %v out; %v kbit/s in, %v out; loss %v %%; round trip %v ms",
				f.FPSIn, f.FPSOut, f.KbpsIn, f.KbpsOut, f.Loss, f.RTT)
			t.figures = time.Now()
		}
	}
}
