// Package welcome lets a window join at its own screen, before it has a file: the screen shows people how, and themselves as in a mirror, the camera
// reads the QR of an invitation, and keys come from the screen's window or the terminal that the program runs in.
//
//	camera ──QR──────────────┐
//	keys of the screen's X ──┼─▶ happenings ─▶ Code, Accept (join.People) ─▶ cards, and the same words in the terminal
//	keys of the terminal ────┘
//	camera ──pictures──▶ screen
package welcome

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"ewindow/endpoint/join"
	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
)

// Config says where people stand.
type Config struct {
	Program string // ewindow-media
	Camera  string // words of the window's file
	Display string
	Rotate  int
	File    string // the window's file, which somebody may write in a terminal meanwhile
	Card    Card   // what somebody wrote for it beforehand

	Keys <-chan string // of the terminal; nil if there is none
	Out  io.Writer     // the terminal, or whatever takes what is said
	Log  *slog.Logger

	start func(protocol.Role) (engine.Child, error) // for tests; nil for real devices
}

// A Card is what somebody wrote for the window before it was switched on.
type Card struct {
	Code        string // of the invitation; empty where there is none
	AcceptRules string // the version of the exchange rules that whoever wrote it accepts
	Wrong       error  // why it cannot be used
}

// Screen is a window's screen before it has joined. It is join.People.
type Screen struct {
	cfg        Config
	devices    *engine.Engine
	happenings chan happening
	before     os.FileInfo // the window's file that is to be replaced; nil for none

	picture atomic.Bool // the camera's own picture is shown, or could be
	// Of Code and Accept, which one goroutine calls.
	lacks    string       // what there is instead of a camera
	blind    bool         // no QR codes are read
	listens  bool         // the screen's window takes keys
	typed    string       // what has been typed of this line
	seen     sighting     // the last QR
	warnings []join.Words // that were told since the last code
	byCard   bool         // the last code was that of the card
}

// A happening is a key, a QR code, or news of the devices.
type happening struct {
	key, code string
	terminal  bool    // the key is of the terminal
	late      bool    // the time is over
	camera    *string // it is open; what it lacks
	blind     bool    // it reads no QR codes
	listens   bool    // the screen is open, and its window takes keys
}

// A sighting is a QR code before the camera.
type sighting struct {
	code string
	last time.Time
}

// gone is how long a code must not be seen before it is taken for shown anew.
const gone = 3 * time.Second

// mirror is the call by which the camera's pictures get to the screen of the same window.
const mirror = "mirror"

var format = engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2500}

// New makes a Screen and starts nothing.
func New(cfg Config) *Screen {
	s := &Screen{cfg: cfg, happenings: make(chan happening, 256)}
	s.before, _ = os.Stat(cfg.File)
	s.devices = engine.New(engine.Config{
		Program: cfg.Program, Start: cfg.start, Handler: (*handler)(s), Log: cfg.Log,
		Camera: protocol.CameraConfig{Source: cfg.Camera, Encoder: "auto", Label: "E-Window", Scan: true},
		Screen: protocol.ScreenConfig{Sink: cfg.Display, Rotate: cfg.Rotate, Title: "E-Window", Width: format.Width, Height: format.Height, Keys: true},
	})
	return s
}

// Run runs the devices until ctx ends.
func (s *Screen) Run(ctx context.Context) error { return s.devices.Run(ctx) }

// Tell shows words until there are others.
func (s *Screen) Tell(w join.Words) {
	if w == (join.Words{}) {
		return
	}
	s.say(w)
	if w.Do != "" {
		s.warnings = append(s.warnings, w)
	}
	s.devices.Show(protocol.Card{Title: heading, Reason: w.What, Next: w.Do})
}

// heading is the title of every card that has no better one.
const heading = "A new window"

// say prints what the screen says.
func (s *Screen) say(what any) {
	if s.cfg.Keys != nil {
		fmt.Fprint(s.cfg.Out, clearLine)
	}
	fmt.Fprintln(s.cfg.Out, what)
}

// clearLine has a terminal forget its line, and a code that was typed on it.
const clearLine = "\r\x1b[K"

// look opens the camera, or ends that it is on.
func (s *Screen) look(on bool) {
	if on {
		s.devices.Open(mirror, engine.Formats{Video: format})
		s.devices.ShowCall(mirror)
	} else {
		s.devices.Close(mirror)
		s.picture.Store(false)
	}
}

// next waits for the next happening. ErrJoined says that the window has its file now, and not from here.
func (s *Screen) next(ctx context.Context, until <-chan time.Time) (h happening, err error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return h, ctx.Err()
		case h = <-s.happenings:
		case key, ok := <-s.cfg.Keys:
			if !ok {
				s.cfg.Keys = nil
				continue
			}
			h = happening{key: key, terminal: true}
		case <-until:
			h = happening{late: true}
		case <-tick.C:
			if now, err := os.Stat(s.cfg.File); err == nil && (s.before == nil || !os.SameFile(now, s.before)) {
				return h, ErrJoined
			}
			continue
		}
		if h.camera != nil {
			s.lacks = *h.camera
		}
		s.blind, s.listens = s.blind || h.blind, s.listens || h.listens
		return h, nil
	}
}

// fresh says whether a QR code has just come before the camera.
func (s *Screen) fresh(code string, now time.Time) bool {
	was := s.seen
	s.seen = sighting{code, now}
	return code != was.code || now.Sub(was.last) > gone
}

// edit takes a key into the line that is typed.
func (s *Screen) edit(key string) {
	switch {
	case key == "Backspace" && s.typed != "":
		r := []rune(s.typed)
		s.typed = string(r[:len(r)-1])
	case key == "Escape":
		s.typed = ""
	case len([]rune(key)) == 1 && len(s.typed) < 600:
		s.typed += key
	}
}

// prompt shows a line that is typed in the terminal.
func (s *Screen) prompt(asks string) {
	if s.cfg.Keys != nil {
		fmt.Fprint(s.cfg.Out, clearLine, asks, s.typed)
	}
}

// handler is the Screen as the devices see it.
type handler Screen

var _ engine.Handler = (*handler)(nil)

// Video shows people themselves.
func (h *handler) Video(_ []string, au media.AccessUnit) { h.devices.PlayVideo(mirror, au) }

// Audio gets nothing: there is no call with sound.
func (h *handler) Audio([]string, media.AudioFrame) {}

// Event takes what devices report. What a code holds goes nowhere but to who asked for it.
func (h *handler) Event(role protocol.Role, e protocol.Event) {
	switch {
	case e.Kind == protocol.Keyframe:
		h.devices.ForceKeyframe(mirror)
	case e.Kind == protocol.Code:
		h.post(happening{code: e.Text})
	case e.Kind == protocol.Key:
		h.post(happening{key: e.Text})
	case e.Kind == protocol.Ready && role == protocol.Screen:
		h.post(happening{listens: strings.HasPrefix(e.Device, "x11 ")})
	case e.Kind == protocol.Ready && role == protocol.Camera:
		h.picture.Store(e.Lacks == "")
		h.post(happening{camera: &e.Lacks})
	case e.Kind == protocol.Missing, e.Kind == protocol.Failed:
		h.cfg.Log.Warn("device missing", "role", role, "text", e.Text)
		if role == protocol.Camera && e.Device == "zbar" {
			h.post(happening{blind: true})
		}
	}
}

// post leaves a happening for who waits. Of more than anybody types or shows the newest are lost.
func (h *handler) post(x happening) {
	select {
	case h.happenings <- x:
	default:
	}
}
