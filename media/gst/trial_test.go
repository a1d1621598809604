package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// An encoder is judged by whether it goes on, never by how fast: what comes, each with the time since what came before.
func TestTrialsAreNotRaces(t *testing.T) {
	type unit struct {
		after time.Duration
		key   bool
	}
	every := func(d time.Duration, n int, keys ...int) (units []unit) {
		for i := range n {
			u := unit{after: d}
			for _, k := range keys {
				u.key = u.key || k == i
			}
			units = append(units, u)
		}
		return units
	}
	hardware, software := encoder{hardware: true}.limits(), encoder{}.limits()
	for name, c := range map[string]struct {
		limits trialLimits
		units  []unit
		ended  bool // all pictures have gone through; else nothing more comes
		text   string
		took   time.Duration
	}{
		"fast":                          {hardware, every(10*time.Millisecond, 15, 0, 3), false, "", 150 * time.Millisecond},
		"slow":                          {hardware, every(time.Second, 15, 0, 3), false, "", 5 * time.Second},
		"slow in software":              {software, every(2*time.Second, 15, 0, 3), false, "", 10 * time.Second},
		"slow to begin":                 {software, append([]unit{{7 * time.Second, true}}, every(20*time.Millisecond, 14, 3)...), false, "", 7080 * time.Millisecond},
		"keyframe late":                 {hardware, every(500*time.Millisecond, 15, 0, 9), false, "", 5 * time.Second},
		"hangs at once":                 {hardware, nil, false, "gave 0 of 15 access units and then none for 4s", 4 * time.Second},
		"hangs after one":               {hardware, every(50*time.Millisecond, 1, 0), false, "gave 1 of 15 access units and then none for 4s", 4050 * time.Millisecond},
		"hangs after some":              {hardware, every(10*time.Millisecond, 8, 0, 3), false, "gave 8 of 15 access units and then none for 4s", 4080 * time.Millisecond},
		"hangs in software":             {software, every(50*time.Millisecond, 4, 0), false, "gave 4 of 15 access units and then none for 8s", 8200 * time.Millisecond},
		"so slow that it is of no use":  {hardware, every(3*time.Second, 15, 0), false, "gave 3 of 15 access units in 10s", 10 * time.Second},
		"gives half":                    {software, every(10*time.Millisecond, 7, 0, 3), true, "gave 7 of 15 access units", 70 * time.Millisecond},
		"gives most":                    {software, every(10*time.Millisecond, 12, 0, 3), true, "", 120 * time.Millisecond},
		"no keyframe":                   {software, every(10*time.Millisecond, 15, 0), true, "makes no keyframe when asked to", 150 * time.Millisecond},
		"no keyframe first":             {software, every(10*time.Millisecond, 15, 1, 3), true, "does not begin with a keyframe", 10 * time.Millisecond},
		"slow, and no keyframe comes":   {software, every(time.Second, 15, 0), true, "makes no keyframe when asked to", 15 * time.Second},
		"slower, and no keyframe comes": {software, every(2*time.Second, 15, 0), true, "gave 7 of 15 access units in 15s", 15 * time.Second},
	} {
		began := time.Unix(1000, 0)
		now := began
		judge := func() error {
			tr := newTrial(c.limits, *testCamera(), now)
			for _, u := range c.units {
				if tr.enough() {
					return tr.judge(false)
				}
				if now.Add(u.after).After(tr.end()) {
					now = tr.end()
					return tr.judge(true)
				}
				now = now.Add(u.after)
				if err := tr.take(u.key, 100, now); err != nil {
					return err
				}
			}
			if c.ended || tr.enough() {
				return tr.judge(false)
			}
			now = tr.end()
			return tr.judge(true)
		}
		err := judge()
		if (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, expected %q", name, err, c.text)
		}
		if took := now.Sub(began); took != c.took {
			t.Errorf("%s: judged after %v, expected %v", name, took, c.took)
		}
	}
}

