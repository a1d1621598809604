package lasting

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A simulated day of faults, and the lines that each makes.
func TestADay(t *testing.T) {
	const day = 24 * time.Hour
	every := func(d time.Duration, reasons func(i int) string) func(f *Fault) {
		return func(f *Fault) {
			for i := range int(day / d) {
				f.Met(reasons(i))
				time.Sleep(d)
			}
		}
	}
	one := func(int) string { return "there is no camera" }
	for name, c := range map[string]struct {
		run  func(f *Fault)
		want int // lines: begin, 10 min, 1 h, 7 h, 13 h, 19 h
		says string
	}{
		"nothing":                  {func(f *Fault) { f.Well(); time.Sleep(day) }, 0, ""},
		"every 5 s":                {every(5*time.Second, one), 6, "lasts=19h0m0s tries=13681"},
		"every 30 s":               {every(30*time.Second, one), 6, "tries=2281"},
		"a number differs":         {every(5*time.Second, func(i int) string { return fmt.Sprint("reset by 10.0.0.1:", i) }), 6, ""},
		"two reasons in turn":      {every(5*time.Second, func(i int) string { return []string{"busy", "gone"}[i%2] }), 7, ""},
		"a reason that changes":    {every(5*time.Second, func(i int) string { return strings.Repeat("x", i/1000%4+1) }), 9, ""},
		"always another reason":    {every(time.Minute, func(i int) string { return strings.Repeat("x", i+1) }), 11, ""},
		"an hour, then well":       {func(f *Fault) { met(f, time.Hour); f.Well(); time.Sleep(day) }, 3, "over lasted=1h0m0s tries=720"},
		"once, then well":          {func(f *Fault) { met(f, 5*time.Second); f.Well(); time.Sleep(day) }, 2, "over lasted=5s tries=1"},
		"its end is said at once":  {func(f *Fault) { met(f, 5*time.Second); f.Well() }, 2, "over lasted=5s tries=1"},
		"over, and once again":     {func(f *Fault) { met(f, 1); f.Well(); time.Sleep(2 * time.Minute); met(f, 1) }, 3, "returns=1"},
		"over, and a day later":    {func(f *Fault) { met(f, 1); f.Well(); time.Sleep(day); met(f, 1); f.Well() }, 4, ""},
		"well again, said twice":   {func(f *Fault) { met(f, 1); f.Well(); time.Sleep(time.Second); f.Well(); time.Sleep(day) }, 2, ""},
		"well while it lasts most": {func(f *Fault) { met(f, 9*time.Hour); f.Well(); time.Sleep(time.Second); met(f, time.Hour) }, 6, "returns=1"},
		"it works in between":      {func(f *Fault) { every(7*time.Second, func(int) string { f.Well(); return "ended" })(f) }, 12, ""},
		"for 2 minutes each hour":  {func(f *Fault) { comesAndGoes(f, 2*time.Minute, 58*time.Minute) }, 16, ""},
		"for a minute every other": {func(f *Fault) { comesAndGoes(f, time.Minute, time.Minute) }, 14, ""},
		"for a minute every sixth": {func(f *Fault) { comesAndGoes(f, time.Minute, 5*time.Minute) }, 15, ""},
		"it came and went, and is over": {func(f *Fault) {
			for range 10 {
				met(f, time.Second)
				f.Well()
				time.Sleep(time.Second)
			}
			time.Sleep(time.Minute)
		}, 8, "over lasted=13s tries=7"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				f := &Fault{Log: slog.New(slog.NewTextHandler(&out, nil)), Level: slog.LevelWarn, What: "camera missing", Over: "over"}
				c.run(f)
				synctest.Wait()
				if n := strings.Count(out.String(), "\n"); n != c.want || !strings.Contains(out.String(), c.says) {
					t.Errorf("%d lines, want %d and %q:\n%s", n, c.want, c.says, out.String())
				}
			})
		})
	}
}

// comesAndGoes is a day in which it is there for so long, and then not for so long.
func comesAndGoes(f *Fault, there, away time.Duration) {
	for range int(24 * time.Hour / (there + away)) {
		met(f, there)
		f.Well()
		time.Sleep(away)
	}
}

// met is a fault that is met every 5 s for so long.
func met(f *Fault, long time.Duration) {
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(min(5*time.Second, time.Until(end))) {
		f.Met("gone")
	}
}
