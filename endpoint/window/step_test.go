package window

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"ewindow/dialplan/programme"
)

var nine = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

// plan opens milano onto munich from 9 to 18, and on to dresden from 18 to 19.
func plan(space string) *programme.Programme {
	p := &programme.Programme{
		Version: programme.Version, Space: space, Name: space, Timezone: "UTC",
		From: nine.Add(-24 * time.Hour), Until: nine.Add(13 * 24 * time.Hour),
		Open:   []programme.Span{{From: nine, Until: nine.Add(11 * time.Hour)}},
		Phones: []programme.Phone{{Account: "desk", Name: "Front desk", Security: programme.SDES, Picture: true}},
	}
	other := map[string]string{"milano": "munich", "munich": "milano"}[space]
	p.Links = []programme.Interval{
		{Span: programme.Span{From: nine, Until: nine.Add(9 * time.Hour)}, Partner: other, PartnerName: other, Caller: "milano"},
		{Span: programme.Span{From: nine.Add(9 * time.Hour), Until: nine.Add(10 * time.Hour)}, Partner: "dresden", PartnerName: "dresden", Caller: "dresden"},
	}
	return p
}

// run drives a machine through a script and returns what it did, each action with the time since nine.
type run struct {
	s    State
	now  time.Time
	n    int
	done []string
}

func start(space string) *run { return &run{s: State{Space: space}, now: nine.Add(-time.Hour)} }

func (r *run) send(e Event) {
	var acts []Action
	r.n++
	r.s, acts = Step(r.s, r.now, e, fmt.Sprintf("c%d", r.n))
	for _, a := range acts {
		r.done = append(r.done, fmt.Sprintf("%v %s%+v", r.now.Sub(nine), reflect.TypeOf(a).Name(), a))
	}
}

// until lets time pass in ticks of half a second, with media as the function says.
func (r *run) until(t time.Time, heard func(c *Call) bool) {
	for r.now.Before(t) {
		r.now = r.now.Add(500 * time.Millisecond)
		for _, c := range r.s.Calls {
			if c.Phase != Up {
				continue
			}
			m := Media{ID: c.ID, Heard: c.Heard, Seen: c.Seen}
			if heard == nil || heard(&c) {
				m.Heard, m.Seen = r.now, r.now
			}
			r.send(m)
		}
		r.send(Tick{})
	}
}

func (r *run) expect(t *testing.T, want ...string) {
	t.Helper()
	if !reflect.DeepEqual(r.done, want) && len(r.done)+len(want) > 0 {
		t.Fatalf("did\n  %q\nwant\n  %q", r.done, want)
	}
	r.done = nil
}

// call is the newest one, or nil.
func (r *run) call() *Call {
	if len(r.s.Calls) == 0 {
		return nil
	}
	return &r.s.Calls[len(r.s.Calls)-1]
}

func (r *run) up() { r.send(Agreed{ID: r.call().ID}) }

func TestCallerOpensAndCloses(t *testing.T) {
	r := start("milano")
	r.send(Registered{})
	r.send(Planned{plan("milano")})
	r.until(nine, nil)
	if len(r.done) != 1 || r.call() == nil || !r.call().Ours || r.call().Peer != "munich" {
		t.Fatalf("at opening: did %q, call %+v", r.done, r.call())
	}
	r.done = nil
	r.up()
	id := r.call().ID
	r.until(nine.Add(9*time.Hour), nil)
	r.expect(t, "9h0m0s Hangup{ID:"+id+" Why:the plan says so}")
	r.send(Invited{ID: "d", From: "dresden"})
	r.expect(t, "9h0m0s Answer{ID:d Security:gcm Picture:true Always:false}")
	r.up()
	r.until(nine.Add(11*time.Hour), nil)
	r.expect(t, "10h0m0s Hangup{ID:d Why:the plan says so}")
}

func TestOtherSideWaitsThenCalls(t *testing.T) {
	r := start("munich")
	r.send(Registered{})
	r.send(Planned{plan("munich")})
	r.until(nine.Add(29*time.Second), nil)
	r.expect(t)
	r.until(nine.Add(31*time.Second), nil)
	if len(r.done) != 1 || r.call() == nil {
		t.Fatalf("did %q", r.done)
	}
}

