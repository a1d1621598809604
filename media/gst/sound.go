package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
)

const (
	playDelay   = 20 * time.Millisecond  // from the arrival of a frame to the sink
	resync      = 60 * time.Millisecond  // frames that come this much off start a new timeline
	queuedMost  = 25                     // coded frames before a speaker that does not take them; older ones are dropped
	stuckAfter  = time.Second            // after so long without taking anything, a speaker counts as hung: no progress is reported
	shutWithin  = time.Second            // a sound card that hangs for longer when it is closed takes the process with it, as no progress would
	micPatience = 3 * time.Second        // a microphone that gives nothing for so long has gone
	levelEvery  = 500 * time.Millisecond // the microphone's level
	listenFirst = 400 * time.Millisecond // a device that was missing must work for so long before it is used again
)

// codecsMissing is what to do where an element for a codec is not there.
const codecsMissing = "install gstreamer1.0-plugins-base, -good, -bad and gstreamer1.0-libav"

// sound is the role of microphone and speaker. Both are in one pipeline, since the echo canceller between them needs
// what is played to clean what is heard. Encoders are branches of it, which come and go; decoders stand before it:
//
//	                                                 ┌▶ encoder ! appsink ──▶ parent
//	microphone ! raw ! webrtcdsp ! mute ! level ! tee┴▶ encoder ! appsink ──▶ parent
//	                       ▲ what is played, aligned
//	                       ├───────────────┐
//	      speaker ◀ appsrc ◀────── mixer ◀─┴┬── decoding ◀────────────────── parent
//	                                        └── decoding ◀────────────────── parent
type sound struct {
	c       protocol.SoundConfig
	p       *parent
	pulse   pulse
	missing map[string]string // "microphone", "speaker" → why a stand-in is used
	ready   string

	ended  atomic.Bool   // the microphone has said that nothing more comes
	quiet  time.Duration // so long nothing came of it; only the main loop uses it
	looked time.Time     // when the main loop looked last

	decodings decodings
	want      chan protocol.SoundStreams // holds one: the streams that there are to be, if others than now
	changed   chan struct{}              // holds one: recorded is another
	align     *aligner
	told      time.Time      // when it was said last how the echo does; only the main loop uses it,
	howled    uint64         // and how many loops had been found then
	gain      *pipeline.Gain // of the microphone's sound in pipe; only Run and what it calls use it

	mu        sync.Mutex
	recorded  []protocol.SoundStream // that are to be
	mixer     *mixer
	pipe      *pipeline.Pipeline // nil while it is rebuilt
	muted     bool
	canceller bool  // in pipe
	next      int64 // when the next sound for the speaker is due, ns of CLOCK_MONOTONIC
	clock     micClock
	duck      duck
	stuck     time.Time // since when the speaker takes nothing; zero if it does
}

func newSound(c protocol.SoundConfig, p *parent) (*sound, error) {
	s := &sound{c: c, p: p, pulse: pulse{p: p}, missing: map[string]string{}, muted: c.Muted,
		want: make(chan protocol.SoundStreams, 1), changed: make(chan struct{}, 1), mixer: newMixer(), align: newAligner()}
	if err := s.setStreams(c.Streams); err != nil {
		return nil, err
	}
	description, _ := s.describe(silentMicrophone(), silentSpeaker())
	trial, err := pipeline.New(description)
	if err != nil {
		return nil, fmt.Errorf("sound: %w; %s", err, codecsMissing)
	}
	trial.Close()
	return s, nil
}

// cancels says whether echo is cancelled, in words. It only can be between devices that stand in a room.
func (s *sound) cancels(mic, spk soundDevice) (bool, string) {
	switch {
	case !s.c.Echo:
		return false, "echo is not cancelled, as configured"
	case !mic.acoustic || !spk.acoustic:
		return false, "no echo to cancel between these devices"
	case !pipeline.Has("webrtcdsp") || !pipeline.Has("webrtcechoprobe"):
		return false, "echo is not cancelled: no webrtcdsp; install gstreamer1.0-plugins-bad"
	}
	return true, "echo is cancelled"
}

