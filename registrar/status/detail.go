package status

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"ewindow/registrar/signal/health"
	"ewindow/registrar/signal/plain"
)

// Detail is all that is known of one account, for people.
func (s Status) Detail(name string, zone *time.Location) string {
	p := page{s: &s, zone: zone}
	a := s.Account(name)
	if a == nil {
		return ""
	}
	is, since := p.is(a)
	if at := p.when(since); at != "" {
		is += " since " + at
	}
	switch a.Role {
	case "space":
		p.about(a.Name, "a space; should be %s; is %s", a.should(), is)
	case "phone":
		p.about(a.Name, "a phone; %s", is)
	default:
		p.about(a.Name, "not in the plan; %s", is)
	}
	for _, note := range p.notes(a) {
		p.about("!", "%s", note)
	}
	if a.Probation != nil {
		p.about("probation", "until confirmed%s; its sponsor: %s", before(", since ", p.when(a.Probation.Since)), cmp.Or(a.Probation.Sponsor, "not known"))
	}
	for _, b := range a.live() {
		p.about("address", "%s (%s), registered since %s, renewed %s, until %s", b.Peer, b.Transport, p.when(b.Since), p.when(b.Updated), p.when(b.Expires))
	}
	if a.Health != nil {
		p.health(a.Health)
	} else if a.Role == "space" && len(a.live()) > 0 {
		p.about("window", "it tells nothing of itself: its program is an older one")
	}
	if a.Words != "" {
		p.about("key", "%s", a.Words)
	}
	if a.Last != nil {
		p.about("last", "%s: %s", p.when(a.Last.At), a.Last.What)
	}
	of := s.Of(name)
	for _, u := range of.Subscriptions {
		waits := ""
		if u.Waits {
			waits = "; there is no way to tell it"
		}
		p.about("told of", "%s%s%s", u.Event, before(", last ", p.when(u.Sent)), waits)
	}
	p.s = &of
	p.calls(MaxPast)
	return plain.Page(p.b.String())
}

func (p *page) about(what, format string, args ...any) {
	const indent = 12
	if len(what) >= indent {
		what += " "
	}
	p.b.WriteString(plain.Wrap(what, fmt.Sprintf(format, args...), indent))
}

// health is what a window told of itself.
func (p *page) health(h *Health) {
	p.about("window", "%s%s; told %s", cmp.Or(h.Version, "version not told"), before(", running since ", p.when(ago(h, h.Up))), p.when(h.Told))
	encoder := cmp.Or(h.Encoder, "none was needed yet")
	p.about("encoder", "%s", encoder)
	var devices []string
	for i := range h.Devices {
		d := &h.Devices[i]
		text := d.Role + ": " + d.Lacks()
		if d.Failures > 0 {
			text += fmt.Sprintf(", failed %v times", d.Failures)
		}
		devices = append(devices, text)
	}
	p.about("devices", "%s", cmp.Or(strings.Join(devices, "; "), "none is missing"))
	if c := h.Call; c != nil {
		p.about("sees", "%s since %s: %s", c.Peer, p.when(ago(h, c.For)), sees[c.State])
		p.about("line", "%skeys: %s%s", after(before("by ", c.Path), "; "), cmp.Or(c.Keys, "none yet"), before(", ", h.Trust))
		p.about("", "in %v pictures/s, %v kbit/s; out %v kbit/s; lost %v %% on the way, %v %% for good%s", c.FPSIn, c.KbpsIn, c.KbpsOut, c.Loss, c.Gone, trip(c))
	}
	if math.Abs(h.ClockOff) >= clockOff {
		p.about("clock", "%s", off(h.ClockOff))
	}
	p.fault(h)
}

func (p *page) fault(h *Health) {
	f := h.Fault
	if f == nil {
		p.about("fault", "none yet")
		return
	}
	lasted := time.Duration(f.Lasted * float64(time.Second)).String()
	if f.Lasted >= 10 {
		lasted = time.Duration(f.Lasted * float64(time.Second)).Round(time.Second).String()
	}
	text := fmt.Sprintf("%s: %s", p.when(ago(h, f.Ago)), f.What)
	if f.By == "" {
		text += ", still so after " + lasted
	} else {
		text += " for " + lasted + "; repaired by " + f.By
	}
	if f.Before > 0 {
		text += fmt.Sprintf("; %v times shortly before", f.Before)
	}
	p.about("fault", "%s", text)
}

// sees is what the states of a call are in words.
var sees = map[string]string{
	health.Trying: "not answered yet", health.Picture: "its picture", health.Blank: "no picture, though one was agreed on",
	health.Heard: "no pictures were agreed on", health.Silent: "nothing comes",
}

// ago is when something was, so many seconds before a window told of it.
func ago(h *Health, seconds float64) time.Time {
	return h.Told.Add(-time.Duration(seconds * float64(time.Second)))
}

func trip(c *health.Call) string {
	if c.RTT == 0 {
		return ""
	}
	return fmt.Sprintf("; round trip %v ms", c.RTT)
}

// before is a text with something before it; empty if there is none.
func before(what, text string) string {
	if text == "" {
		return ""
	}
	return what + text
}

// after is the same behind it.
func after(text, what string) string {
	if text == "" {
		return ""
	}
	return text + what
}
