package window

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"ewindow/dialplan/programme"
)

// programmes are plans between which a window may be thrown about.
func programmes(space string) []*programme.Programme {
	usual := plan(space)
	otherPartner, otherCaller, noPhones, closed, over := *usual, *usual, *usual, *usual, *usual
	otherPartner.Links = slices.Clone(usual.Links)
	otherPartner.Links[0].Partner, otherPartner.Links[0].PartnerName = "potsdam", "potsdam"
	otherPartner.Links[0].Caller = "potsdam"
	otherCaller.Links = slices.Clone(usual.Links)
	otherCaller.Links[0].Caller = "munich"
	noPhones.Phones = nil
	closed.Open, closed.Links = nil, nil
	over.Until = nine.Add(2 * time.Hour)
	over.Open = []programme.Span{{From: nine, Until: over.Until}}
	over.Links = slices.Clone(usual.Links[:1])
	over.Links[0].Until = over.Until
	return []*programme.Programme{restless(space), restless(space), restless(space), usual, &otherPartner, &otherCaller, &noPhones, &closed, &over}
}

// restless changes the partner every few minutes, pauses, and closes now and then.
func restless(space string) *programme.Programme {
	p := *plan(space)
	p.Links, p.Open = nil, nil
	usual := plan(space).Links
	for at := nine; at.Before(nine.Add(4 * time.Hour)); at = at.Add(20 * time.Minute) {
		p.Open = append(p.Open, programme.Span{From: at, Until: at.Add(18 * time.Minute)})
		first, second := usual[0], usual[1]
		first.Span = programme.Span{From: at, Until: at.Add(7 * time.Minute)}
		second.Span = programme.Span{From: first.Until, Until: at.Add(15 * time.Minute)}
		p.Links = append(p.Links, first, second)
	}
	return &p
}

// chaos is a machine to which anything happens, and what must be so whatever happens.
type chaos struct {
	t      *testing.T
	rnd    *rand.Rand
	s      State
	now    time.Time
	n      int
	open   map[string]bool // calls that were begun and not ended
	plans  []*programme.Programme
	recent []turn
}

// turn is one step that was made.
type turn struct {
	at   time.Time
	e    Event
	acts []Action
}

func (t turn) String() string {
	return fmt.Sprintf("%v %T%+v → %+v", t.at.Sub(nine), t.e, t.e, t.acts)
}

// anyID is mostly a call's, sometimes nobody's.
func (c *chaos) anyID() string {
	if len(c.s.Calls) == 0 || c.rnd.IntN(20) == 0 {
		return "none"
	}
	return c.s.Calls[c.rnd.IntN(len(c.s.Calls))].ID
}

func (c *chaos) event() Event {
	id := c.anyID()
	switch c.rnd.IntN(24) {
	case 0, 1:
		return Registered{}
	case 2:
		return Lost{Why: "gone"}
	case 3:
		return Planned{c.plans[c.rnd.IntN(len(c.plans))]}
	case 4, 5, 6, 7:
		from := []string{"milano", "munich", "munich", "dresden", "potsdam", "desk", "desk", "x"}[c.rnd.IntN(8)]
		return Invited{ID: fmt.Sprint("i", c.n), From: from}
	case 8, 9, 10, 11:
		return Agreed{id, c.terms()}
	case 12:
		return Changed{id, c.terms()}
	case 13:
		return Failed{ID: id, Status: 100 * c.rnd.IntN(7), RetryAfter: time.Duration(c.rnd.IntN(100)) * time.Second}
	case 14:
		if c.rnd.IntN(2) == 0 {
			return Unreachable{ID: id}
		}
		return Ended{ID: id, Why: "bye"}
	case 15:
		return Device{Role: []string{"camera", "sound"}[c.rnd.IntN(2)], Missing: []string{"", "No camera"}[c.rnd.IntN(2)]}
	case 16, 17:
		m := Media{ID: id, Heard: c.now, Told: c.now, Showed: c.now} // sound alone
		if call := c.s.find(id); call != nil {
			m.Seen = call.Seen
		}
		return m
	case 18, 19:
		return Media{ID: id, Heard: c.now, Told: c.now, Seen: c.now, Showed: c.now}
	case 20, 21:
		m := Media{ID: id} // silence
		if call := c.s.find(id); call != nil {
			m.Heard, m.Told, m.Seen = call.Heard, call.Told, call.Seen
		}
		return m
	}
	return Tick{}
}