func TestFreshWindowCallsAtOnce(t *testing.T) {
	r := start("munich")
	r.now = nine.Add(time.Hour)
	r.send(Registered{})
	r.until(r.now.Add(3*time.Second), nil)
	r.expect(t)
	r.send(Planned{plan("munich")})
	if len(r.done) != 1 || r.call() == nil || !r.call().Ours {
		t.Fatalf("did %q", r.done)
	}
}

func TestAnswersOnlyWhomThePlanNames(t *testing.T) {
	at := func(d time.Duration) *run {
		r := start("munich")
		r.now = nine.Add(d)
		r.send(Planned{plan("munich")}) // not registered: it does not dial
		return r
	}
	for _, c := range []struct {
		at   time.Duration
		from string
		want string
	}{
		{-61 * time.Second, "milano", "Reject{ID:x Status:403 Reason:Not In Plan RetryAfter:0s}"},
		{-59 * time.Second, "milano", "Answer{ID:x Security:gcm Picture:true Always:false}"},
		{time.Hour, "milano", "Answer{ID:x Security:gcm Picture:true Always:false}"},
		{time.Hour, "dresden", "Reject{ID:x Status:403 Reason:Not In Plan RetryAfter:0s}"},
		{9*time.Hour - 30*time.Second, "dresden", "Reject{ID:x Status:480 Reason:Not Yet RetryAfter:1s}"},
		{9 * time.Hour, "dresden", "Answer{ID:x Security:gcm Picture:true Always:false}"},
		{time.Hour, "mallory", "Reject{ID:x Status:403 Reason:Not In Plan RetryAfter:0s}"},
		{time.Hour, "desk", "Answer{ID:x Security:sdes Picture:true Always:false}"},
		{-time.Hour, "desk", "Reject{ID:x Status:480 Reason:Closed RetryAfter:1h0m0s}"},
	} {
		r := at(c.at)
		r.send(Invited{ID: "x", From: c.from})
		r.expect(t, fmt.Sprintf("%v %s", c.at, c.want))
	}
}

func TestEarlyCallIsKept(t *testing.T) {
	r := start("munich")
	r.now = nine.Add(-30 * time.Second)
	r.send(Planned{plan("munich")})
	r.send(Invited{ID: "x", From: "milano"})
	r.done = nil
	r.up()
	r.until(nine.Add(time.Minute), nil)
	r.expect(t)
}

func TestBusy(t *testing.T) {
	r := start("munich")
	r.now = nine.Add(time.Hour)
	r.send(Planned{plan("munich")})
	r.send(Invited{ID: "x", From: "milano"})
	r.up()
	r.done = nil
	r.send(Invited{ID: "p", From: "desk"})
	r.expect(t, "1h0m0s Reject{ID:p Status:486 Reason:Busy Here RetryAfter:0s}")
	// With the phone first, the partner waits until the people have finished.
	r.send(Ended{ID: "x"})
	r.send(Invited{ID: "p", From: "desk"})
	r.up()
	r.send(Invited{ID: "y", From: "milano"})
	r.expect(t, "1h0m0s Answer{ID:p Security:sdes Picture:true Always:false}", "1h0m0s Reject{ID:y Status:486 Reason:Busy Here RetryAfter:0s}")
}

func TestPhoneInterruptsADialNobodyAnswers(t *testing.T) {
	r := start("milano")
	r.now = nine
	r.send(Registered{})
	r.send(Planned{plan("milano")})
	id := r.call().ID
	r.done = nil
	r.send(Invited{ID: "p", From: "desk"})
	r.expect(t, "0s Hangup{ID:"+id+" Why:a phone rings}", "0s Answer{ID:p Security:sdes Picture:true Always:false}")
	r.send(Failed{ID: id, Status: 487}) // of the dial: not of the phone's call
	if r.call() == nil || r.call().ID != "p" {
		t.Fatalf("call %+v", r.call())
	}
}

