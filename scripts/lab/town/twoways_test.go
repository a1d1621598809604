package town

import (
	"strings"
	"testing"
	"time"
)

// A window that holds a connection to each of two addresses of its registrar (RFC 5626 §4.2) loses one of them without a word, and
// nobody notices but whoever reads status and log: the call goes on, whatever follows in it finds its way, others reach the window,
// edits of the plan do. Then both are there again.
func TestOneOfTwoWaysFails(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		tw.Window("munich").TwoWays = true
		a, b := together(tw)
		time.Sleep(time.Minute)
		call := a.With(b).ID
		if says := b.Status().Text(time.UTC); strings.Count(says, " by 10.0.0.") != 2 {
			t.Fatalf("both ways at first:\n%s", says)
		}
		for _, host := range []int{0, 1} {
			cut := registrarHost
			if host == 1 {
				cut = registrarAlso
			}
			tw.Net.CutBoth(b.Host, cut)
			for range 200 { // status is asked all along
				time.Sleep(100 * time.Millisecond)
				if r := b.Status().Registration; !r.Online {
					t.Fatalf("with %s cut off the window says %+v", cut, r)
				}
			}
			says := b.Status().Text(time.UTC)
			if !strings.Contains(says, "not by "+cut.String()) || strings.Contains(b.Devices.Screen().Card.Notice, "Registrar") {
				t.Errorf("with %s cut off the status says\n%s\nand the screen %+v", cut, says, b.Devices.Screen().Card)
			}
			if c := b.With(a); c == nil || c.ID != call {
				t.Errorf("the call was %s, and is %+v", call, c)
			}
			if !tw.server.State().Registered["munich"] {
				t.Error("the registrar says that munich is away")
			}
			if gap := worst(b, time.Second); gap > 100*time.Millisecond {
				t.Errorf("the picture stood for %v", gap)
			}
			tw.Net.RestoreBoth(b.Host, cut)
			if back := noticed(func() bool {
				return strings.Count(b.Status().Text(time.UTC), " by 10.0.0.") == 2 && !strings.Contains(b.Status().Text(time.UTC), "not by")
			}); back > 45*time.Second {
				t.Errorf("both ways again after %v:\n%s", back, b.Status().Text(time.UTC))
			}
		}
	})
}

// With the way cut off just now that is used first, others still reach the window within seconds, and so does an edit of the plan; its
// own BYE and calls find the other way.
func TestReachedByTheOtherWay(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		tw.Window("munich").TwoWays = true
		a, b := together(tw)
		time.Sleep(time.Minute)
		tw.Net.CutBoth(b.Host, registrarHost)
		tw.Edit(strings.Replace(always, "between = [milano, munich]", "between = [munich, milano]", 1)) // the call stays
		if took := noticed(func() bool { return b.Status().Plan.Revision == tw.plan.Revision() }); took > 15*time.Second {
			t.Errorf("the edit came after %v", took)
		}
		tw.Net.RestoreBoth(b.Host, registrarHost)
		time.Sleep(time.Minute)

		a.Stop() // says BYE
		tw.Net.CutBoth(b.Host, registrarHost)
		a.Start()
		if took := noticed(func() bool { return a.With(b) != nil && b.Devices.Screen().Card.Picture }); took > 15*time.Second {
			t.Errorf("they see each other after %v", took)
		} else {
			t.Logf("they see each other after %v", took)
		}
		time.Sleep(5 * time.Second) // its first way is in doubt by then, and not yet given up
		b.Stop()
		if took := noticed(func() bool { return a.With(b) == nil }); took > 2*time.Second {
			t.Errorf("the BYE came after %v", took)
		}
		time.Sleep(30 * time.Second)
	})
}
