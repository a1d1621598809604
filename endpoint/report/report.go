// Package report says what a window tells its registrar of itself, and when: with each registration, and soon after something that an
// operator asks for is another one.
//
//	window.Status ──▶ Of ──▶ Reporter.Body ──▶ REGISTER (endpoint/agent)
//	                    └──▶ Reporter.Run: news? ──▶ agent.TellHealth
//
// What drivers and files say stays on the machine: it may quote the window's file, and there a camera's password. What is told are the
// program's own words, names of accounts, and numbers.
package report

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"ewindow/endpoint/status"
	"ewindow/registrar/signal/health"
)

const (
	look   = 2 * time.Second // how often it is looked whether there is news
	least  = 5 * time.Second // between two tellings for news
	recent = time.Minute     // loss is that of the last one to two of these
)

// Of is what a window tells of its status. Loss is that since before; nil: of the whole call.
func Of(s status.Status, since *status.Call) health.Health {
	h := health.Health{
		Version: s.Version, Clock: s.At.UTC(), Up: s.At.Sub(s.Started).Seconds(), Trust: s.Keys.State,
	}
	for _, d := range s.Devices {
		if d.Role == "camera" {
			h.Encoder = d.Encoder
		}
		if down, busy := d.On && d.Down, d.On && d.Busy != ""; d.Missing != "" || down || busy {
			h.Devices = append(h.Devices, health.Device{Role: d.Role, Missing: d.Missing, Down: down, Busy: busy, Failures: float64(d.Failures)})
		}
	}
	if c := s.Main(); c != nil {
		h.Call = call(c, s.At, since)
	}
	if f := s.LastFault(); f != nil {
		h.Fault = &health.Fault{What: f.What, Ago: s.At.Sub(f.Began).Seconds(), Lasted: f.Lasted(s.At).Seconds(), By: f.By, Before: float64(f.Before)}
	}
	return h
}

func call(c *status.Call, now time.Time, since *status.Call) *health.Call {
	f := c.Figures
	if since != nil && since.ID == c.ID && since.Figures.Expected <= f.Expected {
		b := &since.Figures
		f.Expected, f.Missed, f.Gone = f.Expected-b.Expected, f.Missed-min(b.Missed, f.Missed), f.Gone-min(b.Gone, f.Gone)
	}
	return &health.Call{
		Peer: c.Peer, State: state(c), For: now.Sub(c.Since).Seconds(), Path: c.Path, Keys: c.Keys,
		Loss: f.LossBefore(), Gone: f.LossAfter(), RTT: f.RTT, FPSIn: f.FPSIn, KbpsIn: f.KbpsIn, KbpsOut: f.KbpsOut,
	}
}

func state(c *status.Call) string {
	switch {
	case !c.Up:
		return health.Trying
	case !c.Silent.IsZero():
		return health.Silent
	case c.NoVideo:
		return health.Heard
	case c.Blank:
		return health.Blank
	}
	return health.Picture
}

// A Reporter tells the registrar of a window. Its fields are set before its first use.
type Reporter struct {
	Now  func() status.Status
	Tell func() // has Body asked for soon, with a REGISTER

	mu           sync.Mutex
	told         string    // what was news then
	at           time.Time // when it was told
	older, newer *status.Call
	marked       time.Time // when newer was
}

// Body is what a REGISTER tells now. What does not fit is not told: it costs no registration. Without Now there is no window: the doctor
// registers too.
func (r *Reporter) Body() []byte {
	if r.Now == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.Now()
	h := Of(s, r.older)
	b, err := health.Encode(h)
	if err != nil {
		return nil
	}
	r.told, r.at = news(h), s.At
	return b
}

// Run has the registrar told of what is news until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if r.look() {
				r.Tell()
			}
		}
	}
}

// look says whether there is something to tell.
func (r *Reporter) look() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.Now()
	r.mark(&s)
	return s.Registration.Online && s.At.Sub(r.at) >= least && news(Of(s, nil)) != r.told
}

// mark notes where the counters of the call stand, so that loss is that of the last minutes.
func (r *Reporter) mark(s *status.Status) {
	c := s.Main()
	switch {
	case c == nil:
		r.older, r.newer, r.marked = nil, nil, time.Time{}
	case r.newer == nil || r.newer.ID != c.ID:
		r.older, r.newer, r.marked = nil, c, s.At
	case s.At.Sub(r.marked) >= recent:
		r.older, r.newer, r.marked = r.newer, c, s.At
	}
}

// news is what is told at once when it is another one: all but what changes all the time.
func news(h health.Health) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q", h.Version, h.Encoder, h.Trust)
	for _, d := range h.Devices {
		fmt.Fprintf(&b, " %q %q %t %t", d.Role, d.Missing, d.Down, d.Busy)
	}
	if c := h.Call; c != nil {
		fmt.Fprintf(&b, " call %q %q %q %q", c.Peer, c.State, c.Path, c.Keys)
	}
	if f := h.Fault; f != nil {
		fmt.Fprintf(&b, " fault %q %q %v", f.What, f.By, f.Before)
	}
	return b.String()
}