func TestCrossingCalls(t *testing.T) {
	named, other := start("milano"), start("munich")
	for _, r := range []*run{named, other} {
		r.now = nine.Add(time.Hour)
		r.send(Registered{})
		r.send(Planned{plan(r.s.Space)})
		if r.call() == nil {
			t.Fatal("a fresh window did not call")
		}
		r.done = nil
	}
	id := other.call().ID
	named.send(Invited{ID: "n", From: "munich"})
	named.expect(t, "1h0m0s Reject{ID:n Status:491 Reason:Request Pending RetryAfter:0s}")
	other.send(Invited{ID: "o", From: "milano"})
	other.expect(t, "1h0m0s Hangup{ID:"+id+" Why:replaced by a new call of milano}", "1h0m0s Answer{ID:o Security:gcm Picture:true Always:false}")
	named.up()
	named.now = named.now.Add(time.Second)
	named.send(Invited{ID: "late", From: "munich"})
	named.expect(t, "1h0m1s Reject{ID:late Status:491 Reason:Request Pending RetryAfter:0s}")
}

// An INVITE of the partner while its call is up means that it was restarted, or that it hears nothing. The old call goes
// on receiving until the new one shows a picture.
func TestReplacement(t *testing.T) {
	up := func() (r *run, id string) {
		r = start("milano")
		r.now = nine.Add(time.Hour)
		r.send(Registered{})
		r.send(Planned{plan("milano")})
		r.up()
		r.until(r.now.Add(time.Minute), nil)
		id = r.call().ID
		r.done = nil
		r.send(Invited{ID: "new", From: "munich"})
		r.expect(t, "1h1m0s Answer{ID:new Security:gcm Picture:true Always:false}")
		r.up()
		if c := r.s.find(id); c == nil || !c.Leaving || r.s.here(Partner).ID != "new" {
			t.Fatalf("calls %+v", r.s.Calls)
		}
		return r, id
	}
	t.Run("by a picture", func(t *testing.T) {
		r, id := up()
		if shown := r.s.Shown(r.now); shown.ID != id {
			t.Errorf("shown is %+v, want the one that has a picture", *shown)
		}
		r.send(Media{ID: "new", Heard: r.now})
		r.expect(t)
		r.send(Media{ID: "new", Heard: r.now, Seen: r.now})
		r.expect(t, "1h1m0s Hangup{ID:"+id+" Why:replaced by a new call}")
		if len(r.s.Calls) != 1 || r.s.Shown(r.now).ID != "new" {
			t.Errorf("calls %+v", r.s.Calls)
		}
	})
	t.Run("of one that is silent", func(t *testing.T) {
		r, _ := up()
		r.until(r.now.Add(3*time.Second), func(*Call) bool { return false })
		if shown := r.s.Shown(r.now); shown.ID != "new" {
			t.Errorf("shown is %+v", *shown)
		}
	})
	t.Run("that ends before it shows anything", func(t *testing.T) {
		r, id := up()
		r.send(Ended{ID: "new"})
		r.send(Media{ID: id, Heard: r.now.Add(time.Millisecond), Seen: r.now})
		if c := r.s.here(Partner); c == nil || c.ID != id {
			t.Errorf("calls %+v", r.s.Calls)
		}
	})
	t.Run("that never shows anything while the old one does", func(t *testing.T) {
		r, id := up()
		r.until(r.now.Add(31*time.Second), func(c *Call) bool { return c.ID == id })
		r.expect(t, "1h1m30s Keyframe{ID:"+id+"}", "1h1m30s Hangup{ID:new Why:silent for 30 s}")
		if c := r.s.here(Partner); c == nil || c.ID != id {
			t.Errorf("calls %+v", r.s.Calls)
		}
	})
	t.Run("twice", func(t *testing.T) {
		r, id := up()
		r.send(Invited{ID: "newer", From: "munich"})
		r.expect(t, "1h1m0s Hangup{ID:"+id+" Why:replaced by a new call of munich}", "1h1m0s Answer{ID:newer Security:gcm Picture:true Always:false}")
	})
}

func TestRetries(t *testing.T) {
	r := start("milano")
	r.now = nine
	r.send(Registered{})
	r.send(Planned{plan("milano")})
	var gaps []time.Duration
	last := r.now
	for len(gaps) < 8 {
		if r.call() != nil {
			r.send(Failed{ID: r.call().ID, Status: 500, Why: "Server Internal Error"})
		}
		r.until(r.now.Add(500*time.Millisecond), nil)
		if r.call() != nil {
			gaps = append(gaps, r.now.Sub(last))
			last = r.now
		}
	}
	want := []time.Duration{1, 2, 4, 8, 15, 15, 15, 15}
	for i := range want {
		if gaps[i] != want[i]*time.Second {
			t.Fatalf("gaps %v, want seconds %v", gaps, want)
		}
	}
}

