//go:build !race

package town

import (
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media/engine/protocol"
	registrar "ewindow/registrar/status"
)

// health is what the registrar knows of a window by its own words, or nil.
func (tw *Town) health(w *Window) *registrar.Health {
	return tw.server.Status().Account(w.Space).Health
}

// fault is the last at a window, which is to be over, and says so.
func (w *Window) fault() string {
	f := w.Status().LastFault()
	if f == nil || f.Over.IsZero() {
		return "none that is over"
	}
	return f.What + ", repaired by " + f.By
}

// slowly is together at a pace that is enough for what is not about pictures.
func slowly(tw *Town) (a, b *Window) {
	for _, space := range []string{"milano", "munich"} {
		tw.Window(space).Devices.SetPace(500*time.Millisecond, 500*time.Millisecond)
	}
	return together(tw)
}

// The registrar knows within ten seconds what its windows lack, whom they see and how, and forgets it with them.
func TestTheRegistrarKnowsHowWindowsDo(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := slowly(tw)
		h := tw.health(b)
		if h == nil || h.Version != "v1.2.3" || h.Encoder != "fake" || h.Call == nil || h.Call.Peer != "milano" || h.Call.State != "picture" || len(h.Devices) != 0 ||
			h.ClockOff < -1 || h.ClockOff > 1 || h.Trust == "" || h.Call.Keys != "dtls" {
			t.Fatalf("%+v", h)
		}
		says := func(want string, so bool) {
			t.Helper()
			if text := tw.server.Status().Text(time.UTC); strings.Contains(text, want) != so {
				t.Errorf("%q is said: %t\n%s", want, !so, text)
			}
		}
		says("v1.2.3\n", true)
		says("1 of 1 links are up\n", true)
		says("!", false)
		b.Devices.Lack(protocol.Camera, "No camera")
		b.Devices.Crash(protocol.Camera)
		time.Sleep(10 * time.Second)
		says("v1.2.3\n  ! No camera\n", true)
		if w := tw.server.State().Windows["munich"]; w.Version != "v1.2.3" || !w.Lacking["camera"] || w.Lacking["sound"] {
			t.Errorf("metrics: %+v", w)
		}
		b.Devices.Lack(protocol.Camera, "")
		b.Devices.Crash(protocol.Camera)
		time.Sleep(10 * time.Second)
		says("!", false)
		if f := tw.health(b).Fault; f == nil || f.What != "camera failed" || f.By != "a new process" || f.Before != 1 {
			t.Errorf("%+v", f)
		}
		b.Devices.LoseEncoder()
		time.Sleep(10 * time.Second)
		if h := tw.health(b); h.Encoder != "x264enc" || h.Fault.What != "encoder fake failed" || h.Fault.By != "x264enc" || h.Fault.Before != 0 {
			t.Errorf("%+v", h.Fault)
		}
		time.Sleep(4 * time.Minute) // it is tried again, and fails again, which is no news
		if h := tw.health(b); h.Fault.Before != 0 {
			t.Errorf("%+v", h.Fault)
		}
		if h := tw.health(a); time.Since(h.Told) > 151*time.Second || h.Call.KbpsIn == 0 || h.Call.FPSIn == 0 {
			t.Errorf("minutes later %v old: %+v", time.Since(h.Told), h.Call)
		}
		b.PowerCut()
		time.Sleep(20 * time.Second)
		if tw.health(b) != nil || tw.health(a) == nil {
			t.Errorf("after a power cut: %+v", tw.health(b))
		}
		says("munich  with milano  away", true)
		says("  ! munich is away\n", false) // the call is there, as far as milano knows
		says("  ! nothing comes to it from munich\n", true)
		if text := tw.server.Status().Detail("milano", time.UTC); !strings.Contains(text, "line to munich silent, still so after ") || !strings.Contains(text, "nothing comes\n") {
			t.Errorf("%s", text)
		}
		b.Start()
		time.Sleep(time.Minute)
		says("!", false)
		if got := a.fault(); got != "line to munich silent, repaired by a new call" {
			t.Error(got)
		}
		a.Stop()
		time.Sleep(time.Second)
		if tw.health(a) != nil {
			t.Errorf("switched off: %+v", tw.health(a))
		}
		a.Start()
		time.Sleep(20 * time.Second)
		tw.StopRegistrar()
		time.Sleep(time.Minute)
		tw.StartRegistrar()
		time.Sleep(time.Minute)
		if h := tw.health(a); h == nil || h.Call == nil || h.Call.State != "picture" || a.fault() != "registrar away, repaired by another registration" {
			t.Errorf("another registrar: %+v, %s", h, a.fault())
		}
	})
}

// What repaired a line is told as it was.
func TestWhatRepairedTheLine(t *testing.T) {
	for by, c := range map[string]func(tw *Town, a, b *Window){
		"itself":      func(tw *Town, a, b *Window) { tw.cut(a, b, 5*time.Second) },
		"a re-INVITE": func(tw *Town, a, b *Window) { tw.cut(a, b, 15*time.Second) },
		"a new call":  func(tw *Town, a, b *Window) { b.PowerCut(); time.Sleep(5 * time.Second); b.Start() },
		"the plan: nobody is to be seen": func(tw *Town, a, b *Window) {
			b.PowerCut()
			time.Sleep(5 * time.Second)
			tw.Edit(strings.Replace(always, `open     = "24/7"`, `open = "Mo 00:00-01:00"`, 1))
		},
	} {
		t.Run(by, func(t *testing.T) {
			Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
				a, b := slowly(tw)
				c(tw, a, b)
				time.Sleep(30 * time.Second)
				if got := a.fault(); got != "line to munich silent, repaired by "+by {
					t.Errorf("%s: %+v", got, a.Status().Faults)
				}
			})
		})
	}
}

func (tw *Town) cut(a, b *Window, d time.Duration) {
	tw.Net.CutBoth(a.Host, b.Host)
	time.Sleep(d)
	tw.Net.RestoreBoth(a.Host, b.Host)
}

// A window with two ways that loses one is there, and so is what it tells.
func TestHealthByTwoWays(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		tw.Window("munich").TwoWays = true
		_, b := slowly(tw)
		tw.Net.CutBoth(b.Host, registrarHost)
		time.Sleep(30 * time.Second)
		if h := tw.health(b); h == nil {
			t.Error("it is forgotten with one of two ways")
		}
		b.Devices.Lack(protocol.Sound, "No microphone")
		b.Devices.Crash(protocol.Sound)
		time.Sleep(10 * time.Second)
		if h := tw.health(b); h == nil || len(h.Devices) != 1 || h.Devices[0].Missing != "No microphone" {
			t.Errorf("by the other way: %+v", h)
		}
		if text := tw.server.Status().Text(time.UTC); strings.Contains(text, "take the line from each other") {
			t.Errorf("one window with two ways:\n%s", text)
		}
	})
}

// A fault that comes and goes all day leaves room for others.
func TestFaultsAreBounded(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := slowly(tw)
		for range 3 {
			tw.cut(a, b, 4*time.Second)
			time.Sleep(20 * time.Second)
		}
		a.Devices.Crash(protocol.Screen)
		for range 3 * status.MaxFaults {
			a.Devices.Crash(protocol.Camera)
			time.Sleep(time.Minute)
		}
		fs := a.Status().Faults
		if len(fs) != 3 || fs[0].What != "line to munich silent" || fs[0].Before != 2 || fs[2].What != "camera failed" || fs[2].Before != 3*status.MaxFaults-1 {
			t.Errorf("%+v", fs)
		}
	})
}
