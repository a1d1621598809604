package town

import (
	"strings"
	"testing"
	"time"
)

// A flow that fails without a word, as behind a router that forgot it, is noticed by both ends within 30 s (RFC 5626 §4.4, §5.4),
// whichever direction is cut: the window says so, and the registrar has no binding by it any more. The call goes on meanwhile.
func TestFlowFailure(t *testing.T) {
	for name, cut := range map[string]func(tw *Town, b *Window){
		"both ways":          func(tw *Town, b *Window) { tw.Net.CutBoth(b.Host, registrarHost) },
		"to the registrar":   func(tw *Town, b *Window) { tw.Net.Cut(b.Host, registrarHost) },
		"from the registrar": func(tw *Town, b *Window) { tw.Net.Cut(registrarHost, b.Host) },
	} {
		t.Run(name, func(t *testing.T) {
			Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
				a, b := together(tw)
				time.Sleep(time.Minute)
				call := a.With(b).ID
				cut(tw, b)
				since := time.Now()
				window := noticed(func() bool { return !b.Status().Registration.Online })
				registrar := noticed(func() bool { return tw.lost("munich") })
				t.Logf("the window notices after %v, the registrar after %v", window, time.Since(since).Round(time.Millisecond))
				if window > 11*time.Second || time.Since(since) > 30*time.Second {
					t.Errorf("the window took %v, the registrar %v", window, registrar)
				}
				if says := b.Status().Text(time.UTC); !strings.Contains(says, "away since") {
					t.Errorf("the status says\n%s", says)
				}
				if card := b.Devices.Screen().Card; !card.Picture || !strings.Contains(card.Notice, "Registrar away since") {
					t.Errorf("the screen says %+v", card)
				}
				if gap := worst(b, 30*time.Second); gap > 100*time.Millisecond {
					t.Errorf("the picture stood for %v", gap)
				}
				tw.Net.RestoreBoth(b.Host, registrarHost)
				if back := noticed(func() bool { return b.Status().Registration.Online && !tw.lost("munich") }); back > 45*time.Second {
					t.Errorf("registered again after %v", back)
				}
				if c := b.With(a); c == nil || c.ID != call {
					t.Errorf("the call was %s, and is %+v", call, c)
				}
			})
		})
	}
}

// noticed is how long it takes until something is so; a minute at most.
func noticed(so func() bool) time.Duration {
	begun := time.Now()
	for !so() && time.Since(begun) < time.Minute {
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(begun)
}

// lost says whether the registrar has no way to an account.
func (tw *Town) lost(account string) bool {
	a := tw.server.Status().Account(account)
	if a == nil {
		return true
	}
	for _, b := range a.Bindings {
		if !b.Lost {
			return false
		}
	}
	return true
}