// Calls that end as soon as they are up are no success: two windows with one account, for example, take the partner
// from each other. Each such end waits longer than the one before, and one call that holds makes that forgotten.
func TestCallsThatDoNotHold(t *testing.T) {
	r := start("milano")
	r.now = nine
	r.send(Registered{})
	r.send(Planned{plan("milano")})
	gap := func(lasts time.Duration) time.Duration {
		r.up()
		r.until(r.now.Add(lasts), nil)
		r.send(Ended{ID: r.call().ID, Why: "replaced by a new call"})
		ended := r.now
		for r.call() == nil {
			r.until(r.now.Add(500*time.Millisecond), nil)
		}
		return r.now.Sub(ended)
	}
	for i, c := range []struct{ lasts, want time.Duration }{
		{2, 1}, {2, 2}, {2, 4}, {59, 8}, {2, 15}, {2, 15}, {60, 1}, {3600, 1}, {2, 1}, {2, 2},
	} {
		if got := gap(c.lasts * time.Second); got != c.want*time.Second {
			t.Errorf("end %d, after %d s: calls again after %v, want %d s", i, c.lasts, got, c.want)
		}
	}
	// A call that held and then fell silent starts from the beginning as well.
	r.up()
	r.until(r.now.Add(time.Hour), nil)
	r.until(r.now.Add(31*time.Second), func(*Call) bool { return false })
	r.send(Failed{ID: r.call().ID, Status: 500})
	if got := r.s.Reach.NextDial.Sub(r.now); got != time.Second {
		t.Errorf("after a silence: calls again after %v", got)
	}
}

func TestClosedOnTheOtherSideIsTriedAgainSoon(t *testing.T) {
	for _, status := range []int{403, 480} {
		r := start("milano")
		r.now = nine
		r.send(Registered{})
		r.send(Planned{plan("milano")})
		for dials := 0; r.now.Before(nine.Add(59 * time.Second)); dials++ {
			if r.call() == nil {
				t.Fatalf("%d: no dial at %v", status, r.now.Sub(nine))
			}
			r.send(Failed{ID: r.call().ID, Status: status, RetryAfter: time.Hour})
			r.until(r.now.Add(time.Second), nil)
		}
	}
}

func TestAPlanEditMovesTheWindow(t *testing.T) {
	r := start("milano")
	r.now = nine.Add(time.Hour)
	r.send(Registered{})
	r.send(Planned{plan("milano")})
	r.up()
	id := r.call().ID
	r.until(r.now.Add(time.Minute), nil)
	r.done = nil
	edited := plan("milano")
	edited.Links[0].Partner, edited.Links[0].PartnerName = "potsdam", "potsdam"
	r.send(Planned{edited})
	if len(r.done) != 2 || r.call().Peer != "potsdam" || r.call().ID == id {
		t.Fatalf("did %q", r.done)
	}
	// potsdam's own copy comes a moment later
	r.send(Failed{ID: r.call().ID, Status: 403})
	r.until(r.now.Add(time.Second), nil)
	if r.call() == nil {
		t.Fatal("it did not try again after a second")
	}
	// an edit that keeps the link keeps the call
	r.up()
	r.done = nil
	kept := *edited
	kept.Revision = "other"
	r.send(Planned{&kept})
	r.expect(t)
}

