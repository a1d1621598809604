//go:build !race

package agent

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/scripts/lab/logbook"
)

// A fault that lasts all of a working day is at most so many lines, and one more, at once, when it is over.
func TestADayOfAFaultInTheLog(t *testing.T) {
	const most = 18
	refuse := func(method sip.RequestMethod, code int) func(*lab) {
		return func(l *lab) {
			l.set(func() {
				l.override = func(ln *line, req *sip.Request) bool {
					if req.Method == method {
						ln.write(sip.NewResponseFromRequest(req, code, "No", nil).String())
					}
					return req.Method == method
				}
			})
			l.current().conn.Close()
		}
	}
	for name, c := range map[string]struct {
		begins, ends func(l *lab)
		says, over   string
		flaps        bool // it comes and goes all day
	}{
		"refused":              {refuse(sip.REGISTER, 403), nil, "not registered", "registered again", false},
		"trouble of its own":   {refuse(sip.REGISTER, 503), nil, "not registered", "registered again", false},
		"no plan":              {refuse(sip.SUBSCRIBE, 500), nil, "no subscription to the plan", "subscribed to the plan again", false},
		"no plan for us":       {refuse(sip.SUBSCRIBE, 403), nil, "no subscription to the plan", "subscribed to the plan again", false},
		"another secret":       {func(l *lab) { l.set(func() { l.secret = "new" }); l.current().conn.Close() }, func(l *lab) { l.set(func() { l.secret = secret }) }, "not registered", "registered again", false},
		"absent":               {func(l *lab) { l.listener.Close(); l.current().conn.Close() }, func(l *lab) { l.listen() }, "not registered", "registered again", false},
		"no pongs":             {func(l *lab) { l.set(func() { l.mute = true }) }, func(l *lab) { l.set(func() { l.mute = false }) }, "not registered", "registered again", true},
		"unplugged":            {func(l *lab) { l.net.CutBoth(registrarAddr.Addr(), windowAddr) }, func(l *lab) { l.net.RestoreBoth(registrarAddr.Addr(), windowAddr) }, "not registered", "registered again", false},
		"closes after a while": {func(l *lab) { comesAndGoes(l, 20*time.Second) }, nil, "not registered", "registered again", true},
		"closes often":         {func(l *lab) { comesAndGoes(l, 10*time.Minute) }, nil, "not registered", "registered again", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, out := newLab(t), &logbook.Lines{}
				l.start(func(c *Config) {
					c.Log = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelInfo}))
				})
				l.online()
				out.Take()
				c.begins(l)
				time.Sleep(8 * time.Hour)
				said := out.Take()
				if n := strings.Count(said, "\n"); n == 0 || n > most || !strings.Contains(said, c.says) {
					t.Errorf("%d lines in a day, want 1 to %d with %q:\n%s", n, most, c.says, said)
				}
				l.set(func() { l.override = nil })
				if c.ends != nil {
					c.ends(l)
				}
				if c.flaps {
					time.Sleep(2 * time.Hour)
				}
				time.Sleep(backoffMost + 15*time.Second)
				said = out.Take()
				if n := strings.Count(said, "\n"); n != 1 || !strings.Contains(said, c.over) {
					t.Errorf("%d lines when it is over, want %q once:\n%s", n, c.over, said)
				}
			})
		})
	}
}

// comesAndGoes has a registrar close its connections after so long, for a day.
func comesAndGoes(l *lab, after time.Duration) {
	go func() {
		for end := time.Now().Add(8 * time.Hour); time.Now().Before(end); time.Sleep(after) {
			l.current().conn.Close()
		}
	}()
}
