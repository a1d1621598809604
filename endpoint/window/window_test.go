package window

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/endpoint/planfile"
	"ewindow/endpoint/status"
	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

func encode(t *testing.T, p *programme.Programme) []byte {
	t.Helper()
	b, err := programme.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A day: it calls, shows, and closes by the plan; Status says so all the while.
func TestOpensAndCloses(t *testing.T) {
	simulate(t, func(l *lab) {
		if s := l.w.Status(); s.Registration.Online || !s.Plan.Received.IsZero() || s.Screen.Reason != "Waiting for the plan" {
			t.Errorf("at the start: %+v", s)
		}
		p := plan("milano")
		p.Links[0].Until = nine.Add(time.Hour + time.Minute)
		p.Links, p.Revision = p.Links[:1], "r1"
		l.online(p)
		f := l.far(negotiate.DTLS)
		defer f.close()
		d := l.called(f, "a")
		l.sees("when open")
		s := l.w.Status()
		c := s.Call("munich")
		if c == nil || !c.Up || !c.Shown || !c.Ours || c.ID != "a" || c.Role != "partner" || c.Media != "opus + H264 over SRTP, keys by DTLS" || c.Keys != "dtls" {
			t.Errorf("call %+v", c)
		}
		if s.Plan.Revision != "r1" || s.Plan.Partner != "munich" || !s.Plan.Next.At.Equal(p.Links[0].Until) || s.Plan.Next.Partner != "" {
			t.Errorf("plan %+v", s.Plan)
		}
		if len(s.Devices) != 3 || s.Devices[0].Role != "camera" || !s.Devices[0].On || s.Devices[2].Device == "" {
			t.Errorf("devices %+v", s.Devices)
		}
		time.Sleep(2 * time.Second)
		if f := l.w.Status().Calls[0].Figures; f.FPSIn < 29 || f.FPSIn > 31 || f.FPSOut < 29 || f.PicturesIn < 60 || f.KbpsIn == 0 || f.RTT == 0 {
			t.Errorf("figures %+v", f)
		}
		time.Sleep(time.Until(p.Links[0].Until.Add(time.Second)))
		l.quiet("after closing time")
		if said := d.said(); len(said) != 1 {
			t.Errorf("BYEs %q", said)
		}
		s = l.w.Status()
		if last := s.Last("munich"); last == nil || last.Why != "the plan says so" || last.Up.IsZero() || len(s.Calls) > 0 || s.Devices[0].On {
			t.Errorf("last %+v, calls %+v, devices %+v", last, s.Calls, s.Devices)
		}
	})
}

// The first picture takes the place of the words at once, whenever it comes.
func TestTheFirstPictureIsShownAtOnce(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		defer f.close()
		f.blind(true)
		l.called(f, "a")
		time.Sleep(2 * time.Second)
		time.Sleep(time.Until(time.Now().Truncate(tick).Add(tick + 50*time.Millisecond)))
		if s := l.w.Status().Screen; s.Picture {
			t.Fatalf("before the first picture: %+v", s)
		}
		f.show()
		time.Sleep(150 * time.Millisecond) // to a path that nobody knows it goes after 100
		if s := l.w.Status().Screen; !s.Picture {
			t.Errorf("after it: %+v", s)
		}
	})
}

// A plan that cannot be used changes nothing.
func TestBadPlans(t *testing.T) {
	simulate(t, func(l *lab) {
		p := plan("milano")
		p.Revision = "good"
		l.online(p)
		other := plan("munich")
		for name, body := range map[string][]byte{"of another": encode(t, other), "nonsense": []byte("{"), "empty": nil} {
			l.sip.tell(planCame{body})
			synctest.Wait()
			if got := l.w.Status().Plan.Revision; got != "good" {
				t.Errorf("%s: revision %q", name, got)
			}
		}
	})
}

// keep never waits, and of the plans that wait only the newest is written.
func TestKeeper(t *testing.T) {
	dir := t.TempDir()
	k := newKeeper(dir)
	for _, revision := range []string{"a", "b", "c"} {
		p := plan("milano")
		p.Revision = revision
		k.keep(p)
	}
	done := make(chan struct{})
	close(done)
	var told []any
	k.run(done, func(m any) { told = append(told, m) })
	p, err := planfile.Load(dir, "milano")
	if err != nil || p.Revision != "c" {
		t.Fatalf("%+v, %v", p, err)
	}
	if len(told) != 1 || told[0] != (kept{}) {
		t.Errorf("told %+v", told)
	}
	// A disk that cannot be written is told.
	k = newKeeper(filepath.Join(dir, "none"))
	k.keep(plan("milano"))
	told = nil
	k.run(done, func(m any) { told = append(told, m) })
	if len(told) != 1 || !errors.Is(told[0].(kept).err, os.ErrNotExist) {
		t.Errorf("told %+v", told)
	}
}

// A device that fails and comes back is told; the call goes on, and pictures come again.
func TestDevices(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		defer f.close()
		l.called(f, "a")
		screen := func() status.Device {
			all := l.w.Status().Devices
			return all[slices.IndexFunc(all, func(d status.Device) bool { return d.Role == "screen" })]
		}
		l.devices.Crash(protocol.Screen)
		synctest.Wait()
		if d := screen(); d.Failures != 1 || !d.Down {
			t.Errorf("after its crash %+v", d)
		}
		time.Sleep(3 * time.Second)
		l.sees("after the screen's crash")
		if d := screen(); d.Failures != 1 || d.Down || d.Failure == "" || d.Failed.IsZero() {
			t.Errorf("after its return %+v", d)
		}
	})
}

// How long the echo takes is known until another way is found.
func TestEchoPathIsKnown(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		defer f.close()
		l.called(f, "a")
		for _, ms := range []float64{152.375, 98} {
			deviceHandler{l.w.stage, l.w}.Event(protocol.Sound, protocol.Event{Kind: protocol.Echo, PathMS: ms})
			synctest.Wait()
			all := l.w.Status().Devices
			i := slices.IndexFunc(all, func(d status.Device) bool { return d.Role == "sound" })
			if i < 0 || all[i].EchoMS != round(ms) {
				t.Errorf("after %v ms: %+v", ms, all)
			}
		}
	})
}

// With the window's end every call gets its BYE from the agent, and nothing of it is left.
func TestStop(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		defer f.close()
		l.called(f, "a")
		l.stop()
		if l.devices.Running(protocol.Camera) || l.devices.Running(protocol.Screen) {
			t.Error("devices run on")
		}
	})
}
