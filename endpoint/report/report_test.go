package report

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/endpoint/status"
	"ewindow/registrar/signal/health"
)

var nine = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

func sample() status.Status {
	return status.Status{
		Space: "milano", Version: "v1.2.0", At: nine, Started: nine.Add(-time.Hour), Keys: status.Keys{Words: "its own words", State: "confirmed"},
		Registration: status.Registration{Online: true},
		Calls: []status.Call{
			{ID: "phone@x", Role: "phone", Peer: "desk", Up: true},
			{ID: "secret@x", Role: "partner", Peer: "munich", Up: true, Shown: true, Since: nine.Add(-time.Minute), Path: "host", Keys: "dtls",
				Figures: status.Figures{Expected: 1000, Missed: 20, Gone: 1, RTT: 12.5, FPSIn: 30, KbpsIn: 1800, KbpsOut: 2000}}},
		Devices: []status.Device{{Role: "camera", On: true, Device: "gst rtspsrc location=rtsp://me:hunter2@cam", Encoder: "x264enc", Busy: "15 pictures"},
			{Role: "screen", On: true, Down: true, Failures: 2, Failure: "hunter2"},
			{Role: "sound", Missing: "No microphone", Reason: "hunter2", Down: true}},
		Faults: []status.Fault{{What: "camera failed", Why: "rtsp://me:hunter2@cam", Began: nine.Add(-time.Minute), Over: nine.Add(-50 * time.Second), By: "a new process", Before: 1}},
	}
}

// What is told is what an operator asks for: no secret, no identity of a call, nothing that drivers and files say.
func TestOf(t *testing.T) {
	want := health.Health{
		Version: "v1.2.0", Clock: nine, Up: 3600, Encoder: "x264enc", Trust: "confirmed",
		Devices: []health.Device{{Role: "camera", Busy: true}, {Role: "screen", Down: true, Failures: 2}, {Role: "sound", Missing: "No microphone"}},
		Call:    &health.Call{Peer: "munich", State: health.Picture, For: 60, Path: "host", Keys: "dtls", Loss: 2, Gone: 0.1, RTT: 12.5, FPSIn: 30, KbpsIn: 1800, KbpsOut: 2000},
		Fault:   &health.Fault{What: "camera failed", Ago: 60, Lasted: 10, By: "a new process", Before: 1},
	}
	got := Of(sample(), nil)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v %+v\nwant %+v", got, *got.Call, *got.Fault, want)
	}
	b, err := health.Encode(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"hunter2", "secret@x", "its own words", "gst"} {
		if strings.Contains(string(b), no) {
			t.Errorf("%q is told: %s", no, b)
		}
	}
	for want, change := range map[string]func(*status.Call){
		health.Trying: func(c *status.Call) { c.Up = false }, health.Silent: func(c *status.Call) { c.Silent = nine },
		health.Blank: func(c *status.Call) { c.Blank = true }, health.Heard: func(c *status.Call) { c.NoVideo = true },
	} {
		s := sample()
		change(&s.Calls[1])
		if got := Of(s, nil).Call.State; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := Of(status.Status{At: nine, Started: nine}, nil); !reflect.DeepEqual(got, health.Health{Clock: nine}) {
		t.Errorf("of nothing: %+v", got)
	}
}

// A window tells of news five seconds after it told last at the soonest, not of what changes all the time, and not while it is away.
func TestWhenItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sample()
		r := &Reporter{}
		if r.Body() != nil {
			t.Error("the doctor's registration tells of a window")
		}
		told := make(chan struct{}, 1000)
		r.Now = func() status.Status {
			now := s
			now.At = time.Now()
			now.Calls[1].Figures.KbpsIn++
			return now
		}
		r.Tell = func() { told <- struct{}{}; r.Body() }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		r.Body() // with the first registration
		go func() { done <- r.Run(ctx) }()
		step := func(d time.Duration, want int) {
			t.Helper()
			synctest.Wait()
			before := len(told)
			time.Sleep(d)
			synctest.Wait()
			if n := len(told) - before; n != want {
				t.Errorf("told %d times in %v, want %d", n, d, want)
			}
		}
		step(time.Hour, 0)
		r.mu.Lock()
		s.Devices[2].Missing = "No speaker"
		r.mu.Unlock()
		step(3*time.Second, 1)
		before := len(told)
		for i := range 30 { // it comes and goes
			r.mu.Lock()
			s.Devices[2].Missing = []string{"", "No speaker"}[i%2]
			r.mu.Unlock()
			time.Sleep(2500 * time.Millisecond)
		}
		if n := len(told) - before; n < 5 || n > 15 {
			t.Errorf("%d times in 75 s", n)
		}
		time.Sleep(10 * time.Second)
		step(10*time.Second, 0)
		r.mu.Lock()
		s.Registration.Online, s.Keys.State = false, "changed"
		r.mu.Unlock()
		step(time.Minute, 0)
		r.mu.Lock()
		s.Registration.Online = true
		r.mu.Unlock()
		step(3*time.Second, 1)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Loss is that of the last one to two minutes: a bad morning is not told all day.
func TestLossIsThatOfNow(t *testing.T) {
	r := &Reporter{}
	at, f := nine, status.Figures{}
	r.Now = func() status.Status {
		s := sample()
		s.At, s.Calls[1].Figures = at, f
		return s
	}
	loss := func() float64 {
		h, err := health.Decode(r.Body())
		if err != nil {
			t.Fatal(err)
		}
		return h.Call.Loss
	}
	run := func(d time.Duration, missed uint64) {
		for range d / look {
			at = at.Add(look)
			f.Expected, f.Missed = f.Expected+100, f.Missed+missed
			r.look()
		}
	}
	run(10*time.Minute, 10)
	if got := loss(); got != 10 {
		t.Errorf("%v %%, want 10", got)
	}
	run(3*time.Minute, 0)
	if got := loss(); got != 0 {
		t.Errorf("three minutes later %v %%, want 0", got)
	}
	f = status.Figures{Expected: 50, Missed: 5} // another call, of the same name even
	if got := loss(); got != 10 {
		t.Errorf("of another call %v %%", got)
	}
}
