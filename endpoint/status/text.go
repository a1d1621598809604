package status

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Text is the status for people, in their time zone.
func (s Status) Text(zone *time.Location) string {
	t := text{s: &s, zone: zone}
	t.line("window", "%s, running since %s", s.Space, t.when(s.Started))
	t.registration()
	t.plan()
	t.keys()
	for i := range s.Calls {
		t.call(&s.Calls[i])
	}
	if len(s.Calls) == 0 {
		t.line("call", "none")
	}
	for i := range s.Devices {
		t.device(&s.Devices[i])
	}
	t.line("shows", "%s", s.shows())
	for i := len(s.Past) - 1; i >= 0; i-- {
		t.past(&s.Past[i])
	}
	return t.b.String()
}

// shows is what people see: nothing while the screen's process is down, whatever it is to show.
func (s *Status) shows() string {
	for i := range s.Devices {
		if d := &s.Devices[i]; d.Role == "screen" && d.Down {
			return "nothing: " + d.Failure
		}
	}
	says := "the picture of " + s.Screen.Title
	if !s.Screen.Picture {
		says = join(" | ", s.Screen.Title, s.Screen.Reason, s.Screen.Next)
	}
	return join(" | ", says, strings.ReplaceAll(s.Screen.Notice, "\n", " | "))
}

type text struct {
	s    *Status
	zone *time.Location
	b    strings.Builder
}

func (t *text) line(key, format string, args ...any) {
	fmt.Fprintf(&t.b, "%-11s %s\n", key, fmt.Sprintf(format, args...))
}

// when writes a time, today's without the day.
func (t *text) when(at time.Time) string {
	if at.IsZero() {
		return "?"
	}
	at, now := at.In(t.zone), t.s.At.In(t.zone)
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format("Mon 2 Jan 15:04")
}

func (t *text) registration() {
	r := &t.s.Registration
	switch {
	case r.Online:
		before := ""
		if r.Why != "" {
			before = "before that: " + r.Why
		}
		t.line("registrar", "%s", join("; ", "registered since "+t.when(r.Since), before))
	case r.Since.IsZero():
		t.line("registrar", "not reached yet")
	default:
		t.line("registrar", "away since %s: %s", t.when(r.Since), r.Why)
	}
	for _, w := range r.Ways {
		switch {
		case w.Online:
			t.line("", "by %s since %s", w.Registrar, t.when(w.Since))
		case w.Why != "":
			t.line("", "not by %s since %s: %s", cmp.Or(w.Registrar, "its other address"), t.when(w.Since), w.Why)
		}
	}
}

func (t *text) plan() {
	p := &t.s.Plan
	if p.Received.IsZero() {
		t.line("plan", "none yet")
		return
	}
	state := "closed"
	switch {
	case p.Partner != "":
		state = "open onto " + p.Partner
	case p.Open:
		state = "open, nobody to see"
	}
	next := ""
	if !p.Next.At.IsZero() {
		next = "from " + t.when(p.Next.At) + " onto " + cmp.Or(p.Next.Partner, "nobody")
	}
	t.line("plan", "%s", join("; ", state, next, "known until "+t.when(p.Until), "received "+t.when(p.Received)+", revision "+p.Revision))
	if p.Problem != "" {
		t.line("", "it is not on disk: %s", p.Problem)
	}
}

func (t *text) keys() {
	k := &t.s.Keys
	if k.Words == "" {
		return
	}
	t.line("keys", "%s", join("; ", "this window: "+k.Words, k.Refused))
	switch k.State {
	case "":
	case "confirmed", "confirmed here, not yet there":
		t.line("", "%s: %s; %s; here %s by %s", k.Partner, k.Theirs, k.State, t.when(k.Confirmed), k.By)
	case "changed":
		t.line("", "%s: %s; changed to %s: no picture until someone here confirms it: ewindow trust %s", k.Partner, k.Theirs, k.Offered, k.Partner)
	default:
		t.line("", "%s: %s; %s: ewindow trust %s", k.Partner, k.Theirs, k.State, k.Partner)
	}
}

