//go:build !race

package town

import (
	"testing"
	"time"
)

// A partner that is away all day fills nobody's log, nor does a line that breaks every minute. What is counted is what
// the window says before the program's own bounds are put around it.
func TestADayOfLog(t *testing.T) {
	const most = 1 << 20 // bytes a day
	for name, day := range map[string]func(*Town, *Window, *Window) time.Duration{
		"the partner is away": func(_ *Town, _, b *Window) time.Duration {
			b.PowerCut()
			time.Sleep(24 * time.Hour)
			return 24 * time.Hour
		},
		"the registrar is away": func(tw *Town, _, b *Window) time.Duration {
			b.PowerCut()
			tw.StopRegistrar()
			time.Sleep(24 * time.Hour)
			tw.StartRegistrar()
			return 24 * time.Hour
		},
		"the line breaks every minute": func(tw *Town, a, b *Window) time.Duration {
			for range 30 {
				time.Sleep(55 * time.Second)
				tw.Net.CutBoth(a.Host, b.Host)
				time.Sleep(5 * time.Second)
				tw.Net.RestoreBoth(a.Host, b.Host)
			}
			return 30 * time.Minute
		},
	} {
		t.Run(name, func(t *testing.T) {
			Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
				a, b := together(tw)
				for _, w := range []*Window{a, b} {
					w.Devices.SetPace(time.Second, 3*time.Second)
				}
				tw.Log.forget()
				lasted := day(tw, a, b)
				n := int(float64(tw.Log.bytes("milano")) * float64(24*time.Hour) / float64(lasted))
				if n > most {
					t.Errorf("the log grows by %d bytes a day, want %d at most; it ends with\n%s", n, most, tw.Log)
				} else {
					t.Logf("%d bytes a day", n)
				}
			})
		})
	}
}
