package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
)

// coded is a stream from the microphone and one to the speaker, of the same number.
func coded(codec string, kbps int) protocol.SoundStreams {
	return protocol.SoundStreams{
		Recorded: []protocol.SoundStream{{Number: 1, Codec: codec, Kbps: kbps}},
		Played:   []protocol.SoundStream{{Number: 1, Codec: codec}},
	}
}

func soundRole(c protocol.SoundConfig) protocol.Configure {
	return protocol.Configure{Role: protocol.Sound, Sound: &c}
}

// goertzel is the level of one frequency in samples of 48 kHz, in dB of full scale.
func goertzel(samples []int16, hz float64) float64 {
	w := 2 * math.Cos(2*math.Pi*hz/soundRate)
	var a, b float64
	for _, s := range samples {
		a, b = float64(s)/32768+w*a-b, a
	}
	power := a*a + b*b - w*a*b
	return 10 * math.Log10(power*4/float64(len(samples))/float64(len(samples))+1e-20)
}

// clearest is the piece of n samples in which a frequency is loudest. Where a busy machine let this test be late with a
// frame, there is silence, which is nobody's fault.
func clearest(s []int16, n int, hz float64) []int16 {
	best, level := s[:min(n, len(s))], math.Inf(-1)
	for ; len(s) >= n; s = s[n/2:] {
		if l := goertzel(s[:n], hz); l > level {
			best, level = s[:n], l
		}
	}
	return best
}

// A window waits for its partner with the speaker open. What comes then is heard at once. A busy machine may spoil one try, by being late with
// frames; a speaker that is thrown off by the wait spoils each.
func TestSoundThatComesLate(t *testing.T) {
	t.Parallel()
	var heard []time.Duration
	for range 4 {
		heard = append(heard, heardAfter(t, 3*time.Second))
		if heard[len(heard)-1] > time.Second {
			return
		}
	}
	t.Errorf("of two seconds of sound, %v were heard", heard)
}

// heardAfter opens a speaker, waits, plays a tone for two seconds, and returns how much of it was heard by then.
func heardAfter(t *testing.T, wait time.Duration) time.Duration {
	t.Helper()
	spk, heard := loudspeaker(t)
	k := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 1100, Speaker: spk, Streams: coded("opus", 32)}))
	k.event(protocol.Ready, "test tone of 1100 Hz, speaker elements", 3*time.Second)
	time.Sleep(wait)
	echoBack(t, k, 100, nil)
	sounded := 0
	for _, x := range heard() {
		if x != 0 {
			sounded++
		}
	}
	return time.Duration(sounded) * time.Second / soundRate
}

// echoBack sends each frame that the microphone gives to the speaker, changed, for so many frames.
func echoBack(t *testing.T, k *child, frames int, change func(i int, f protocol.Frame) protocol.Frame) {
	t.Helper()
	next := len(k.took())
	for i := 0; i < frames; i++ {
		k.until("sound frame", 2*time.Second, func() bool { return len(k.frames) > next })
		f := k.took()[next]
		next++
		if change != nil {
			f = change(i, f)
		}
		f.Time = 0
		k.send(f)
	}
}

func TestSoundThroughEachCodec(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"opus", "G722", "PCMU", "PCMA"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spk, heard := loudspeaker(t)
			k := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 1100, Speaker: spk, Streams: coded(name, 32), Echo: true}))
			k.event(protocol.Ready, "test tone of 1100 Hz, speaker elements", 3*time.Second)
			tone, other := math.Inf(-1), math.Inf(1)
			for range 8 { // a busy machine makes holes of its own, in which any frequency is heard
				echoBack(t, k, 100, nil)
				piece := clearest(heard(), soundRate/2, 1100)
				if tone, other = goertzel(piece, 1100), goertzel(piece, 700); tone >= -30 && other <= tone-20 {
					break
				}
			}
			if tone < -30 || other > tone-20 {
				t.Errorf("1100 Hz at %.1f dB, 700 Hz at %.1f dB", tone, other)
			}
			units := k.took()
			var apart []time.Duration
			for i, f := range units {
				if i > 2 && name != "opus" && len(f.Data) != 160 {
					t.Errorf("frame %d has %d bytes", i, len(f.Data))
				}
				if i > 10 { // it begins with the latency of the devices
					apart = append(apart, time.Duration(f.Time-units[i-1].Time))
				}
			}
			slices.Sort(apart)
			if d := apart[len(apart)/2]; (d - frameTime).Abs() > time.Millisecond {
				t.Errorf("frames of sound are %v apart", d)
			}
			k.until("frame that is new", 2*time.Second, func() bool {
				age := time.Duration(monotonic() - k.frames[len(k.frames)-1].Time)
				return age >= 0 && age < time.Second
			})
			k.progresses(4, 1500*time.Millisecond)
		})
	}
}

