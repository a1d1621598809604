package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"ewindow/media/gst/pipeline"
	"ewindow/media/h264"
)

// A trial is what an encoder has given so far. It is not judged by how fast that came, since that says more about
// what else the machine does: one that goes on giving access units works. One that hangs gives none for seconds.
type trial struct {
	trialLimits
	pictures int       // that it gets
	slice    int       // the largest NAL unit that is allowed in bytes; 0 for any
	began    time.Time // and what came last
	last     time.Time
	units    int
	keys     int // of them
}

// trialLimits is how long a trial may take.
type trialLimits struct {
	brief time.Duration // after which a few access units will do
	quiet time.Duration // without an access unit is a hang
	most  time.Duration // in all
}

const (
	fewUnits = 5 // access units that will do of an encoder that is slow; the Raspberry Pi's was seen to hang after one
	askAfter = 3 // access units before it is asked for a keyframe
)

// limits of trials: hardware costs time only once while software, of which nothing is known to hang, is what remains.
func (e encoder) limits() trialLimits {
	if e.hardware {
		return trialLimits{brief: 700 * time.Millisecond, quiet: 4 * time.Second, most: 10 * time.Second}
	}
	return trialLimits{brief: 1500 * time.Millisecond, quiet: 8 * time.Second, most: 15 * time.Second}
}

func newTrial(l trialLimits, c videoFormat, now time.Time) *trial {
	return &trial{trialLimits: l, pictures: max(15, c.FPS/2), slice: c.MaxSlice, began: now, last: now}
}

// take counts an access unit. An error says what is wrong with it.
func (t *trial) take(key bool, largestNAL int, now time.Time) error {
	switch {
	case t.units == 0 && !key:
		return errors.New("does not begin with a keyframe with parameter sets")
	case t.slice > 0 && largestNAL > t.slice:
		return fmt.Errorf("makes slices of %d bytes, at most %d are allowed", largestNAL, t.slice)
	}
	t.last = now
	t.units++
	if key {
		t.keys++
	}
	return nil
}

// end is when the trial is over, if nothing comes until then.
func (t *trial) end() time.Time {
	quiet, most := t.last.Add(t.quiet), t.began.Add(t.most)
	if quiet.Before(most) {
		return quiet
	}
	return most
}

// enough says that nothing more needs to be seen.
func (t *trial) enough() bool {
	return t.units >= t.pictures || t.units >= fewUnits && t.keys > 1 && t.last.Sub(t.began) >= t.brief
}

// fewError says that an encoder gave too little.
type fewError struct {
	units, pictures int
	how             string
}

func (e *fewError) Error() string {
	return fmt.Sprintf("gave %d of %d access units%s", e.units, e.pictures, e.how)
}

// judge says what does not work, when enough was seen, or time is up (late), or all pictures have gone through.
func (t *trial) judge(late bool) error {
	few := &fewError{units: t.units, pictures: t.pictures}
	switch {
	case late && !t.enough() && t.end().Before(t.began.Add(t.most)):
		few.how = fmt.Sprintf(" and then none for %v", t.quiet)
		return few
	case late && !t.enough():
		few.how = fmt.Sprintf(" in %v", t.most)
		return few
	case !t.enough() && t.units < t.pictures*3/4:
		return few
	case t.keys < 2:
		return errors.New("makes no keyframe when asked to")
	}
	return nil
}

// try encodes half a second as fast as that goes, and reports what does not work: too few access units, no parameter
// sets, no keyframe at the first or when asked for, slices that are too large.
func (e encoder) try(c videoFormat, limits trialLimits) error {
	t := newTrial(limits, c, time.Now())
	p, err := e.build(fmt.Sprintf("videotestsrc num-buffers=%d pattern=ball ! %s", t.pictures, e.frame(c).caps(c.FPS)), c)
	if err != nil {
		return err
	}
	defer closed(p, closeWithin)
	if err := p.Start(); err != nil {
		return err
	}
	late := false
	for !late && !t.enough() {
		au, err := e.next(p, t.end())
		if errors.Is(err, io.EOF) {
			break
		}
		if late = errors.Is(err, pipeline.ErrTimeout); late {
			continue
		}
		if err == nil {
			err = t.take(h264.IsKey(au), largestNAL(au), time.Now())
		}
		if err != nil {
			return err
		}
		if t.units == askAfter {
			e.keyframe(p)
		}
	}
	if m := p.Next(0); m.Err != nil {
		return m.Err
	}
	return t.judge(late)
}

// next is the next access unit. What has come by the deadline counts, also when this process comes late to see it.
func (e encoder) next(p *pipeline.Pipeline, deadline time.Time) ([]byte, error) {
	for {
		late := !time.Now().Before(deadline)
		s, err := p.Pull("out", min(time.Until(deadline), 100*time.Millisecond))
		switch {
		case err == nil:
			defer s.Free()
			return s.Bytes(), nil
		case !errors.Is(err, pipeline.ErrTimeout), late:
			return nil, err
		}
		if m := p.Next(0); m.Err != nil {
			return nil, m.Err
		}
	}
}

// largestNAL is the size of an access unit's largest NAL unit in bytes.
func largestNAL(au []byte) (largest int) {
	for nal := range h264.NALs(au) {
		largest = max(largest, len(nal))
	}
	return largest
}

// tryOut finds out whether an encoder is on this machine, suits the format and works, as far as nobody of the project has seen that.
func (e encoder) tryOut(c videoFormat) error {
	if !pipeline.Has(e.name) {
		return errors.New("not on this machine")
	}
	if e.fits != nil {
		if err := e.fits(c); err != nil {
			return err
		}
	}
	if e.hardware {
		return tryElsewhere(e, c)
	}
	if e.verified { // its work will show: a trial takes a fifth of a second of a core, and the first picture waits for it
		return nil
	}
	return e.try(c, e.limits())
}

// tryElsewhere runs the trial in a process of its own, since a driver that hangs can only be killed.
func tryElsewhere(e encoder, c videoFormat) error {
	c.Encoder = e.name
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return elsewhere(e.trialMost(), "try-encoder", string(body))
}

// elsewhere runs a trial in a process of its own, which prints why it failed.
func elsewhere(most time.Duration, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stdout = &out
	cmd.WaitDelay = 50 * time.Millisecond
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(out.String()); text != "" {
			return errors.New(text)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("its driver hangs: the trial did not end within %v", most)
		}
		return fmt.Errorf("trial ended badly: %w", err)
	}
	return nil
}

// trialMost bounds a trial with all that is around it: a process that starts, a driver that is opened and closed.
func (e encoder) trialMost() time.Duration { return e.limits().most + 5*time.Second }

// tryEncoderHere is that process: it prints why the encoder does not work.
func tryEncoderHere(config string) int {
	var c videoFormat
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := pipeline.Init(); err != nil {
		fmt.Println(err)
		return 1
	}
	for _, e := range encoders() {
		if e.name != c.Encoder {
			continue
		}
		if err := e.try(c, e.limits()); err != nil {
			fmt.Println(err)
			return 1
		}
		return 0
	}
	return 1
}
