package main

import (
	"fmt"
	"sync"
	"time"

	"ewindow/media/agc"
	"ewindow/media/echopath"
	"ewindow/media/gst/pipeline"
)

// A reach is how much later than it was played a canceller finds an echo. Each move of its reference costs it a second.
type reach struct{ least, most time.Duration }

// The canceller of GStreamer 1.22 takes away what it hears 5 to 50 ms after it was played, best at the beginning of that
// where the room reverberates. The middle of its reach is kept, since a sink that follows its clock moves the echo by 10 ms
// at a time. A television and a webcam are 50 to 250 ms apart. AEC3, since 1.24, finds that by itself.
var (
	oldReach  = reach{4 * time.Millisecond, 35 * time.Millisecond}
	aec3Reach = reach{0, 260 * time.Millisecond}
)

const (
	pathLeft   = 15 * time.Millisecond // of the echo's way, when the reference has been moved
	soonest    = -playDelay            // earlier than it is known, nothing can be said to be played
	keptPieces = 100                   // of what was played, while the main loop is busy elsewhere
)

// aligner keeps the canceller's reference in step with the microphone. The canceller is told what is played as if it
// were played later, by almost as much as the echo's way takes, and by the microphone's clock, so that it has to do with a way that
// stands still; the speaker's sound itself is not touched:
//
//	microphone ! raw ! tee ! webrtcdsp !                             speaker ◀ appsrc ◀─┬─ mixer
//	                    ▼        ▲ heard at last                                        │
//	                appsink      └─ webrtcechoprobe ◀ appsrc ◀─ offset ◀ echopath.Slide ◀┤
//	                    ▼                                          ▲          ▲ drift   │
//	                    └──────────────▶ echopath.Finder ──────────┴──────────┘◀────────┘
//
// What comes out of the canceller is compared with what went in (echopath.ERLE), and with what comes from the other side: where
// that goes around in a loop, it is played more quietly for a while (echopath.Howl).
type aligner struct {
	finder *echopath.Finder // only the main loop uses it, as all up to the mutex
	erle   echopath.ERLE
	howl   *echopath.Howl
	gain   agc.Control
	found  bool // it has found the way, and that was said
	reach  reach

	mu     sync.Mutex
	played []piece        // that it has not heard of
	offset time.Duration  // the reference was so much later than what is played, where it began
	drift  float64        // and becomes so much later in each second, as a part of that
	slide  echopath.Slide // by how much, and makes it so
	begun  int64          // when it began, ns of CLOCK_MONOTONIC; 0: it is to begin
	told   int64          // samples since
}

// piece is sound that is in the speaker from a time on, ns of CLOCK_MONOTONIC.
type piece struct {
	at   int64
	pcm  []byte
	came []byte // the same, before it was played more quietly
}

func newAligner() *aligner {
	a := &aligner{finder: echopath.New(), howl: echopath.NewHowl(), reach: oldReach}
	if pipeline.HasSince("webrtcdsp", 1, 24) {
		a.reach = aec3Reach
	}
	return a
}

// cancelling is how the microphone's sound is cleaned. Suppressing the echo little loses least of who speaks beside it, and lets no more of
// it through (see "Both talk" in media/README.md); AEC3 does not look at that.
const cancelling = "echo-cancel=true echo-suppression-level=low noise-suppression=true gain-control=false high-pass-filter=true"

// canceller is the elements by which the microphone's sound passes the canceller, "probe" those of what it is told to be
// played, and the names that follow and reference need.
func canceller() (dsp, probe string, names []string) {
	return fmt.Sprintf(" ! tee name=room room. ! appsink name=room-heard sync=false async=false max-buffers=%d drop=true"+
			" room. ! webrtcdsp probe=probe "+cancelling+
			" ! tee name=cleaned cleaned. ! appsink name=room-cleaned sync=false async=false max-buffers=%d drop=true cleaned.",
			keptPieces, 2*keptPieces),
		fmt.Sprintf(" ( appsrc name=room-played is-live=true format=time max-buffers=%d max-bytes=0 leaky-type=downstream caps=%s"+
			" ! webrtcechoprobe name=probe ! fakesink sync=false async=false )", queuedMost, quoted(rawSound)),
		[]string{"room-heard", "room-cleaned", "room-played"}
}

// reference tells the canceller what is played, pushed for the time at; came is what it was before it was played more quietly.
func (a *aligner) reference(p *pipeline.Pipeline, pcm, came []byte, at int64, off bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.played) == keptPieces {
		a.played = a.played[1:]
	}
	a.played = append(a.played, piece{at + playDelay.Nanoseconds(), pcm, came})
	if off && a.begun != 0 {
		a.move(a.later())
	}
	if a.begun == 0 {
		a.begun = at + a.offset.Nanoseconds()
	}
	pcm = a.slide.Put(pcm, a.drift)
	at = a.begun + a.told/soundRate*int64(time.Second) + a.told%soundRate*int64(time.Second)/soundRate
	p.Push("room-played", pcm, at, lasts(len(pcm)), off)
	a.told += int64(len(pcm) / 2)
}

// later is by how much the reference is later than what is played.
func (a *aligner) later() time.Duration { return a.offset + a.slide.Late() }

// opened says that the devices were opened anew, which may be others.
func (a *aligner) opened() { a.finder.NewClocks() }

// move makes the reference so much later than what is played, from the next piece on.
func (a *aligner) move(offset time.Duration) {
	a.offset, a.slide, a.begun, a.told = offset, echopath.Slide{}, 0, 0
}

// follow listens to the microphone, and says when the echo's way was found or is so much another that the reference was
// moved. The main loop calls it.
func (a *aligner) follow(p *pipeline.Pipeline) (path time.Duration, news bool) {
	heard, cleaned := pulled(p, "room-heard"), pulled(p, "room-cleaned")
	a.mu.Lock()
	played := a.played // what is played is known before it is heard
	a.played = nil
	a.mu.Unlock()
	for _, s := range played {
		a.gain.Played(s.pcm)
	}
	a.gain.Hold(a.howl.Gain() < 0)
	for _, s := range cleaned {
		a.erle.Cleaned(s.at, s.pcm)
		a.howl.Sent(s.pcm)
		a.gain.Heard(s.pcm)
	}
	for _, s := range played {
		a.howl.Came(s.came)
		a.finder.Played(s.at, s.pcm)
		a.erle.Played(s.at, s.pcm)
	}
	for _, s := range heard {
		a.finder.Heard(s.at, s.pcm)
		a.erle.Heard(s.at, s.pcm)
	}
	path, known := a.finder.Path()
	if !known {
		return 0, false
	}
	a.erle.Judge(path)
	news, a.found = !a.found, true
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drift, _ = a.finder.Drift()
	if left := path - a.later(); left < a.reach.least || left > a.reach.most {
		offset := max(path-pathLeft, soonest)
		news = news || offset != a.offset
		a.move(offset)
	}
	return path, news
}

// pulled is what waits in an appsink and has a time.
func pulled(p *pipeline.Pipeline, sink string) (pieces []piece) {
	for s, err := p.Pull(sink, 0); err == nil; s, err = p.Pull(sink, 0) {
		if s.Time != 0 {
			pieces = append(pieces, piece{at: s.Time, pcm: s.Bytes()})
		}
		s.Free()
	}
	return pieces
}
