//go:build !race

package town

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/scripts/lab/memnet"
)

var edited = strings.Replace(week, "[milano, munich]", "[dresden, munich]", 1)

const (
	recovery = 12 * time.Second // after the last fault, or an opening, all must be well
	fresh    = 3 * time.Second  // a picture is not older, at one access unit a second
	closing  = 2 * time.Second  // after the end nothing runs any more
)

// watcher compares what the windows do with what the plan says, once a second.
type watcher struct {
	tw       *Town
	faultEnd time.Time
	openSecs int // in which a picture was asked for, and was there
	problems []string
}

// follow lets simulated time pass until t, watching.
func (o *watcher) follow(t time.Time) {
	for time.Now().Before(t) {
		time.Sleep(time.Second)
		for space, w := range o.tw.windows {
			if w.running != nil {
				o.look(space, w)
			}
		}
	}
}

func (o *watcher) look(space string, w *Window) {
	now := time.Now()
	link, open := o.tw.Plan().LinkAt(space, now)
	scr := w.Devices.Screen()
	if scr.Broken > 0 || scr.Foreign > 0 {
		o.complain(space, "%d broken pictures and %d foreign ones were shown", scr.Broken, scr.Foreign)
	}
	if now.Before(o.faultEnd.Add(recovery)) {
		return
	}
	if !open {
		if _, was := o.tw.Plan().LinkAt(space, now.Add(-closing)); was {
			return
		}
		for _, role := range []protocol.Role{protocol.Camera, protocol.Sound} {
			if w.Devices.Running(role) {
				o.complain(space, "closed, and %s runs", role)
			}
		}
		if scr.Card.Picture || !strings.HasPrefix(scr.Card.Reason, "Closed") && scr.Card.Reason != "Nobody to see" {
			o.complain(space, "closed, and the screen says %+v", scr.Card)
		}
		return
	}
	if _, settled := o.tw.Plan().LinkAt(space, now.Add(-recovery)); !settled {
		return
	}
	partner := o.tw.Window(link.Partner(space))
	if age := now.Sub(scr.At); age > fresh || scr.Seed != uint16(partner.Host.As4()[3]) || !scr.Card.Picture {
		o.complain(space, "the picture of %s is %v old, seed %d, card %+v", partner.Space, age, scr.Seed, scr.Card)
		return
	}
	o.openSecs++
}

func (o *watcher) complain(space, format string, args ...any) {
	if len(o.problems) < 20 {
		o.problems = append(o.problems, fmt.Sprintf("%s %s: %s", time.Now().In(berlin).Format("Mon 15:04:05"), space, fmt.Sprintf(format, args...)))
	}
}

// around makes something go wrong at a moment, at full rate for the minute around it.
func (o *watcher) around(t time.Time, fault func()) {
	o.follow(t.Add(-10 * time.Second))
	o.pace(33*time.Millisecond, 20*time.Millisecond)
	o.follow(t)
	fault()
	o.faultEnd = time.Now()
	o.follow(time.Now().Add(50 * time.Second))
	o.pace(time.Second, 3*time.Second)
}

func (o *watcher) pace(picture, sound time.Duration) {
	for _, w := range o.tw.windows {
		w.Devices.SetPace(picture, sound)
	}
}

// A week in the life of three windows. Whatever breaks, soon after it is over there is a fresh picture both ways in
// opening hours, and outside of them neither media nor camera.
func TestWeek(t *testing.T) {
	Simulate(t, 7, at(22, 0, 0), week, func(tw *Town) {
		milano, munich, dresden := tw.Window("milano"), tw.Window("munich"), tw.Window("dresden")
		o := &watcher{tw: tw, faultEnd: time.Now()}
		o.pace(time.Second, 3*time.Second)
		for _, w := range []*Window{milano, munich, dresden} {
			w.Start()
		}
		// Monday: nothing. Tuesday: a bad line, a cut of 8 s, of 40 s, and of one direction.
		o.around(at(23, 10, 5), func() {
			tw.Net.Between(milano.Host, munich.Host, memnet.Conditions{Latency: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.05, Duplicate: 0.02, Reorder: 0.05})
			o.follow(time.Now().Add(time.Minute))
			tw.Net.Between(milano.Host, munich.Host, memnet.Conditions{Latency: 10 * time.Millisecond})
		})
		cut := func(d time.Duration) func() {
			return func() {
				tw.Net.CutBoth(milano.Host, munich.Host)
				time.Sleep(d)
				tw.Net.RestoreBoth(milano.Host, munich.Host)
			}
		}
		o.around(at(23, 10, 20), cut(8*time.Second))
		o.around(at(23, 10, 30), cut(40*time.Second))
		o.around(at(23, 10, 40), func() {
			tw.Net.Cut(milano.Host, munich.Host)
			time.Sleep(40 * time.Second)
			tw.Net.Restore(milano.Host, munich.Host)
		})
		// Wednesday: the registrar restarts, twice; the call does not notice.
		o.around(at(24, 10, 20), func() {
			before := milano.With(munich)
			tw.StopRegistrar()
			o.follow(time.Now().Add(2 * time.Minute))
			tw.StartRegistrar()
			o.follow(time.Now().Add(time.Minute))
			if after := milano.With(munich); before == nil || after == nil || after.ID != before.ID {
				t.Errorf("the call before the registrar's restart: %+v, after it: %+v", before, after)
			}
		})
		// Thursday: power cuts of either side, and devices that crash and hang.
		o.around(at(25, 10, 10), func() { munich.PowerCut(); time.Sleep(20 * time.Second); munich.Start() })
		o.around(at(25, 10, 15), func() { munich.PowerCut(); time.Sleep(3 * time.Second); munich.Start() })
		o.around(at(25, 10, 20), func() { milano.PowerCut(); time.Sleep(2 * time.Second); milano.Start() })
		o.around(at(25, 10, 30), func() { milano.Devices.Crash(protocol.Camera); munich.Devices.Hang(protocol.Screen) })
		// Friday: the plan is edited while the window is open; and back.
		o.around(at(26, 10, 20), func() {
			tw.Edit(edited)
			time.Sleep(2 * time.Second)
			if s := dresden.Devices.Screen(); !s.Card.Picture || s.Seed != uint16(munich.Host.As4()[3]) {
				t.Errorf("2 s after the edit dresden shows %+v", s)
			}
		})
		o.around(at(26, 10, 40), func() { tw.Edit(week) })
		// On Sunday the window is open for an hour by any clock that was not put forward.
		o.follow(at(29, 0, 0))
		for _, p := range o.problems {
			t.Error(p)
		}
		want := 0
		for now := at(22, 0, 0); now.Before(at(29, 0, 0)); now = now.Add(time.Second) {
			if _, open := tw.Plan().LinkAt("milano", now); open {
				want += 2
			}
		}
		t.Logf("%d of %d seconds in opening hours were watched", o.openSecs, want)
		if o.openSecs < want*9/10 {
			t.Errorf("a picture was seen in %d of %d seconds of opening hours", o.openSecs, want)
		}
	})
}