// Hardware comes first, in software the first that works, and if none does, the one that gave the most.
func TestChoiceOfTheEncoder(t *testing.T) {
	few := func(n int) error { return &fewError{units: n, pictures: 15} }
	no := errors.New("not on this machine")
	for _, c := range []struct {
		results map[string]error // of trials; nil where there is none
		wanted  string
		chosen  string
		why     string
	}{
		{map[string]error{"vah264enc": nil, "x264enc": nil}, "auto", "vah264enc", "vah264enc: works here, unverified"},
		{map[string]error{"v4l2h264enc": few(1), "x264enc": nil}, "auto", "x264enc", "v4l2h264enc: gave 1 of 15 access units; "},
		{map[string]error{"x264enc": few(0), "openh264enc": nil}, "auto", "openh264enc", "openh264enc: works"},
		{map[string]error{"x264enc": few(0), "openh264enc": few(4)}, "auto", "openh264enc", "openh264enc: taken as the best of these"},
		{map[string]error{"x264enc": few(4), "openh264enc": few(4)}, "", "x264enc", "x264enc: taken as the best of these"},
		{map[string]error{"v4l2h264enc": few(9), "x264enc": few(1)}, "auto", "x264enc", "x264enc: taken"},
		{map[string]error{"vah264enc": nil, "x264enc": few(1)}, "x264enc", "x264enc", "x264enc: gave 1 of 15 access units; x264enc: taken"},
		{map[string]error{"v4l2h264enc": few(9), "x264enc": few(0)}, "auto", "", "no H.264 encoder works"},
		{nil, "auto", "", "no H.264 encoder works"},
		{nil, "fax", "", `encoder "fax" is not known`},
	} {
		f := *testCamera()
		f.Encoder = c.wanted
		e, why, err := choose(f, encoders(), func(e encoder, _ videoFormat) error {
			if err, tried := c.results[e.name]; tried {
				return err
			}
			return no
		})
		if err != nil {
			why = err.Error()
		}
		if (err == nil) != (c.chosen != "") || err == nil && e.name != c.chosen || !strings.Contains(why, c.why) {
			t.Errorf("%v: %q, %s, expected %q, %s", c.results, e.name, why, c.chosen, c.why)
		}
	}
}

// The same with real pipelines.
func TestTrialOfSlowAndHungEncoders(t *testing.T) {
	gst(t)
	i := 0
	for encoders()[i].name != "x264enc" {
		i++
	}
	behind := func(elements string) encoder {
		e := encoders()[i]
		e.elements = func(c videoFormat) string { return x264Elements(c) + " ! " + elements }
		return e
	}
	c := *testCamera()
	if err := behind("identity sleep-time=250000").try(c, encoder{}.limits()); err != nil { // µs
		t.Errorf("slow: %v", err)
	}
	hung := encoder{}.limits()
	hung.quiet = time.Second
	err := behind("identity sleep-time=4000000").try(c, hung)
	if few := (*fewError)(nil); !errors.As(err, &few) || !strings.HasSuffix(err.Error(), "gave 0 of 15 access units and then none for 1s") {
		t.Errorf("hung: %v", err)
	}
	if err := behind("identity eos-after=3").try(c, encoder{}.limits()); err == nil || !strings.Contains(err.Error(), "gave ") {
		t.Errorf("ended: %v", err)
	}
	broken := behind("identity error-after=2")
	began := time.Now()
	if err := broken.try(c, trialLimits{quiet: time.Hour, most: time.Hour}); err == nil || !strings.Contains(err.Error(), "identity") {
		t.Errorf("broken: %v after %v", err, time.Since(began))
	}
}

// While an encoder is tried, the supervisor is told so; after the time that a trial is granted it is told nothing.
func TestProgressWhileAnEncoderIsTried(t *testing.T) {
	k := &child{t: t, more: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	k.conn = r
	go k.read()
	p := &pulse{p: &parent{w: w}}
	b := beginBeating(p, time.Hour)
	k.progresses(3, 3*time.Second)
	b.grant(0)
	k.quiet(time.Second, 3*time.Second)
	b.end()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	var told bytes.Buffer
	b = beginBeating(&pulse{p: &parent{w: &told}}, time.Hour)
	b.end()
	if told.Len() == 0 {
		t.Error("nothing is told at once")
	}
}