// The screen says the name that the newest plan has, in a call as well, and the call goes on.
func TestAPlanEditRenamesTheOtherSide(t *testing.T) {
	for name, c := range map[string]struct {
		at   time.Duration // after nine
		from string
		up   bool
		edit func(p *programme.Programme)
		want string
	}{
		"partner, up":                {time.Hour, "munich", true, func(p *programme.Programme) { p.Links[0].PartnerName = "München" }, "München"},
		"partner, not answered yet":  {time.Hour, "munich", false, func(p *programme.Programme) { p.Links[0].PartnerName = "München" }, "München"},
		"partner, before its time":   {-10 * time.Second, "munich", true, func(p *programme.Programme) { p.Links[0].PartnerName = "München" }, "München"},
		"phone":                      {time.Hour, "desk", true, func(p *programme.Programme) { p.Phones[0].Name = "Reception" }, "Reception"},
		"another partner is renamed": {time.Hour, "munich", true, func(p *programme.Programme) { p.Links[1].PartnerName = "Elbflorenz" }, "munich"},
	} {
		r := start("milano")
		r.now = nine.Add(c.at)
		r.send(Planned{plan("milano")}) // not registered: it does not dial by itself
		r.send(Invited{ID: "in", From: c.from})
		if r.call() == nil {
			t.Fatalf("%s: no call", name)
		}
		if c.up {
			r.up()
		}
		r.done = nil
		edited := plan("milano")
		c.edit(edited)
		r.send(Planned{edited})
		if r.call() == nil || r.call().ID != "in" || r.call().Name != c.want || len(r.done) > 0 {
			t.Errorf("%s: did %q, calls %+v", name, r.done, r.s.Calls)
		}
	}
}

func TestSilence(t *testing.T) {
	r := start("milano")
	r.now = nine
	r.send(Registered{})
	r.send(Planned{plan("milano")})
	id := r.call().ID
	r.up()
	r.until(nine.Add(10*time.Second), nil)
	r.done = nil
	cut := func(*Call) bool { return false }
	r.until(nine.Add(15*time.Second), cut)
	r.until(nine.Add(16*time.Second), nil)
	r.expect(t, "15.5s Keyframe{ID:"+id+"}")
	r.until(nine.Add(47*time.Second), cut)
	next := r.call().ID
	if r.expect(t, "26s Reinvite{ID:"+id+"}", "46s Dial{ID:"+next+" Peer:munich}"); next == id {
		t.Fatal("it did not call again")
	}
	// The old call is kept until the new one shows a picture.
	r.until(nine.Add(50*time.Second), cut)
	r.expect(t)
	r.up()
	r.until(nine.Add(51*time.Second), func(c *Call) bool { return c.ID == next })
	r.expect(t, "50.5s Hangup{ID:"+id+" Why:replaced by a new call}")
}

// Who cannot be reached any more on a silent line has lost the call: it is called anew at once. What is only refused, or
// is said of a line that is not silent, changes nothing.
func TestUnreachable(t *testing.T) {
	for after, anew := range map[time.Duration]bool{5 * time.Second: false, 11 * time.Second: true} {
		r := start("milano")
		r.now = nine
		r.send(Registered{})
		r.send(Planned{plan("milano")})
		id := r.call().ID
		r.up()
		r.until(nine.Add(10*time.Second), nil)
		r.until(r.now.Add(after), func(*Call) bool { return false })
		r.done = nil
		r.send(Unreachable{ID: id})
		r.send(Unreachable{ID: "none"})
		if c := r.s.here(Partner); anew != (c != nil && c.ID != id) {
			t.Errorf("after %v: %+v", after, r.s.Calls)
		}
		if !anew {
			r.expect(t)
			continue
		}
		r.expect(t, "21s Dial{ID:"+r.call().ID+" Peer:munich}")
		if old := r.s.find(id); old == nil || !old.Leaving {
			t.Error("the old call does not go on receiving")
		}
	}
}

// A line that comes back before anybody has called anew is used again.
func TestALineThatComesBack(t *testing.T) {
	silent := func(online bool) (r *run, id string) {
		r = start("milano")
		r.now = nine
		r.send(Registered{})
		r.send(Planned{plan("milano")})
		r.up()
		id = r.call().ID
		r.until(nine.Add(10*time.Second), nil)
		if !online {
			r.send(Lost{Why: "connection refused"})
		}
		r.until(nine.Add(45*time.Second), func(*Call) bool { return false })
		r.done = nil
		return r, id
	}
	t.Run("registrar away", func(t *testing.T) {
		r, id := silent(false)
		r.until(r.now.Add(time.Second), nil)
		r.expect(t, "45.5s Keyframe{ID:"+id+"}")
		r.until(r.now.Add(time.Hour), nil)
		r.expect(t)
	})
	t.Run("while it dials", func(t *testing.T) {
		r, id := silent(true)
		dialled := r.call().ID
		r.until(r.now.Add(time.Second), nil)
		r.expect(t, "45.5s Hangup{ID:"+dialled+" Why:the line is back}", "45.5s Keyframe{ID:"+id+"}")
	})
	t.Run("never", func(t *testing.T) {
		r, id := silent(false)
		r.until(nine.Add(102*time.Second), func(*Call) bool { return false })
		r.expect(t, "1m40s Hangup{ID:"+id+" Why:silent for 90 s}")
	})
}

