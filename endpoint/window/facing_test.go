package window

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/media"
	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

// A phone that agreed on pictures and shows none gets ours for ten seconds; and again as soon as it shows one.
func TestWhoShowsNothingDoesNotSee(t *testing.T) {
	simulate(t, func(l *lab) {
		in, f := l.withPhone()
		defer f.close()
		f.blind(true)
		time.Sleep(8 * time.Second)
		if !l.devices.Running(protocol.Camera) {
			t.Error("the camera is off too soon")
		}
		time.Sleep(5 * time.Second)
		s := l.w.Status()
		if l.devices.Running(protocol.Camera) || s.Calls[0].Hidden.IsZero() || !s.Calls[0].Blank || s.Screen.Reason != "On the phone" ||
			s.Screen.Next != "They hear you. They do not show themselves, so they do not see you." {
			t.Errorf("camera %v, calls %+v, screen %+v", l.devices.Running(protocol.Camera), s.Calls, s.Screen)
		}
		if !l.devices.Running(protocol.Sound) {
			t.Error("the microphone is off")
		}
		before := f.pictures()
		time.Sleep(2 * time.Minute)
		if n := f.pictures() - before; n != 0 {
			t.Errorf("it got %d pictures", n)
		}
		// After a hold it may take its time to show itself, once.
		offer := string(f.offer())
		f.sdp.Withdraw()
		hold := func() {
			for _, says := range []string{"inactive", "sendrecv"} {
				a := l.reoffer(in.fakeDialog, []byte(strings.ReplaceAll(offer, "a=sendrecv", "a="+says)))
				<-a.answer
				time.Sleep(3 * time.Second)
			}
		}
		hold()
		time.Sleep(10 * time.Second)
		before = f.pictures()
		hold()
		if n := f.pictures() - before; n != 0 || l.devices.Running(protocol.Camera) {
			t.Errorf("it got %d pictures", n)
		}
		f.blind(false)
		f.session.RequestKeyframe()
		f.show()
		time.Sleep(3 * time.Second)
		if s := l.w.Status(); !s.Calls[0].Hidden.IsZero() || f.pictures() == before || !s.Screen.Picture {
			t.Errorf("after a picture: calls %+v, screen %+v", s.Calls, s.Screen)
		}
	})
}

// The plan may have a phone see the window whatever it shows.
func TestAlways(t *testing.T) {
	for _, says := range []string{"sendrecv", "recvonly"} {
		simulate(t, func(l *lab) {
			p := plan("milano")
			p.Links, p.Phones = nil, []programme.Phone{{Account: "desk", Name: "Door", Security: programme.SDES, Picture: true, Always: true}}
			l.online(p)
			f := l.far(negotiate.SDES)
			defer f.close()
			f.blind(true)
			in := l.invite("p", "desk", []byte(strings.ReplaceAll(string(f.offer()), "a=sendrecv", "a="+says)))
			f.accept(<-in.answered)
			in.ack <- nil
			time.Sleep(time.Minute)
			s := l.w.Status()
			if len(s.Calls) != 1 || !l.devices.Running(protocol.Camera) || f.pictures() < 100 || !strings.Contains(s.Screen.Next, "They see you, and show no picture.") {
				t.Errorf("%s: calls %+v, camera %v, %d pictures, screen %+v", says, s.Calls, l.devices.Running(protocol.Camera), f.pictures(), s.Screen)
			}
		})
	}
}

// "Here they come" is said for some seconds only, also to what sends junk instead of pictures.
func TestNoPictureComes(t *testing.T) {
	for name, sends := range map[string]func(*far){
		"nothing": func(*far) {},
		"junk": func(f *far) {
			for range 30 * 20 {
				f.session.SendVideo(junk)
				time.Sleep(time.Second / 30)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				l.planned(plan("milano"))
				f := l.far(negotiate.SDES)
				defer f.close()
				f.blind(true)
				in := l.invite("p", "desk", f.offer())
				f.accept(<-in.answered)
				in.ack <- nil
				go sends(f)
				time.Sleep(3 * time.Second)
				if s := l.w.Status(); s.Screen.Reason != "Here they come" {
					t.Errorf("at first: %+v", s.Screen)
				}
				time.Sleep(4 * time.Second)
				if s := l.w.Status(); s.Screen.Reason != "On the phone" {
					t.Errorf("later: %+v", s.Screen)
				}
				time.Sleep(20 * time.Second)
			})
		})
	}
}

// junk is a keyframe for our own sender, and for nobody else: its parameter sets cannot be read.
var junk = media.AccessUnit{Key: true, Data: []byte{0, 0, 0, 1, 0x67, 1, 2, 3, 0, 0, 0, 1, 0x68, 1, 0, 0, 0, 1, 0x65, 1, 2, 3, 4, 5, 6, 7, 8, 9}}

