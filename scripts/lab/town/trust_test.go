package town

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/status"
	"ewindow/endpoint/trust"
	"ewindow/registrar/signal/mediakey"
	"ewindow/scripts/lab/somebody"
)

// A liar is a registrar's memory of keys that names, in place of each window's, one of its own.
type liar struct {
	t     *testing.T
	names map[string]mediakey.Public
}

func newLiar(t *testing.T, accounts ...string) *liar {
	l := &liar{t, map[string]mediakey.Public{}}
	for _, account := range accounts {
		l.names[account] = somebody.Key(t)
	}
	return l
}

func (l *liar) Note(string, mediakey.Public, time.Time) (first, changed bool, err error) {
	return true, false, nil
}
func (l *liar) Of(account string) (mediakey.Public, string) { return l.names[account], "" }
func (l *liar) Keep(func(string) bool)                      {}

// pair starts milano and munich, with an access unit a second.
func (tw *Town) pair() (milano, munich *Window) {
	milano, munich = tw.Window("milano"), tw.Window("munich")
	for _, w := range []*Window{milano, munich} {
		w.Devices.SetPace(time.Second, 3*time.Second)
		w.Start()
	}
	return milano, munich
}

// confirm is what somebody does at a window who has heard the other one's own words.
func (w *Window) confirm(t *testing.T, other *Window, words string) {
	t.Helper()
	pin := w.Pins.Of(other.Space)
	for _, public := range []mediakey.Public{pin.Pin.Offered, pin.Public} {
		if public != "" && mediakey.WordsOf(public).String() == words {
			if err := w.Pins.Confirm(other.Space, public, "anna"); err != nil {
				t.Error(err)
			}
			return
		}
	}
}

// says is all that stands on a window's screen.
func (w *Window) says() string {
	c := w.Devices.Screen().Card
	return strings.Join([]string{c.Title, c.Reason, c.Next, c.Notice}, "\n")
}

func (w *Window) keys() status.Keys { return w.Status().Keys }

// Two windows show each other's words until people on both sides have said that they are the same.
func TestPeopleConfirmWhoseWindowItIs(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := tw.pair()
		time.Sleep(20 * time.Second)
		for w, other := range map[*Window]*Window{a: b, b: a} {
			if k := w.keys(); k.State != string(trust.Unconfirmed) || k.Theirs != other.Key.Words().String() || k.Words != w.Key.Words().String() {
				t.Errorf("%s: %+v", w.Space, k)
			}
			if says := w.says(); !strings.Contains(says, "Not yet confirmed") || !strings.Contains(says, "yours: "+w.Key.Words().String()) ||
				!strings.Contains(says, "theirs: "+other.Key.Words().String()) {
				t.Errorf("%s shows\n%s", w.Space, says)
			}
		}
		a.confirm(t, b, b.Key.Words().String())
		time.Sleep(5 * time.Second)
		if k, there := a.keys(), b.keys(); k.State != string(trust.Half) || there.State != string(trust.Unconfirmed) {
			t.Errorf("confirmed by milano alone: %q there, %q at munich", k.State, there.State)
		}
		if says := a.says(); !strings.Contains(says, "Not yet confirmed there") || strings.Contains(says, "theirs:") {
			t.Errorf("milano shows\n%s", says)
		}
		b.confirm(t, a, a.Key.Words().String())
		time.Sleep(5 * time.Second)
		for _, w := range []*Window{a, b} {
			if k := w.keys(); k.State != string(trust.Confirmed) || strings.Contains(w.says(), "confirmed") {
				t.Errorf("confirmed by both, %s: %q, and shows\n%s", w.Space, k.State, w.says())
			}
			w.Stop()
			w.CloseTrust()
		}
		a.Start()
		b.Start()
		time.Sleep(20 * time.Second)
		for _, w := range []*Window{a, b} {
			if k := w.keys(); k.State != string(trust.Confirmed) || !w.Devices.Screen().Card.Picture {
				t.Errorf("after a restart, %s: %q, and shows\n%s", w.Space, k.State, w.says())
			}
		}
	})
}

// A registrar that lies when the windows first see each other gives each of them a key of its own. The words that they show of each other
// are not those which the other one shows of itself, and no window ever says that it is confirmed.
func TestARegistrarThatLiesAtFirstSight(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		tw.StopRegistrar()
		tw.Keys = newLiar(t, "milano", "munich")
		tw.StartRegistrar()
		a, b := tw.pair()
		time.Sleep(time.Minute)
		for w, other := range map[*Window]*Window{a: b, b: a} {
			theirs := other.Key.Words().String()
			w.confirm(t, other, theirs) // people read these words out, and nobody here sees them on the screen
			if says := w.says(); strings.Contains(says, "theirs: "+theirs) {
				t.Errorf("%s shows the other window's own words:\n%s", w.Space, says)
			}
		}
		for range 6 {
			time.Sleep(10 * time.Minute)
			for _, w := range []*Window{a, b} {
				if s := w.keys().State; s != string(trust.Unconfirmed) && s != string(trust.Changed) {
					t.Fatalf("%s says %q", w.Space, s)
				}
			}
		}
	})
}

// seeing says whether a window shows the picture of another one, fresh.
func (w *Window) seeing(other *Window) bool {
	s := w.Devices.Screen()
	return s.Card.Picture && s.Seed == uint16(other.Host.As4()[3]) && time.Since(s.At) < 5*time.Second
}

// both has two windows confirmed on both sides.
func both(t *testing.T, a, b *Window) {
	t.Helper()
	a.confirm(t, b, b.Key.Words().String())
	b.confirm(t, a, a.Key.Words().String())
	time.Sleep(5 * time.Second)
	for w, other := range map[*Window]*Window{a: b, b: a} {
		if w.keys().State != string(trust.Confirmed) || !w.seeing(other) {
			t.Fatalf("%s: %q, and shows\n%s", w.Space, w.keys().State, w.says())
		}
	}
}

