package town

import (
	"strings"
	"testing"
	"time"
)

// up is what the registrar's metrics say of the link, and whether each of the two is registered.
func (tw *Town) up() (link, milano, munich bool) {
	s := tw.server.State()
	return len(s.Expected) == 1 && s.Expected[0].Up, s.Registered["milano"], s.Registered["munich"]
}

// What the registrar says of who is there and of who is in a call is true within ten seconds, whatever happens.
func TestTruthWithinTenSeconds(t *testing.T) {
	for name, c := range map[string]struct {
		do                   func(tw *Town, a, b *Window)
		link, milano, munich bool
		back                 func(tw *Town, a, b *Window) // afterwards all is up again
	}{
		"nothing": {func(*Town, *Window, *Window) {}, true, true, true, nil},
		"the registrar is restarted, and has forgotten the call": {func(tw *Town, _, _ *Window) {
			tw.StopRegistrar()
			tw.StartRegistrar()
		}, true, true, true, nil},
		"a window is switched off": {func(_ *Town, _, b *Window) { b.Stop() }, false, true, false,
			func(_ *Town, _, b *Window) { b.Start() }},
		"its process is killed": {func(tw *Town, _, b *Window) { tw.Net.Kill(b.Host); b.PowerCut() }, false, true, false,
			func(_ *Town, _, b *Window) { b.Start() }},
		"power is cut": {func(_ *Town, _, b *Window) { b.PowerCut() }, false, true, false,
			func(_ *Town, _, b *Window) { b.Start() }},
		"its network is cut": {func(tw *Town, a, b *Window) { tw.Net.CutBoth(b.Host, registrarHost); tw.Net.CutBoth(a.Host, b.Host) }, false, true, false,
			func(tw *Town, a, b *Window) {
				tw.Net.RestoreBoth(b.Host, registrarHost)
				tw.Net.RestoreBoth(a.Host, b.Host)
			}},
		"media is cut": {func(tw *Town, a, b *Window) { tw.Net.CutBoth(a.Host, b.Host) }, false, true, true,
			func(tw *Town, a, b *Window) { tw.Net.RestoreBoth(a.Host, b.Host) }},
		"media is cut one way": {func(tw *Town, a, b *Window) { tw.Net.Cut(a.Host, b.Host) }, false, true, true,
			func(tw *Town, a, b *Window) { tw.Net.Restore(a.Host, b.Host) }},
	} {
		t.Run(name, func(t *testing.T) {
			Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
				a, b := together(tw)
				time.Sleep(time.Minute)
				check := func(when string, link, milano, munich bool) {
					t.Helper()
					if l, mi, mu := tw.up(); l != link || mi != milano || mu != munich {
						t.Errorf("%s: link up %v, milano %v, munich %v; want %v, %v, %v", when, l, mi, mu, link, milano, munich)
					}
					s := tw.server.Status()
					if says := strings.Contains(s.Text(time.UTC), "1 of 1 links are up"); says != link {
						t.Errorf("%s: the status says\n%s", when, s.Text(time.UTC))
					}
				}
				check("before", true, true, true)
				c.do(tw, a, b)
				time.Sleep(10 * time.Second)
				check("after 10 s", c.link, c.milano, c.munich)
				if !c.link && a.With(b) != nil && a.With(b).Silent.IsZero() && name != "media is cut one way" {
					t.Errorf("milano says of itself %+v", *a.With(b))
				}
				if b.running != nil && b.Status().Registration.Online != c.munich {
					t.Errorf("munich says of itself %+v", b.Status().Registration)
				}
				if c.back == nil {
					return
				}
				time.Sleep(10 * time.Second)
				c.back(tw, a, b)
				time.Sleep(time.Minute)
				check("afterwards", true, true, true)
			})
		})
	}
}