// describe writes the pipeline, and which of its elements will be asked for.
func (s *sound) describe(mic, spk soundDevice) (description string, names []string) {
	dsp, probe := "", ""
	if yes, _ := s.cancels(mic, spk); yes {
		dsp, probe, names = canceller()
	}
	return fmt.Sprintf("( name=microphone %s ! audioconvert ! audioresample ! %s%s ! volume name=mute mute=%t ! level interval=%d "+
			"! tee name=heard allow-not-linked=true ) "+
			"( name=speaker appsrc name=in is-live=true format=time max-buffers=%d max-bytes=0 leaky-type=downstream caps=%s ! %s )%s",
			mic.elements, rawSound, dsp, s.isMuted(), levelEvery.Nanoseconds(), queuedMost, quoted(rawSound), spk.elements, probe),
		append(names, "in", "heard", "mute")
}

func (s *sound) isMuted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.muted
}

// Command changes the streams, and mutes or unmutes the microphone: silence before the encoders, frames go on.
func (s *sound) Command(c protocol.Command) {
	if c.Sound != nil {
		select {
		case <-s.want: // what is asked for now takes its place
		default:
		}
		s.want <- *c.Sound // only this goroutine sends
	}
	if c.Mute == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = *c.Mute
	if s.pipe != nil {
		s.pipe.Set("mute", "mute", fmt.Sprint(s.muted))
	}
}

// follow makes the streams what they are to be, whenever that changes.
func (s *sound) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case want := <-s.want:
			if err := s.setStreams(want); err != nil {
				s.p.event(protocol.Event{Kind: protocol.Missing, Text: "sound of a call: " + err.Error()})
			}
		}
	}
}

// setStreams makes the streams what they are to be. The error is of those that cannot be made; the others are.
func (s *sound) setStreams(want protocol.SoundStreams) error {
	played, err := s.decodings.set(want.Played, s.mix)
	errs := []error{err}
	recorded := slices.DeleteFunc(slices.Clone(want.Recorded), func(w protocol.SoundStream) bool {
		err := tryEncoding(w)
		errs = append(errs, err)
		return err != nil
	})
	s.mu.Lock()
	s.mixer.set(played)
	s.recorded = recorded
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return errors.Join(errs...)
}

// Frame decodes a frame of a stream.
func (s *sound) Frame(f protocol.Frame) { s.decodings.frame(f, s.mix) }

// mix takes decoded sound of a stream, and plays what there is to play then. The times are made even here, so that
// jitter of a few milliseconds is not heard.
func (s *sound) mix(stream uint32, pcm []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pcm = s.mixer.put(stream, pcm)
	if len(pcm) == 0 || s.pipe == nil {
		return
	}
	now := monotonic()
	if s.pipe.Queued("in") < queuedMost {
		s.stuck = time.Time{}
	} else if s.stuck.IsZero() {
		s.stuck = time.Now()
	}
	off := time.Duration(now-s.next).Abs() > resync
	if off {
		s.next = now
	}
	length, came := lasts(len(pcm)), pcm
	if s.canceller {
		pcm = s.duck.play(pcm)
	}
	s.pipe.Push("in", pcm, s.next, length, off)
	if s.canceller {
		s.align.reference(s.pipe, pcm, came, s.next, off)
	}
	s.next += length.Nanoseconds()
}