func (t *text) call(c *Call) {
	state := "we call since "
	switch {
	case c.Up:
		state = "up since "
	case !c.Ours:
		state = "calls us since "
	}
	state += t.when(c.Since)
	flags := ""
	for _, f := range []struct {
		on   bool
		word string
	}{{c.Leaving, "being replaced"}, {c.Held, "on hold"}, {c.NoVideo || c.Blank && !c.Starved, "sends no picture"},
		{c.Starved, "the line has no room for its pictures"}, {!c.Hidden.IsZero(), "so it does not see us"}} {
		if f.on {
			flags = join(", ", flags, f.word)
		}
	}
	if c.Figures.Refused != "" {
		flags = join(", ", flags, "its pictures are refused: "+c.Figures.Refused)
	}
	if !c.Silent.IsZero() {
		flags = join(", ", flags, "silent since "+t.when(c.Silent))
	}
	way := ""
	switch {
	case c.Path != "":
		way = "by " + c.Path
	case c.Tried != "":
		way = "no way through the routers yet; tried " + c.Tried
	}
	t.line("call", "%s", join("; ", c.Role+" "+c.Peer+" ("+c.Name+")", state, c.Media, way, flags))
	if c.Unanswered != "" {
		t.line("", "%s", c.Unanswered)
	}
	if f := &c.Figures; c.Up {
		trip := ""
		if f.RTT != 0 {
			trip = fmt.Sprintf("round trip %v ms", f.RTT)
		}
		t.line("", "%s", join("; ", fmt.Sprintf("in %v pictures/s, %v kbit/s, loss %v %%", f.FPSIn, f.KbpsIn, f.Loss),
			fmt.Sprintf("out %v pictures/s, %v kbit/s", f.FPSOut, f.KbpsOut)+may(c), trip))
		t.line("", "%s", join("; ", fmt.Sprintf("missed %d packets (%v %%), %d for good (%v %%)", f.Missed, f.LossBefore(), f.Gone, f.LossAfter()),
			fmt.Sprintf("stood still %d times, %v s in all", f.Freezes, f.Frozen), waits(f)))
		t.line("", "%s", join("; ", fmt.Sprintf("sound: %d frames of %d concealed, %d more came with later packets", f.Concealed, f.SoundIn, f.Recovered),
			fmt.Sprintf("waits %v ms for what comes unevenly", f.SoundDelay), drifts(f)))
		t.line("", "repair: %d packets sent again, %d came again; %d repair packets sent, %d packets mended; %d copies of each frame of sound; all that is %v %% of what we send",
			f.Resent, f.Repairs, f.Parity, f.Mended, f.Copies, f.Redundancy)
	}
}

// may is what our pictures are, and may take.
func may(c *Call) string {
	if c.Figures.Budget == 0 {
		return ""
	}
	return fmt.Sprintf(" of %d, the encoder makes %v (%s)", c.Figures.Budget, c.Figures.Encoded, c.Sends)
}

// drifts is how the clock of their sound goes.
func drifts(f *Figures) string {
	if f.DriftPPM == 0 {
		return ""
	}
	return fmt.Sprintf("their clock is off by %v ppm", f.DriftPPM)
}

// waits is what is late, and why.
func waits(f *Figures) string {
	if f.Delay == 0 && f.Queue < 1 {
		return ""
	}
	return fmt.Sprintf("waits %v ms for repair here, %v ms in queues there", f.Delay, f.Queue)
}

func (t *text) device(d *Device) {
	encoder, failures := "", ""
	if d.Encoder != "" {
		encoder = "encoder " + d.Encoder
	}
	switch {
	case d.Failures == 1:
		failures = "its process failed at " + t.when(d.Failed) + ": " + d.Failure
	case d.Failures > 1:
		failures = fmt.Sprintf("its process failed %d times, last at %s: %s", d.Failures, t.when(d.Failed), d.Failure)
	}
	state := ""
	switch {
	case !d.On:
		state = "off"
	case d.Down:
		state = "down, a new process is on its way"
	}
	echo := ""
	if d.EchoMS != 0 {
		echo = fmt.Sprintf("echo comes after %v ms", d.EchoMS)
	}
	if d.ERLE != 0 {
		echo += fmt.Sprintf(" and is weakened by %v dB", d.ERLE)
	}
	if d.GainDB != 0 {
		echo = join("; ", echo, fmt.Sprintf("the microphone is amplified by %v dB", d.GainDB))
	}
	if d.DriftPPM != 0 {
		echo = join("; ", echo, fmt.Sprintf("the microphone's clock is off by %v ppm", d.DriftPPM))
	}
	if d.Howls != 0 {
		echo = join("; ", echo, fmt.Sprintf("howling stopped %d times", d.Howls))
	}
	t.line(d.Role, "%s", join("; ", state, d.Device, encoder, d.Busy, echo, join(": ", d.Missing, d.Reason), failures, d.Why))
}

func (t *text) past(p *PastCall) {
	who := "call of " + p.Peer
	if p.Ours {
		who = "call to " + p.Peer
	}
	length := ""
	if !p.Up.IsZero() {
		length = "up for " + p.Ended.Sub(p.Up).Round(time.Second).String()
	}
	status := ""
	if p.Status != 0 {
		status = fmt.Sprint(p.Status)
	}
	times := ""
	if p.Before > 0 {
		times = fmt.Sprintf("%d like it before", p.Before)
	}
	t.line("past", "%s: %s", t.when(p.Ended), join("; ", who, length, join(" ", status, p.Why), times))
}

func join(between string, parts ...string) string {
	var full []string
	for _, p := range parts {
		if p != "" {
			full = append(full, p)
		}
	}
	return strings.Join(full, between)
}