// The registrar is told of a partner's line that is silent, again until it has heard of it, of one that is back, and of one that is well when it is another registrar.
func TestLineIsReported(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		defer f.close()
		d := l.called(f, "a")
		time.Sleep(10 * time.Second)
		if got := d.reported(); len(got) != 0 {
			t.Errorf("of a line that is well: %v", got)
		}
		l.sip.tell(registration{errors.New("away")})
		l.net.Cut(farHost, milanoHost)
		time.Sleep(4 * time.Second)
		if got := d.reported(); len(got) != 0 {
			t.Errorf("while the registrar is away: %v", got)
		}
		l.sip.tell(registration{})
		time.Sleep(2 * time.Second)
		l.sip.tell(registration{}) // of a registrar that has forgotten
		time.Sleep(2 * time.Second)
		l.net.Restore(farHost, milanoHost)
		time.Sleep(2 * time.Second)
		if got := d.reported(); !slices.Equal(got, []bool{false, false, true}) {
			t.Errorf("reported %v", got)
		}
		l.sip.tell(registration{}) // of one that does not know of the call
		time.Sleep(2 * time.Second)
		if got := d.reported(); !slices.Equal(got, []bool{false, false, true, true}) {
			t.Errorf("reported %v", got)
		}
	})
}

// Two windows of which each stops for the other would never see each other again.
func TestPartnersDoNotWaitForEachOther(t *testing.T) {
	talk := func(r *run, until time.Duration, sees, shows bool) {
		for end := nine.Add(until); r.now.Before(end); {
			r.now = r.now.Add(500 * time.Millisecond)
			for _, c := range r.s.Calls {
				m := Media{ID: c.ID, Heard: r.now, Told: r.now, Seen: c.Seen, Starved: c.Starved}
				if sees {
					m.Seen = r.now
				}
				if shows && c.Hidden.IsZero() {
					m.Showed = r.now
				}
				r.send(m)
			}
			r.send(Tick{})
		}
	}
	up := func(space string) *run {
		r := start(space)
		r.now = nine
		r.send(Planned{plan(space)})
		if space == "milano" {
			r.send(Registered{})
		} else {
			r.send(Invited{ID: "x", From: "milano"})
		}
		r.send(Agreed{r.call().ID, Terms{Shows: true}})
		talk(r, 10*time.Second, true, true)
		return r
	}
	hidden := func(r *run) bool { return !r.call().Hidden.IsZero() }
	t.Run("its camera is off", func(t *testing.T) {
		r := up("munich")
		if talk(r, 19*time.Second, false, true); hidden(r) {
			t.Error("too soon")
		}
		if talk(r, 10*time.Minute, false, true); !hidden(r) {
			t.Error("it sees us")
		}
		if talk(r, 10*time.Minute+time.Second, true, true); hidden(r) {
			t.Error("it shows itself, and does not see us")
		}
	})
	t.Run("whoever called tries again", func(t *testing.T) {
		r := up("milano")
		shown := 0
		for at := 10 * time.Second; at < 10*time.Minute; at += time.Second {
			if talk(r, at, false, true); at > time.Minute && !hidden(r) {
				shown++
			}
		}
		if shown < 60 || shown > 120 {
			t.Errorf("shown for %d s of 9 min", shown)
		}
	})
	t.Run("the line has no room for its pictures", func(t *testing.T) {
		r := up("munich")
		for at := 10 * time.Second; at < 2*time.Minute; at += 5 * time.Second {
			r.send(Media{ID: r.call().ID, Heard: r.now, Told: r.now, Seen: r.call().Seen, Showed: r.now, Starved: r.now})
			if talk(r, at, false, true); hidden(r) {
				t.Fatalf("it is taken for one that hides after %v", at)
			}
		}
		if talk(r, 150*time.Second, false, true); !hidden(r) {
			t.Error("its camera is off since, and it sees us")
		}
	})
	t.Run("our own camera is off", func(t *testing.T) {
		r := up("munich")
		if talk(r, 5*time.Minute, false, false); hidden(r) {
			t.Error("it never had its chance")
		}
	})
	t.Run("the line was down", func(t *testing.T) {
		r := up("munich")
		talk(r, 2*time.Minute, false, true)
		r.until(nine.Add(2*time.Minute+15*time.Second), func(*Call) bool { return false })
		if talk(r, 2*time.Minute+20*time.Second, false, true); hidden(r) {
			t.Error("it is not shown to when the line is back")
		}
	})
}