// A phone that holds its call is not taken for dead as soon as it would be otherwise, but not for ever alive either.
func TestHold(t *testing.T) {
	silence := func(*Call) bool { return false }
	answered := func() *run {
		r := start("munich")
		r.now = nine.Add(time.Hour)
		r.send(Planned{plan("munich")})
		r.send(Invited{ID: "p", From: "desk"})
		r.up()
		r.until(r.now.Add(time.Minute), nil)
		r.done = nil
		return r
	}
	t.Run("and back", func(t *testing.T) {
		r := answered()
		r.send(Changed{"p", Terms{Held: true}})
		if !r.call().Held {
			t.Error("not held")
		}
		r.until(r.now.Add(4*time.Minute), silence)
		r.expect(t)
		r.send(Changed{"p", Terms{NoVideo: true}})
		r.expect(t, "1h5m0s Keyframe{ID:p}")
		if r.call().Held || !r.call().NoVideo {
			t.Errorf("call %+v", r.call())
		}
		r.until(r.now.Add(29*time.Second), silence)
		r.expect(t)
		r.until(r.now.Add(2*time.Second), silence)
		r.expect(t, "1h5m30s Hangup{ID:p Why:silent for 30 s}")
	})
	t.Run("forgotten", func(t *testing.T) {
		r := answered()
		r.send(Changed{"p", Terms{Held: true}})
		r.until(r.now.Add(5*time.Minute+time.Second), silence)
		r.expect(t, "1h6m0s Hangup{ID:p Why:held for 5 min}")
	})
	t.Run("with music", func(t *testing.T) {
		r := answered()
		r.send(Changed{"p", Terms{Held: true}})
		r.until(r.now.Add(time.Hour), nil)
		r.expect(t)
	})
	t.Run("of a partner", func(t *testing.T) {
		r := start("munich")
		r.now = nine.Add(time.Hour)
		r.send(Planned{plan("munich")})
		r.send(Invited{ID: "x", From: "milano"})
		r.up()
		r.done = nil
		r.send(Changed{"x", Terms{Held: true}})
		r.until(r.now.Add(31*time.Second), silence)
		if !r.call().Leaving || r.call().Held {
			t.Errorf("after 30 s of silence: %+v", *r.call())
		}
	})
	t.Run("of a call that is over", func(t *testing.T) {
		r := answered()
		r.send(Changed{"q", Terms{Held: true}})
		if r.call().Held {
			t.Error("another call is held")
		}
	})
}

func TestRegistrarAwayNeverEndsACall(t *testing.T) {
	r := start("milano")
	r.now = nine
	r.send(Registered{})
	r.send(Planned{plan("milano")})
	r.up()
	r.done = nil
	r.send(Lost{Why: "connection refused"})
	r.until(nine.Add(8*time.Hour), nil)
	r.expect(t)
	if r.s.OfflineSince != nine {
		t.Fatalf("away since %v", r.s.OfflineSince)
	}
	r.send(Registered{})
	r.until(nine.Add(8*time.Hour+time.Minute), nil)
	r.expect(t)
}

func TestPlanThatHasEndedCloses(t *testing.T) {
	r := start("milano")
	p := plan("milano")
	p.Until = nine.Add(time.Hour)
	p.Links[0].Until, p.Links = p.Until, p.Links[:1]
	r.send(Registered{})
	r.send(Planned{p})
	r.until(nine, nil)
	r.up()
	id := r.call().ID
	r.done = nil
	r.until(nine.Add(2*time.Hour), nil)
	r.expect(t, "1h0m0s Hangup{ID:"+id+" Why:the plan says so}")
}