// A window that was set up anew has another key. It is refused until somebody confirms it at the window that knew the old one, and both
// screens say why there is no picture; nobody at the registrar can do anything about it.
func TestAChangedKeyIsRefusedUntilItIsConfirmedHere(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := tw.pair()
		time.Sleep(20 * time.Second)
		both(t, a, b)
		old := b.Key.Words().String()
		b.Stop()
		b.CloseTrust()
		for _, name := range []string{"media.key", "pins.json"} {
			if err := os.Remove(filepath.Join(b.stateDir(), name)); err != nil {
				t.Fatal(err)
			}
		}
		b.Start()
		time.Sleep(30 * time.Second)
		// What a registrar can do: forget all, begin anew.
		tw.StopRegistrar()
		tw.Keys = newLiar(t)
		tw.StartRegistrar()
		pictures, there := a.Devices.Screen().Pictures, b.Devices.Screen().Pictures
		refused, said := false, false
		for range 120 {
			time.Sleep(500 * time.Millisecond)
			if a.seeing(b) || b.seeing(a) {
				t.Fatalf("a picture in spite of the changed key:\n%s\n%s", a.says(), b.says())
			}
			refused = refused || strings.Contains(a.says(), "The key of munich has changed\nNo picture until someone here confirms it: ewindow trust munich")
			said = said || strings.Contains(b.says(), "They do not know this window's key\nNo picture until someone there confirms it: ewindow trust munich")
		}
		if a.Devices.Screen().Pictures != pictures || b.Devices.Screen().Pictures != there {
			t.Error("pictures came")
		}
		if k := a.keys(); !refused || k.State != string(trust.Changed) || k.Theirs != old || k.Offered != b.Key.Words().String() {
			t.Errorf("milano: %+v, and shows\n%s", k, a.says())
		}
		if !said {
			t.Errorf("munich shows\n%s", b.says())
		}
		a.confirm(t, b, b.Key.Words().String())
		time.Sleep(3 * time.Second) // whoever confirmed it waits for the picture
		if !a.seeing(b) || !b.seeing(a) || a.keys().State != string(trust.Half) || b.keys().State != string(trust.Unconfirmed) {
			t.Errorf("after it was confirmed: %q, %q\n%s\n%s", a.keys().State, b.keys().State, a.says(), b.says())
		}
	})
}

// Whoever has forgotten the partner's key does not tell it that it is confirmed any more, and from the next call on both screens say so.
func TestAKeyThatIsForgottenThere(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := tw.pair()
		time.Sleep(20 * time.Second)
		both(t, a, b)
		time.Sleep(time.Minute)
		if err := b.Pins.Forget(a.Space); err != nil {
			t.Fatal(err)
		}
		b.Stop()
		b.CloseTrust()
		b.Start()
		time.Sleep(time.Minute)
		if k, there := a.keys(), b.keys(); k.State != string(trust.Half) || there.State != string(trust.Unconfirmed) || !a.seeing(b) {
			t.Errorf("milano %q, munich %q, and shows\n%s", k.State, there.State, a.says())
		}
		both(t, a, b)
		time.Sleep(5 * time.Minute)
		both(t, a, b)
	})
}

// Both windows are set up anew, and the registrar remembers the old key of each, of which the other one hears first. Nobody has seen that one:
// they see each other at first sight, as new windows do.
func TestBothWindowsAreSetUpAnew(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := tw.pair()
		time.Sleep(20 * time.Second)
		both(t, a, b)
		for _, w := range []*Window{a, b} {
			w.Stop()
			w.CloseTrust()
			for _, name := range []string{"media.key", "pins.json"} {
				if err := os.Remove(filepath.Join(w.stateDir(), name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		a.Start()
		time.Sleep(10 * time.Second)
		old := a.Pins.Of(b.Space).Public
		b.Start()
		time.Sleep(20 * time.Second)
		if old == "" || old == b.Key.Public() {
			t.Fatal("milano has not heard of the key that munich had")
		}
		for w, other := range map[*Window]*Window{a: b, b: a} {
			if k := w.keys(); k.State != string(trust.Unconfirmed) || k.Theirs != other.Key.Words().String() || !w.seeing(other) {
				t.Errorf("%s: %+v, and shows\n%s", w.Space, k, w.says())
			}
		}
		both(t, a, b)
	})
}

// A registrar that names other keys once both sides have confirmed gains nothing: windows that meet anew refuse what contradicts their pins.
func TestARegistrarThatLiesLaterGainsNothing(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := tw.pair()
		time.Sleep(20 * time.Second)
		both(t, a, b)
		honest := tw.Keys
		tw.StopRegistrar()
		tw.Keys = newLiar(t, "milano", "munich")
		tw.StartRegistrar()
		a.Stop()
		a.Start()
		time.Sleep(time.Minute)
		for _, w := range []*Window{a, b} {
			if w.keys().State != string(trust.Changed) || w.Devices.Screen().Card.Picture {
				t.Errorf("%s: %q, and shows\n%s", w.Space, w.keys().State, w.says())
			}
		}
		tw.StopRegistrar()
		tw.Keys = honest
		tw.StartRegistrar()
		time.Sleep(time.Minute)
		for w, other := range map[*Window]*Window{a: b, b: a} {
			if w.keys().State != string(trust.Confirmed) || !w.seeing(other) {
				t.Errorf("with an honest registrar %s: %q, and shows\n%s", w.Space, w.keys().State, w.says())
			}
		}
	})
}
