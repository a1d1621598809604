package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"ewindow/media/gst/pipeline"
)

// An encoder in hardware that fails while pictures go through it, or hangs, gives way to one in software in the same process: the camera
// goes on, and the stream begins anew with a keyframe under its number.
//
//	hangs, error ──▶ lapse ──▶ takeOver: software; the engine is told who is left out
//	                              │
//	             Command.Retry ───┴──▶ tryAgain, elsewhere ──▶ retried: hardware again, or not
//
// When it is tried again is decided by the engine, which outlives this process.

// avoided is the encoder that is not used for the time being; empty if there is none.
type avoided struct {
	name  string
	why   string
	tried bool // just now: a trial is on
}

// lapse is that an encoder failed in use.
type lapse struct {
	stream *encoding
	err    error
}

func (k *camera) lapse(s *encoding, err error) { k.lapsed <- lapse{s, err} }

// candidates are the encoders that come into question, in their order. What the window's file names is used whatever it did.
func (k *camera) candidates() []encoder {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(encoders(), func(e encoder) bool { return !k.named() && e.name == k.avoided.name })
}

// named says whether the window's file names the encoder.
func (k *camera) named() bool { return k.c.Encoder != "" && k.c.Encoder != "auto" }

// A stall is how long an encoder has given nothing of what it was given, in beats: those of a machine that gives this process no
// processor don't come either.
type stall struct {
	units  uint64
	beats  int
	since  time.Time // of waited
	waited map[string]int64
	given  bool // up: once is enough
}

const (
	stallSuspect = 6   // beats after which it is looked whether the threads of this process get no processor,
	stallJudge   = 2   // and so many later one that could have worked is given up,
	stallExcuse  = 100 // and after so many any
	stallFirst   = 15  // are added before its first picture, for which it may have to wake up
)

// suspect finds encoders in hardware that hang, with mu held. The engine would end the whole process for that a little later: it is told
// that something is being done.
func (k *camera) suspect(now time.Time) {
	for _, s := range k.streams {
		t := &s.stall
		units := s.units.Load()
		if !s.encoder.hardware || k.named() || units != t.units || s.owed.Load() <= lagMost || t.given {
			s.stall = stall{units: units, given: t.given}
			continue
		}
		suspect := stallSuspect
		if units == 0 {
			suspect += stallFirst
		}
		switch t.beats++; {
		case t.beats == suspect:
			t.since, t.waited = now, waitedFor("/proc/self")
			k.excused = now.Add(changeMost)
		case t.beats >= suspect+stallJudge && (!t.starved(now) || t.beats >= stallExcuse):
			t.given = true
			k.lapse(s, fmt.Errorf("it hung after %d pictures", units))
		case t.beats > suspect:
			k.excused = now.Add(changeMost)
		}
	}
}

// starved says whether the threads of this process have waited for a processor for half of the time since the last look.
func (t *stall) starved(now time.Time) bool {
	waited := waitedFor("/proc/self")
	passed := now.Sub(t.since)
	var all int64
	for thread, ns := range waited {
		all += max(ns-t.waited[thread], 0)
	}
	t.since, t.waited = now, waited
	return 2*time.Duration(all) >= passed
}

// takeOver replaces an encoder that failed, or says that this camera cannot go on.
func (k *camera) takeOver(l lapse) error {
	s := l.stream
	if !s.encoder.hardware || k.named() {
		return l.err
	}
	k.mu.Lock()
	there := slices.Contains(k.streams, s)
	k.avoided = avoided{name: s.encoder.name, why: l.err.Error()}
	format := s.videoFormat
	k.excused = time.Now().Add(changeMost)
	k.mu.Unlock()
	if !there {
		return nil // it had just been replaced, or its stream ended
	}
	e, why, err := choose(format, software(), encoder.tryOut)
	if err != nil {
		return fmt.Errorf("%w; and %w", l.err, err)
	}
	k.proven = proven{e, why, format}
	return k.replace(s, e, why)
}

// software are the encoders that no driver can stop.
func software() []encoder {
	return slices.DeleteFunc(encoders(), func(e encoder) bool { return e.hardware })
}

// replace has another encoder go on with a stream. What the former one still gives is lost.
func (k *camera) replace(former *encoding, e encoder, why string) error {
	k.mu.Lock()
	format, frame := former.videoFormat, *k.frame.Load()
	k.mu.Unlock()
	s, err := startEncoding(format, e, why, frame)
	if err != nil {
		return err
	}
	former.silence()
	k.mu.Lock()
	if i := slices.Index(k.streams, former); i >= 0 {
		k.streams = slices.Clone(k.streams)
		k.streams[i] = s
	}
	k.excused = time.Now().Add(changeMost)
	k.leaving++
	k.report()
	k.mu.Unlock()
	s.run(k.p, &k.pulse, k.lapse)
	go func() { // its driver may hang for ever
		former.finish()
		k.mu.Lock()
		k.leaving--
		k.mu.Unlock()
	}()
	return nil
}

// errHeld is why there is no trial: a driver that still has to end what hung gives no second chance.
var errHeld = errors.New("its driver has not let go of what failed before")

// tryAgain tries the encoder that is left out, if its driver has let go of what failed, with mu held. The streams go on meanwhile.
func (k *camera) tryAgain() {
	if k.avoided.name == "" || k.avoided.tried || len(k.streams) == 0 {
		return
	}
	k.avoided.tried = true
	if k.leaving > 0 {
		k.retry <- errHeld
		return
	}
	name, format := k.avoided.name, k.largest()
	go func() {
		for _, e := range encoders() {
			if e.name == name {
				k.retry <- e.tryOut(format)
				return
			}
		}
		k.retry <- fmt.Errorf("encoder %q is not known", name)
	}()
}

// largest is the format of the stream that asks the most of an encoder, with mu held.
func (k *camera) largest() videoFormat {
	most := k.streams[0]
	for _, s := range k.streams[1:] {
		if s.Width*s.Height*s.FPS > most.Width*most.Height*most.FPS {
			most = s
		}
	}
	return most.videoFormat
}

// retried takes up the encoder that was left out, if it works again.
func (k *camera) retried(err error) {
	k.mu.Lock()
	name, streams, format := k.avoided.name, k.streams, k.largest()
	k.avoided.tried = false
	if err != nil {
		k.avoided.why = "tried again: " + err.Error()
		k.reported = "" // the engine waits for an answer
		k.report()
		k.mu.Unlock()
		return
	}
	k.avoided = avoided{}
	k.mu.Unlock()
	i := slices.IndexFunc(encoders(), func(e encoder) bool { return e.name == name })
	e, why := encoders()[i], name+": works again"
	k.proven = proven{e, why, format}
	for _, s := range streams {
		if e.fits != nil && e.fits(s.videoFormat) != nil {
			continue
		}
		if err := k.replace(s, e, why); err != nil { // it goes on with what it has
			k.mu.Lock()
			k.avoided = avoided{name: name, why: err.Error()}
			k.report()
			k.mu.Unlock()
			return
		}
	}
	pipeline.FreeMemory()
}