func (c *chaos) terms() Terms {
	is := func() bool { return c.rnd.IntN(3) == 0 }
	return Terms{NoVideo: is(), Shows: !is(), Unheard: is(), Held: is()}
}

func (c *chaos) fail(format string, args ...any) {
	c.t.Helper()
	c.t.Fatalf("%s\ncalls %+v\nafter %v", fmt.Sprintf(format, args...), c.s.Calls, c.recent)
}

// step gives the machine an event and looks at all that must be so.
func (c *chaos) step(e Event) {
	c.n++
	before := c.s
	copied := slices.Clone(before.Calls)
	var acts []Action
	c.s, acts = Step(c.s, c.now, e, fmt.Sprint("d", c.n))
	c.recent = append(c.recent[max(0, len(c.recent)-7):], turn{c.now, e, acts})
	if !reflect.DeepEqual(copied, before.Calls) {
		c.fail("a state that was handed out has changed: %+v", before.Calls)
	}
	switch e := e.(type) {
	case Failed:
		delete(c.open, e.ID)
	case Ended:
		delete(c.open, e.ID)
	}
	c.account(e, acts)
	c.rules(&before, acts)
	c.judge()
}

// account follows which calls are open, and that each invitation has one answer.
func (c *chaos) account(e Event, acts []Action) {
	answers := 0
	begin := func(id string) {
		if c.open[id] {
			c.fail("%s began twice", id)
		}
		c.open[id] = true
	}
	for _, a := range acts {
		id := reflect.ValueOf(a).FieldByName("ID").String()
		switch a := a.(type) {
		case Dial:
			if !c.s.Online {
				c.fail("dialled offline")
			}
			begin(id)
		case Answer:
			answers++
			begin(id)
		case Reject:
			answers++
			if a.Status < 400 {
				c.fail("refused with %d", a.Status)
			}
		case Hangup:
			if !c.open[id] {
				c.fail("hung up %q, which is not open", id)
			}
			delete(c.open, id)
		case Keyframe, Reinvite, Ask:
			if !c.open[id] {
				c.fail("%T%v for a call that is not open", a, a)
			}
		}
		if inv, is := e.(Invited); is && (reflect.TypeOf(a) == reflect.TypeFor[Answer]() || reflect.TypeOf(a) == reflect.TypeFor[Reject]()) && id != inv.ID {
			c.fail("answered %q, asked was %q", id, inv.ID)
		}
	}
	want := 0
	if _, is := e.(Invited); is {
		want = 1
	}
	if answers != want {
		c.fail("%d answers to %T", answers, e)
	}
}

// rules looks at who was let in and who had to go.
func (c *chaos) rules(before *State, acts []Action) {
	for _, a := range acts {
		switch a := a.(type) {
		case Answer:
			other := before.here(Phone)
			if partner := before.here(Partner); other == nil && partner != nil && partner.Phase == Up && c.s.find(a.ID).Role == Phone {
				other = partner
			}
			if other != nil && c.s.find(other.ID) != nil || other != nil && c.wants(other) {
				c.fail("answered %s while %+v was there", a.ID, *other)
			}
		case Hangup:
			if call := before.find(a.ID); call != nil && a.Why == "the plan says so" && c.wants(call) {
				c.fail("hung up %+v, which the plan wants", *call)
			}
		}
	}
}

// wants says whether the plan names the other side of a call now.
func (c *chaos) wants(call *Call) bool {
	p := c.s.Programme
	if call.Role == Phone {
		return p.OpenAt(c.now) != nil && p.Phone(call.Peer) != nil
	}
	l := p.LinkAt(c.now)
	return l != nil && l.Partner == call.Peer
}