func TestMuteSendsSilence(t *testing.T) {
	t.Parallel()
	spk, heard := loudspeaker(t)
	k := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 440, Speaker: spk, Streams: coded("opus", 32)}))
	echoBack(t, k, 50, nil)
	yes, no := true, false
	k.command(protocol.Command{Mute: &yes})
	echoBack(t, k, 60, nil)
	s := heard()
	if db := goertzel(s[len(s)-soundRate/4:], 440); db > -60 {
		t.Errorf("the tone is there at %.1f dB though muted", db)
	}
	k.until("a level of silence", 2*time.Second, func() bool {
		e := k.events[len(k.events)-1]
		return e.Kind == protocol.Level && e.LevelDB < -80
	})
	muted := len(heard())
	k.command(protocol.Command{Mute: &no})
	db := math.Inf(-1)
	for range 8 { // a speaker may be late by more than a second where everything is busy
		echoBack(t, k, 50, nil)
		if db = goertzel(clearest(heard()[muted:], soundRate/4, 440), 440); db > -35 {
			return
		}
	}
	t.Errorf("the tone is there at %.1f dB after muting ended", db)
}

func TestMuteHoldsOverARestart(t *testing.T) {
	t.Parallel()
	spk, heard := loudspeaker(t)
	k := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 440, Speaker: spk, Streams: coded("opus", 32), Muted: true}))
	echoBack(t, k, 60, nil)
	if db := goertzel(heard(), 440); db > -60 {
		t.Errorf("a process that began muted sent the tone at %.1f dB", db)
	}
}

// holes counts the pieces of 10 ms without sound.
func holes(s []int16) (n int) {
	for ; len(s) >= 480; s = s[480:] {
		loud := 0
		for _, v := range s[:480] {
			loud = max(loud, int(v), -int(v))
		}
		if loud < 400 {
			n++
		}
	}
	return n
}

func TestLostFramesAreConcealed(t *testing.T) {
	t.Parallel()
	spk, heard := loudspeaker(t)
	k := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 440, Speaker: spk, Streams: coded("opus", 32)}))
	const lost = 6 // the number of frames of which one is lost
	for range 8 {  // a busy machine makes holes of its own
		echoBack(t, k, 60, func(i int, f protocol.Frame) protocol.Frame {
			if i%lost == lost-1 {
				return protocol.Frame{Stream: 1, Flags: protocol.FlagLost}
			}
			return f
		})
		if slices.Max(sounding(heard())) > 3*lost*soundRate/50 {
			return // three lost frames are in it
		}
	}
	t.Errorf("with every sixth frame lost, stretches of sound without a hole are at most %d samples long", slices.Max(sounding(heard())))
}

// sounding is how long each stretch between two holes is, in samples.
func sounding(s []int16) []int {
	stretches := []int{0}
	for ; len(s) >= 480; s = s[480:] {
		if holes(s[:480]) > 0 {
			stretches = append(stretches, 0)
		} else {
			stretches[len(stretches)-1] += 480
		}
	}
	return stretches
}

func TestSilenceWhereNothingComes(t *testing.T) {
	t.Parallel()
	spk, heard := loudspeaker(t)
	k := start(t, soundRole(protocol.SoundConfig{Microphone: "none", Speaker: spk, Streams: coded("opus", 0)}))
	k.moreFrames(75, 5*time.Second)
	s := heard()
	if len(s) < soundRate || holes(s) != len(s)/480 {
		t.Errorf("%d samples, %d of %d pieces silent", len(s), holes(s), len(s)/480)
	}
}

func TestSoundDevicesThatAreNotThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mic, spk, text string
	}{
		"microphone of a card":   {"alsa:hw:77", "none", "microphone alsa:hw:77: "},
		"speaker of a card":      {"none", "alsa:hw:77", "speaker alsa:hw:77: "},
		"no PulseAudio":          {"pulse", "none", "microphone pulse: "},
		"broken microphone":      {"gst:nonesuchsrc", "none", `no element "nonesuchsrc"; check the word`},
		"broken speaker":         {"none", "gst:fakesink ! ! x", "check the word"},
		"speaker that records":   {"none", "gst:wavenc ! filesink location=/nonesuch/out.wav", `"filesink" could record, which a window never does: take it out`},
		"speaker of a tee file":  {"none", "alsa:tee:hw:0,/nonesuch/out.raw,raw", `"alsasink" could record`},
		"microphone that sends":  {"gst:audiotestsrc ! tee name=t ! queue ! udpsink t. ! queue", "none", `"udpsink" could record`},
		"picture as microphone":  {"gst:videotestsrc", "none", "microphone gst:videotestsrc"},
		"unknown word":           {"gramophone", "none", `microphone "gramophone" is not known; use auto`},
		"unknown speaker":        {"none", "gramophone", `speaker "gramophone" is not known; use auto`},
		"speaker that is a file": {"none", "file:out.wav", "a window records nothing, so no speaker is a file; use auto"},
		"tone that nobody hears": {"test", "none", "test tone of 0 Hz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := start(t, soundRole(protocol.SoundConfig{Microphone: c.mic, Speaker: c.spk, Streams: coded("opus", 0)}))
			e := k.event(protocol.Missing, c.text, 3*time.Second)
			t.Log(e.Text)
			lacks := "No speaker"
			if c.mic != "none" {
				lacks = "No microphone"
			}
			if e := k.event(protocol.Ready, "microphone silence, speaker nowhere", time.Second); e.Lacks != lacks {
				t.Errorf("it lacks %q, not %q", e.Lacks, lacks)
			}
			k.moreFrames(50, 3*time.Second)
			k.progresses(4, 1500*time.Millisecond)
		})
	}
}

func TestSpeakerThatTakesNothingStopsProgress(t *testing.T) {
	t.Parallel()
	k := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 440, Streams: coded("PCMU", 0),
		Speaker: "gst:identity sleep-time=60000000 ! fakesink sync=false"})) // a minute for each buffer
	k.event(protocol.Ready, "", 3*time.Second)
	echoBack(t, k, 40, nil)
	if n := k.count(protocol.Progress); n < 2 {
		t.Errorf("%d reports of progress before the speaker is full", n)
	}
	go func() {
		for f := range k.stream() {
			if protocol.WriteFrame(k.conn, f) != nil {
				return
			}
		}
	}()
	k.quiet(time.Second, 5*time.Second)
}

func TestBadSoundConfigurations(t *testing.T) {
	gst(t)
	for text, c := range map[string]protocol.SoundConfig{
		`sound codec "mp3" is not known; opus, G722`: {Streams: coded("mp3", 0)},
		"opus at 2 kbit/s: 6 to 510":                 {Streams: coded("opus", 2)},
	} {
		if _, err := newSound(c, nil); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, expected %q", err, text)
		}
	}
}

func TestGarbageSoundFrames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"opus", "G722", "PCMU"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spk, heard := loudspeaker(t)
			k := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 800, Speaker: spk, Streams: coded(name, 32)}))
			k.moreFrames(5, 3*time.Second)
			for i := range 300 {
				k.send(protocol.Frame{Stream: 1, Data: []byte(strings.Repeat("\xff\x03garbage", i%200))})
			}
			k.send(protocol.Frame{Stream: 1, Data: make([]byte, 100000)})
			best := math.Inf(-1)
			for range 12 { // a speaker plays the garbage first, in real time
				from := len(heard())
				echoBack(t, k, 80, nil)
				if best = max(best, goertzel(clearest(heard()[from:], soundRate/4, 800), 800)); best > -35 {
					return
				}
			}
			t.Errorf("the tone is there at %.1f dB after garbage; %s", best, k.said())
		})
	}
}

// A microphone that ends costs neither the process nor the speaker: silence takes its place, and it is tried again.
func TestMicrophoneEnds(t *testing.T) {
	t.Parallel()
	k := start(t, soundRole(protocol.SoundConfig{Microphone: "gst:audiotestsrc is-live=true num-buffers=100", Speaker: "none", Streams: coded("opus", 32)}))
	k.event(protocol.Missing, "the source has ended", 15*time.Second)
	k.event(protocol.Ready, "microphone silence", 5*time.Second)
	k.moreFrames(50, 5*time.Second)
	k.event(protocol.Ready, "microphone elements", 15*time.Second) // again
}