// Run listens and plays. A device that is not there, or goes, is replaced by silence and looked for again.
func (s *sound) Run(ctx context.Context) error {
	go s.follow(ctx)
	for ctx.Err() == nil {
		mic := s.device("microphone", microphone, silentMicrophone())
		spk := s.device("speaker", speaker, silentSpeaker())
		if err := s.open(mic, spk); err != nil {
			if err := s.blame(err); err != nil {
				return err
			}
			continue
		}
		err := s.play(ctx, mic, spk)
		if !s.shut() {
			return errors.New("a sound card hangs and does not close; the process starts anew")
		}
		if err == nil {
			continue // a device is back
		}
		if err := s.blame(err); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *sound) open(mic, spk soundDevice) error {
	description, names := s.describe(mic, spk)
	p, err := pipeline.New(description, names...)
	if err != nil {
		return err
	}
	p.SetLatency(playDelay)
	s.gain = p.Gain("mute")
	if err := p.Start(); err != nil {
		closed(p, shutWithin)
		return err
	}
	// A stream of PulseAudio's whose first sound comes some time after it was opened plays a hole of that length first, and is
	// thrown off by it for many times as long.
	p.Push("in", make([]byte, bytesIn(playDelay)), monotonic(), playDelay, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pipe, s.stuck, s.next, s.clock = p, time.Time{}, 0, micClock{}
	s.canceller, _ = s.cancels(mic, spk)
	s.align.opened()
	s.ended.Store(false)
	s.quiet, s.looked = 0, time.Now()
	p.Set("mute", "mute", fmt.Sprint(s.muted)) // it may have changed meanwhile
	return nil
}

// shut closes the pipeline and says whether it did so in time.
func (s *sound) shut() bool {
	s.mu.Lock()
	p := s.pipe
	s.pipe = nil
	s.mu.Unlock()
	return closed(p, shutWithin)
}

// play moves sound until a device fails (its error) or one that was missing is back (nil).
func (s *sound) play(ctx context.Context, mic, spk soundDevice) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	p := s.pipe // only Run changes it
	r := recorder{p: p, branches: map[uint32]*branch{}, sound: s}
	defer r.end()
	if err := r.set(s.toRecord()); err != nil {
		return err
	}
	back := make(chan struct{}, 1)
	if len(s.missing) > 0 {
		wg.Go(func() { s.search(ctx, back) })
	}
	s.report(mic, spk)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-back:
			clear(s.missing)
			return nil
		case <-s.changed:
			if err := r.set(s.toRecord()); err != nil {
				return err
			}
			s.report(mic, spk)
		case now := <-tick.C:
			if err := s.tick(p, now); err != nil {
				return err
			}
		}
	}
}

// tick is what the main loop does 10 times a second.
func (s *sound) tick(p *pipeline.Pipeline, now time.Time) error {
	switch m := p.Next(0); {
	case m.Err != nil:
		return m.Err
	case m.End:
		return &pipeline.Error{Element: "GstBin:microphone/", Text: "the source has ended"}
	case m.IsLevel:
		s.quiet = 0
		s.p.event(protocol.Event{Kind: protocol.Level, LevelDB: max(m.LevelDB, -120)})
	}
	if err := s.listens(now); err != nil {
		return err
	}
	if s.canceller { // only Run changes it
		path, news := s.align.follow(p)
		s.howls()
		s.gain.Set(math.Pow(10, s.align.gain.DB()/20))
		s.tell(now, path, news)
	}
	s.mu.Lock()
	stuck := s.stuck
	s.mu.Unlock()
	if stuck.IsZero() || now.Sub(stuck) < stuckAfter {
		s.pulse.beat(now)
	}
	return nil
}

// listens says what is wrong with a microphone from which nothing comes any more. Until then, that is no reason to
// replace the process: it would cost the speaker too. Time in which this process did not run is not counted.
func (s *sound) listens(now time.Time) error {
	s.quiet += min(now.Sub(s.looked), 2*levelEvery/5)
	s.looked = now
	switch {
	case s.ended.Load():
		return &pipeline.Error{Element: "GstBin:microphone/", Text: "the source has ended"}
	case s.quiet > micPatience:
		return &pipeline.Error{Element: "GstBin:microphone/", Text: fmt.Sprintf("no sound for %v", micPatience)}
	}
	s.pulse.count.Add(1)
	return nil
}

// report says once which devices are open.
func (s *sound) report(mic, spk soundDevice) {
	device := fmt.Sprintf("microphone %s, speaker %s", mic.name, spk.name)
	_, text := s.cancels(mic, spk)
	for _, r := range s.toRecord() {
		text = r.Codec + ", " + text
	}
	if now := device + "\n" + text; now != s.ready {
		s.ready = now
		s.p.event(protocol.Event{Kind: protocol.Ready, Device: device, Text: text, Lacks: s.lacks()})
	}
}
