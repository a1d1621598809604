package doctor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
)

// Devices are those of a window that does not run, as its file names them.
type Devices struct {
	Config engine.Config // Handler is the doctor's own
	Video  engine.VideoFormat
}

const (
	toOpen  = 12 * time.Second // for all devices to be there: a camera tries its encoders
	toWatch = 4 * time.Second  // then they are watched

	call = "doctor" // that the devices are opened for

	leastPictures = 0.8   // of those that were asked for
	quiet         = -60.0 // dBFS; a microphone in a room is louder even when nobody speaks
	tooLoud       = -3.0
)

// Check opens camera, microphone, speaker and screen for some seconds, as a call does.
func (d Devices) Check() Check {
	return Check{"opens camera, microphone, speaker and screen", "", func(ctx context.Context) []Finding {
		w := &watch{roles: map[protocol.Role]*seen{protocol.Camera: {}, protocol.Sound: {level: math.Inf(-1)}, protocol.Screen: {}}, news: make(chan struct{}, 1)}
		d.Config.Handler = w
		e := engine.New(d.Config)
		e.Show(protocol.Card{Title: "E-Window", Reason: "This window is being examined"})
		e.Open(call, engine.Formats{Video: d.Video, Audio: engine.AudioFormat{Codec: "opus", Kbps: 32}})
		running, end := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- e.Run(running) }()
		w.wait(ctx)
		end()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			return append(w.findings(d.Video), of(Fail, "devices", err))
		}
		return w.findings(d.Video)
	}}
}

// seen is what a role has said and given.
type seen struct {
	ready, missing *protocol.Event
	failed         string
	work           *protocol.Event // the last
	frames         int             // since the watch began
	level          float64         // the loudest, dBFS
}

// watch is the handler of the doctor's devices.
type watch struct {
	mu    sync.Mutex
	roles map[protocol.Role]*seen
	since time.Time // of the watch proper; zero before
	until time.Time
	news  chan struct{}
}

func (w *watch) Video([]string, media.AccessUnit) { w.count(protocol.Camera) }
func (w *watch) Audio([]string, media.AudioFrame) { w.count(protocol.Sound) }

func (w *watch) count(r protocol.Role) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.since.IsZero() {
		w.roles[r].frames++
	}
}

// Event takes what a device process reports.
func (w *watch) Event(r protocol.Role, e protocol.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.roles[r]
	switch e.Kind {
	case protocol.Ready:
		s.ready = &e
	case protocol.Missing:
		s.missing = &e
	case protocol.Failed:
		s.failed = e.Text
	case protocol.Work:
		s.work = &e
	case protocol.Level:
		s.level = max(s.level, e.LevelDB)
	}
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// wait lets the devices come up, and watches them for a while.
func (w *watch) wait(ctx context.Context) {
	late := time.NewTimer(toOpen)
	defer late.Stop()
	for up := false; !up; {
		select {
		case <-ctx.Done():
			return
		case <-late.C:
			up = true
		case <-w.news:
			w.mu.Lock()
			up = w.roles[protocol.Camera].ready != nil && w.roles[protocol.Sound].ready != nil && w.roles[protocol.Screen].ready != nil
			w.mu.Unlock()
		}
	}
	w.mu.Lock()
	w.since = time.Now()
	w.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(toWatch):
	}
	w.mu.Lock()
	w.until = time.Now()
	w.mu.Unlock()
}

func (w *watch) findings(v engine.VideoFormat) []Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	camera := w.roles[protocol.Camera]
	found := slices.Concat(w.camera(camera, v), w.sound(w.roles[protocol.Sound]))
	screen := w.roles[protocol.Screen]
	if screen.ready == nil {
		return append(found, screen.lacks("screen", screenRemedy))
	}
	return append(found, pass("screen", "%s", screen.ready.Device))
}

// What to do about a device that is not there.
const (
	cameraRemedy = "look whether the camera is plugged in, and at `camera` in the window's file"
	soundRemedy  = "look whether microphone and speaker are plugged in, and at `microphone` and `speaker` in the window's file"
	screenRemedy = "look whether it is connected and switched on, and at `screen` in the window's file"
)

// lacks is a finding about a device that is not there, or whose process does not come up.
func (s *seen) lacks(part, remedy string) Finding {
	switch {
	case s.missing != nil:
		return of(Fail, part, errors.New(s.missing.Text)).or(remedy)
	case s.failed != "":
		return of(Fail, part, errors.New(s.failed)).or(remedy)
	}
	return fail(part, remedy, "it does not come up within %v", toOpen)
}

// or gives a finding a remedy, if it has none.
func (f Finding) or(remedy string) Finding {
	if f.Remedy == "" {
		f.Remedy = remedy
	}
	return f
}

func (w *watch) camera(s *seen, v engine.VideoFormat) []Finding {
	if s.ready == nil || s.ready.Lacks != "" || s.missing != nil {
		return []Finding{s.lacks("camera", cameraRemedy)}
	}
	rate := float64(s.frames) / max(w.until.Sub(w.since).Seconds(), 0.001)
	text := fmt.Sprintf("%s: %.1f pictures a second of %d×%d", s.ready.Device, rate, v.Width, v.Height)
	camera := pass("camera", "%s", text)
	if rate < leastPictures*float64(v.FPS) {
		camera = warn("camera", "give it more light: in the dark many cameras slow down; or ask for less (`video` in the window's file)", "%s, %d were asked for", text, v.FPS)
	}
	encoder := pass("encoder", "%s", s.ready.Encoder)
	if k := s.work; k != nil && k.Made < leastPictures*k.Given {
		encoder = warn("encoder", "ask for a smaller picture (`video` in the window's file): this machine has no time for more",
			"%s makes %.0f of %.0f pictures a second", s.ready.Encoder, k.Made, k.Given)
	}
	return []Finding{camera, encoder}
}

func (w *watch) sound(s *seen) []Finding {
	switch {
	case s.ready == nil || s.ready.Lacks != "" || s.missing != nil:
		return []Finding{s.lacks("sound", soundRemedy)}
	case s.frames == 0:
		return []Finding{fail("sound", soundRemedy, "%s: nothing comes of the microphone", s.ready.Device)}
	case strings.Contains(s.ready.Device, "microphone silence"):
		return []Finding{pass("sound", "%s: no microphone is wanted", s.ready.Device)}
	case s.level < quiet:
		return []Finding{warn("sound", "look whether it is switched off by a key of its own; speak while the doctor listens", "%s: the microphone is silent (%.0f dBFS at most)", s.ready.Device, s.level)}
	case s.level > tooLoud:
		return []Finding{warn("sound", "turn the microphone down (alsamixer), or away from the speaker", "%s: the microphone is too loud (%.0f dBFS)", s.ready.Device, s.level)}
	}
	return []Finding{pass("sound", "%s: the microphone hears %.0f dBFS at most; %s", s.ready.Device, s.level, s.ready.Text)}
}
