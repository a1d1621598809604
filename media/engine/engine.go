// Package engine runs a window's devices: it supervises the device processes (ewindow-media), one for each role, and
// carries frames and commands between them and a call.
//
//	           ┌───────── engine ─────────┐
//	camera ───▶│ reader ▶ backlog ▶ deliver│──▶ Handler.Video
//	sound  ◀──▶│ …                         │──▶ Handler.Audio     PlayAudio
//	screen ◀───│ writer ◀ backlog          │◀── PlayVideo, Show
//	           └──────────────────────────┘
//
// A process that crashes, hangs or talks nonsense is killed and replaced; the other roles and the call don't notice.
// The screen runs as long as the engine does, camera and sound only between Open and Close: outside of calls nothing
// on the machine holds camera or microphone.
//
// No method waits for a device process or for the Handler, so all may be called from anywhere, the Handler included.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"ewindow/media"
	"ewindow/media/engine/protocol"
)

// soundFrame is the length of one frame of sound that a device process makes and takes.
const soundFrame = 20 * time.Millisecond

// Config is what an Engine is made of. The words of the window's file are in Camera, Sound and Screen; what a call
// negotiates (size, rate, codec) is set by Open and need not be there.
type Config struct {
	Program string // path of ewindow-media
	Camera  protocol.CameraConfig
	Sound   protocol.SoundConfig
	Screen  protocol.ScreenConfig
	Handler Handler
	Log     *slog.Logger

	// Start runs a device process for a role; nil runs Program. Tests give fakes (see enginetest).
	Start func(protocol.Role) (Child, error)
}

// Handler takes what the devices give. The calls for one role come one after the other, those for different roles
// may overlap. A Handler that is slow loses frames (of pictures, all up to the next keyframe, which is asked for),
// never the engine.
type Handler interface {
	// Video takes an access unit of the camera.
	Video(media.AccessUnit)
	// Audio takes a frame of the microphone.
	Audio(media.AudioFrame)
	// Event takes what a device process reports, and what the engine has to say of it: Failed when a process
	// crashed or hung and is replaced, Missing when an encoder is given up for the one in software, Keyframe when
	// the screen can go on only with an IDR picture. After each Ready of the screen it needs one too.
	Event(protocol.Role, protocol.Event)
}

// Child is a device process or a fake of one.
type Child interface {
	// Conn is our end of its socket.
	Conn() net.Conn
	// Kill ends it and all that it started, at once. It may be called again and after Wait has returned.
	Kill()
	// Wait blocks until it is gone and says why: nil for a regular end. It is called once.
	Wait() error
}

// VideoFormat is what a call agreed on for our pictures. The zero value is a call without our pictures.
type VideoFormat struct {
	Width, Height, FPS int
	Kbps               int
	MaxSlice           int // bytes of a NAL unit; 0 for no bound (packetization-mode 1)
}

// AudioFormat is what a call agreed on for sound in both directions. The zero value is a call without sound.
type AudioFormat struct {
	Codec string // opus | G722 | PCMU | PCMA
	Kbps  int    // Opus
}

// Engine is a window's devices. Run runs it; its other methods may be called before, during and after.
type Engine struct {
	cfg                   Config
	camera, sound, screen *role
}

// New makes an Engine and starts nothing.
func New(cfg Config) *Engine {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Start == nil {
		cfg.Start = func(r protocol.Role) (Child, error) { return StartProcess(cfg.Program, r, cfg.Log) }
	}
	e := &Engine{cfg: cfg}
	e.camera = newRole(protocol.Camera, cfg)
	e.sound = newRole(protocol.Sound, cfg)
	e.screen = newRole(protocol.Screen, cfg)
	e.screen.want(&protocol.Configure{Role: protocol.Screen, Screen: &cfg.Screen})
	return e
}

// Run runs the device processes until ctx ends, and ends them. It returns nil, or an error that names a process that
// would not die or a Handler that does not return.
func (e *Engine) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, r := range []*role{e.camera, e.sound, e.screen} {
		wg.Go(func() { errs[i] = r.run(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Open starts camera and sound in these formats, or changes to them: a role whose format stays the same runs on, and
// a new Kbps alone restarts no camera.
func (e *Engine) Open(video VideoFormat, audio AudioFormat) {
	if video == (VideoFormat{}) {
		e.camera.want(nil)
	} else {
		c := e.cfg.Camera
		c.Width, c.Height, c.FPS, c.MaxSlice = video.Width, video.Height, video.FPS, video.MaxSlice
		e.camera.setKbps(video.Kbps)
		e.camera.want(&protocol.Configure{Role: protocol.Camera, Camera: &c})
	}
	if audio == (AudioFormat{}) {
		e.sound.want(nil)
	} else {
		s := e.cfg.Sound
		s.Codec, s.Kbps = audio.Codec, audio.Kbps
		e.sound.want(&protocol.Configure{Role: protocol.Sound, Sound: &s})
	}
}

// Close ends camera and sound: their processes are gone within half a second. A frame that is just being handed to
// the Handler may still arrive, none after it.
func (e *Engine) Close() {
	e.camera.want(nil)
	e.sound.want(nil)
}

// SetKbps sets the bitrate of the pictures from now on, until the next Open.
func (e *Engine) SetKbps(kbps int) { e.camera.setKbps(kbps) }

// ForceKeyframe makes the camera's next access unit an IDR picture.
func (e *Engine) ForceKeyframe() { e.camera.command(protocol.Command{Keyframe: true}) }

// Mute silences the microphone before the encoder, or ends that. It holds over calls.
func (e *Engine) Mute(on bool) { e.sound.setMute(on) }

// Show sets what the screen says.
func (e *Engine) Show(c protocol.Card) { e.screen.setCard(c) }

// PlayVideo gives the screen an access unit to show at once. It keeps au.Data.
func (e *Engine) PlayVideo(au media.AccessUnit) {
	f := protocol.Frame{Data: au.Data}
	if au.Key {
		f.Flags = protocol.FlagKey
	}
	e.screen.play(f)
}

// PlayAudio gives the speaker a frame to play next; a lost one is concealed for its Duration. It keeps af.Data.
func (e *Engine) PlayAudio(af media.AudioFrame) {
	if !af.Lost {
		e.sound.play(protocol.Frame{Data: af.Data})
		return
	}
	for n := min(max(af.Duration/soundFrame, 1), maxSounds); n > 0; n-- {
		e.sound.play(protocol.Frame{Flags: protocol.FlagLost})
	}
}
