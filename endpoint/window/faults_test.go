//go:build !race

package window

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

// alwaysOpen is a plan in which milano sees munich for days, and calls it.
func alwaysOpen() *programme.Programme {
	p := plan("milano")
	p.Open[0].Until, p.Links[0].Until = p.Until, p.Until
	p.Links = p.Links[:1]
	return p
}

// A partner that is not there all of a working day is at most so many lines, and one when it answers.
func TestADayWithoutThePartnerInTheLog(t *testing.T) {
	const most = 18
	for name, reply := range map[string]func(*outgoing){
		"not there":      func(o *outgoing) { close(o.reply) },
		"slow to answer": func(o *outgoing) { time.Sleep(32 * time.Second); close(o.reply) },
		"wrong answer":   func(o *outgoing) { o.reply <- established{newDialog("x"), "x", []byte("nothing")} },
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				l.online(alwaysOpen())
				over := time.Now().Add(8 * time.Hour)
				for time.Now().Before(over) {
					select {
					case o := <-l.sip.invites:
						go reply(o)
					case <-time.After(time.Minute):
					}
				}
				said := l.log.Take()
				if n := strings.Count(said, "\n"); n == 0 || n > most || !strings.Contains(said, "call failed") {
					t.Errorf("%d lines in a day, want 1 to %d:\n%s", n, most, said)
				}
				f := l.far(negotiate.DTLS)
				defer f.close()
				l.called(f, "a")
				said = l.log.Take()
				if n := strings.Count(said, "calls succeed again"); n != 1 || strings.Contains(said, "call failed") {
					t.Errorf("when it is there again:\n%s", said)
				}
			})
		})
	}
}

// A device that is wrong all of a working day is at most so many lines, and one, at once, when it is right.
func TestADayOfAFaultOfADeviceInTheLog(t *testing.T) {
	const most, day = 18, 8 * time.Hour
	ready := protocol.Event{Kind: protocol.Ready, Device: "camera", Encoder: "x264enc"}
	standIn := protocol.Event{Kind: protocol.Ready, Device: "still", Lacks: "No camera"}
	missing := protocol.Event{Kind: protocol.Missing, Text: "there is no camera"}
	failed := protocol.Event{Kind: protocol.Failed, Text: "camera: signal: segmentation fault"}
	for name, c := range map[string]struct {
		every  time.Duration
		events []protocol.Event
		flaps  bool
	}{
		"missing, said once":      {day, []protocol.Event{missing, standIn}, false},
		"missing, tried again":    {30 * time.Second, []protocol.Event{missing, standIn}, false},
		"fails":                   {5 * time.Second, []protocol.Event{failed}, false},
		"fails, in between ready": {7 * time.Second, []protocol.Event{ready, failed}, true},
		"missing, then it fails":  {7 * time.Second, []protocol.Event{missing, standIn, failed}, true},
		"comes and goes":          {10 * time.Minute, []protocol.Event{missing, standIn, ready}, true},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				l.log.Take()
				say := func(e protocol.Event) { l.w.tell(deviceReport{protocol.Camera, e}); time.Sleep(time.Second) }
				for over := time.Now().Add(day); time.Now().Before(over); time.Sleep(c.every) {
					for _, e := range c.events {
						say(e)
					}
				}
				said := l.log.Take()
				if n := strings.Count(said, "\n"); n == 0 || n > most {
					t.Errorf("%d lines in a day, want 1 to %d:\n%s", n, most, said)
				}
				say(ready)
				if c.flaps {
					time.Sleep(2 * time.Hour)
				}
				said = l.log.Take()
				if n := strings.Count(said, "\n"); n < 1 || n > 2 || strings.Count(said, "no more")+strings.Count(said, "there again") != n {
					t.Errorf("%d lines when it is over:\n%s", n, said)
				}
			})
		})
	}
}

// So is one whose calls come up and are of no use: nothing comes, or it hangs up.
func TestCallsOfNoUseInTheLog(t *testing.T) {
	const most = 12
	for name, c := range map[string]struct {
		after      time.Duration // it hangs up; 0: it stays and sends nothing
		says, over string
	}{
		"nothing comes": {0, "the line is silent", "the line is back"},
		"it hangs up":   {5 * time.Second, "calls do not last", "a call lasts again"},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				l.log.Take()
				l.online(alwaysOpen())
				calls := 0
				for over := time.Now().Add(time.Hour / 2); time.Now().Before(over); calls++ {
					o := <-l.sip.invites
					f, d := l.far(negotiate.DTLS), newDialog(fmt.Sprint(calls))
					o.reply <- established{d, d.id, f.answer(o.offer)}
					if time.Sleep(c.after); c.after > 0 {
						l.w.tell(ended{d, "busy"})
					}
					f.close()
				}
				said := l.log.Take()
				if n := strings.Count(said, "\n"); n > most || calls < 50 || strings.Count(said, c.says) != 2 {
					t.Errorf("%d lines of %d calls, want %d at most and %q twice:\n%s", n, calls, most, c.says, said)
				}
				f := l.far(negotiate.DTLS)
				defer f.close()
				l.called(f, "a")
				time.Sleep(holds)
				if said := l.log.Take(); strings.Count(said, c.over) != 1 || strings.Contains(said, c.says) {
					t.Errorf("when it is there again:\n%s", said)
				}
			})
		})
	}
}