// judge looks at a state.
func (c *chaos) judge() {
	if len(c.open) != len(c.s.Calls) {
		c.fail("open are %v", c.open)
	}
	count := map[string]int{}
	for i := range c.s.Calls {
		call := &c.s.Calls[i]
		if !c.open[call.ID] {
			c.fail("%s is in the state and not open", call.ID)
		}
		switch {
		case call.Leaving && (call.Role != Partner || call.Phase != Up):
			c.fail("leaving: %+v", *call)
		case call.Leaving:
			count["leaving"]++
		default:
			count["here"]++
		}
		if call.quiet() && call.Role != Phone {
			c.fail("a partner need not send anything: %+v", *call)
		}
		if !call.Hidden.IsZero() && (!call.mutual() || call.Seen.After(call.Hidden)) {
			c.fail("it is not seen, and there is no reason: %+v", *call)
		}
		if call.Ours && call.Phase == Dialling && c.now.Sub(call.Since) > dialLimit {
			c.fail("nobody gave up %+v", *call)
		}
		c.inPlan(call)
	}
	if count["leaving"] > 1 || count["here"] > 1 {
		c.fail("at once: %v", count)
	}
	if here := c.s.here(Partner); c.s.leaving() != nil && here != nil && here.arrived() {
		c.fail("the new call has arrived, and the old one is kept")
	}
	if shown := c.s.Shown(c.now); (shown == nil) != (len(c.s.Calls) == 0) {
		c.fail("shown is %+v", shown)
	}
}

// inPlan makes sure that nobody sees or hears what the plan does not say.
func (c *chaos) inPlan(call *Call) {
	p := c.s.Programme
	if p == nil {
		c.fail("a call without a plan")
	}
	if call.Role == Phone {
		if p.OpenAt(c.now) == nil || p.Phone(call.Peer) == nil {
			c.fail("with phone %s", call.Peer)
		}
		return
	}
	l, soon := p.LinkAt(c.now), p.LinkAt(c.now.Add(programme.Early))
	if (l == nil || l.Partner != call.Peer) && (l != nil || soon == nil || soon.Partner != call.Peer) {
		c.fail("with %s", call.Peer)
	}
}

// Whatever comes in whatever order, what chaos asks for holds, and all is closed when the plan ends.
func TestRandomEvents(t *testing.T) {
	seen := map[string]int{} // of what is rare
	for seed := range uint64(300) {
		space := []string{"milano", "munich"}[seed%2]
		c := &chaos{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), s: State{Space: space}, now: nine.Add(-time.Minute),
			open: map[string]bool{}, plans: programmes(space)}
		c.step(Planned{c.plans[0]})
		for range 600 {
			if c.rnd.IntN(8) == 0 {
				c.now = c.now.Add(time.Duration(c.rnd.IntN(120_000)) * time.Millisecond)
			} else {
				c.now = c.now.Add(time.Duration(c.rnd.IntN(4_000)) * time.Millisecond)
			}
			c.step(c.event())
			if c.s.leaving() != nil {
				seen["leaving"]++
				if here := c.s.here(Partner); here != nil && here.Phase == Up {
					seen["replacing"]++
				}
			}
			if p := c.s.here(Phone); p != nil && p.Held {
				seen["held"]++
			}
			for i := range c.s.Calls {
				if !c.s.Calls[i].Hidden.IsZero() {
					seen["hidden"]++
				}
			}
		}
		c.now = c.now.Add(14 * 24 * time.Hour)
		c.step(Tick{})
		if len(c.open) > 0 {
			t.Fatalf("seed %d: open after the plan's end: %v", seed, c.open)
		}
	}
	for _, what := range []string{"leaving", "replacing", "held", "hidden"} {
		if seen[what] < 100 {
			t.Errorf("%q was seen %d times: the events are not mixed well", what, seen[what])
		}
	}
	t.Log(seen)
}
