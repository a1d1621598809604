// Package engine runs a window's devices: it supervises the device processes (ewindow-media), one for each role, and
// carries frames and commands between them and the calls.
//
//	           ┌───────── engine ─────────┐
//	camera ───▶│ reader ▶ backlog ▶ deliver│──▶ Handler.Video
//	sound  ◀──▶│ …                         │──▶ Handler.Audio     PlayAudio
//	screen ◀───│ writer ◀ backlog          │◀── PlayVideo, Show
//	           └──────────────────────────┘
//
// Several calls share the devices: there is one capture, one encoder for each distinct format, and the speaker plays
// the sound of all calls, mixed. A call that begins, changes or ends leaves what the others get as it is.
//
//	                                    ┌ encoder 1280×720 ──▶ calls a, b
//	camera ─────────────────────────────┤
//	                                    └ encoder 320×180 ───▶ call c
//	microphone ─▶ echo canceller, mute ─┬ Opus ──────────────▶ calls a, b
//	                      ▲             └ PCMU ──────────────▶ call c
//	speaker ◀─────────────┴── mixer ◀── decoders ◀───────────── calls a, b, c
//	screen  ◀──────────────── decoder ◀──────────────────────── the call of ShowCall
//
// A process that crashes, hangs or talks nonsense is killed and replaced, with all its streams; the other roles and the
// calls don't notice. The screen runs as long as the engine does, camera and sound only while a call is open that has
// pictures or sound: outside of calls nothing on the machine holds camera or microphone.
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

// Config is what an Engine is made of. The words of the window's file are in Camera, Sound and Screen; the streams are
// set by Open, and those in Camera and Sound are not used.
type Config struct {
	Program string // path of ewindow-media
	Camera  protocol.CameraConfig
	Sound   protocol.SoundConfig
	Screen  protocol.ScreenConfig
	Handler Handler
	Log     *slog.Logger

	// Start runs a device process for a role; nil runs Program. Tests give fakes (see enginetest).
	Start func(protocol.Role) (Child, error)

	prepare func(context.Context) // before the first process; nil for nothing
}

// Handler takes what the devices give. The calls for one role come one after the other, those for different roles
// may overlap. A Handler that is slow loses frames (of pictures, all up to the next keyframe, which is asked for),
// never the engine. It must not change the names of calls that it is given.
type Handler interface {
	// Video takes an access unit of the camera in the format of these calls, at least one. What a call gets begins
	// with an IDR picture, also when it joins others.
	Video(calls []string, au media.AccessUnit)
	// Audio takes a frame of the microphone in the codec of these calls, at least one.
	Audio(calls []string, af media.AudioFrame)
	// Event takes what a device process reports, and what the engine has to say of it: Failed when a process
	// crashed or hung and is replaced, Missing when an encoder is given up for the one in software, Keyframe when
	// the screen can go on only with an IDR picture of the call that it shows.
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

// Engine is a window's devices. Run runs it; its other methods may be called before, during and after.
type Engine struct {
	cfg                   Config
	camera, sound, screen *role

	mu    sync.Mutex // taken before that of a role
	calls calls
	shown string // the call of ShowCall
	show  uint32 // the number of its pictures
}

// New makes an Engine and starts nothing.
func New(cfg Config) *Engine {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Start == nil {
		cfg.prepare = func(ctx context.Context) { prepare(ctx, cfg.Program, cfg.Log) }
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
	if e.cfg.prepare != nil {
		e.cfg.prepare(ctx)
	}
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, r := range []*role{e.camera, e.sound, e.screen} {
		wg.Go(func() { errs[i] = r.run(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Open opens a call in these formats, or changes those of an open one. The devices that it needs start, unless they
// run; what other calls get goes on undisturbed. A new Kbps alone begins no new sequence of pictures, nor does a new FPS in
// a call that shares its stream with no other.
//
// It returns the format in which the call gets our pictures. That is f.Video, with the least Kbps of the calls that
// share it. But at most two formats are made at once: where the calls before it need two others, it gets the larger of
// those that its decoder takes, or none (the zero value) if that takes neither, until one of the others ends.
func (e *Engine) Open(call string, f Formats) VideoFormat {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.calls.set(call, f)
	e.serve()
	return e.calls.format(o)
}

// Close ends a call: it gets and gives nothing more, except a frame that is just being handed to the Handler. With the
// last call that has pictures the camera ends, with the last that has sound the microphone: their processes are gone
// within half a second. If the screen showed the call, it shows none from now on.
func (e *Engine) Close(call string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls.remove(call)
	if e.shown == call {
		e.showCall("")
	}
	e.serve()
}

// serve tells camera and sound which streams the open calls need, with mu held.
func (e *Engine) serve() {
	var camera, sound *protocol.Configure
	if len(e.calls.video) > 0 {
		camera = &protocol.Configure{Role: protocol.Camera, Camera: &e.cfg.Camera}
	}
	if len(e.calls.sound.Played) > 0 {
		sound = &protocol.Configure{Role: protocol.Sound, Sound: &e.cfg.Sound}
	}
	e.camera.serve(camera, streams{video: e.calls.video, to: e.calls.routes(func(o *openCall) uint32 { return o.video })})
	e.sound.serve(sound, streams{sound: e.calls.sound, to: e.calls.routes(func(o *openCall) uint32 { return o.audio })})
}

// SetKbps sets how many kbit/s of pictures a call takes from now on, until its next Open. Calls of the same format
// share an encoder, which makes what the slowest of them takes.
func (e *Engine) SetKbps(call string, kbps int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o := e.calls.find(call); o != nil && o.formats.Video != (VideoFormat{}) && o.formats.Video.Kbps != kbps {
		o.formats.Video.Kbps = kbps
		e.calls.assign()
		e.serve()
	}
}

// ForceKeyframe makes the next access unit that a call gets an IDR picture, as the first one is anyway.
func (e *Engine) ForceKeyframe(call string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o := e.calls.find(call); o != nil && o.video != 0 {
		e.camera.keyframe(o.video)
	}
}

// Alive returns once nobody holds what the calls and the roles own. Device processes are not asked: they are watched by themselves.
func (e *Engine) Alive() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range []*role{e.camera, e.sound, e.screen} {
		r.alive()
	}
}

// Mute silences the microphone for all calls, or ends that. It holds over calls.
func (e *Engine) Mute(on bool) { e.sound.setMute(on) }

// Show sets what the screen says.
func (e *Engine) Show(c protocol.Card) { e.screen.setCard(c) }

// ShowCall sets the call whose pictures the screen shows from now on; "" is none. No further picture of the call before
// is shown; its last one stays until the first of this call is there, for 300 ms at most. A sequence of pictures can be
// joined at an IDR picture only, so it is best called just before PlayVideo of one; an event Keyframe of the screen
// asks for one in any case. The call need not be open, and stays shown when its formats change.
func (e *Engine) ShowCall(call string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.shown != call {
		e.showCall(call)
	}
}

// showCall is ShowCall with mu held.
func (e *Engine) showCall(call string) {
	e.shown, e.show = call, e.calls.next()
	e.screen.setShown(e.show, call != "")
}

// PlayVideo gives the screen an access unit of a call to show at once. Those of other calls than that of ShowCall are
// dropped. It keeps au.Data.
func (e *Engine) PlayVideo(call string, au media.AccessUnit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if call == "" || call != e.shown {
		return
	}
	f := protocol.Frame{Stream: e.show, Data: au.Data}
	if au.Key {
		f.Flags = protocol.FlagKey
	}
	if au.Hidden {
		f.Flags |= protocol.FlagHidden
	}
	e.screen.play(f)
}

// PlayAudio gives the speaker a frame of a call to play next, mixed with what the other calls give; a lost one is
// concealed for its Duration. Frames of a call that is not open are dropped. It keeps af.Data.
func (e *Engine) PlayAudio(call string, af media.AudioFrame) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.calls.find(call)
	if o == nil || o.played.Number == 0 {
		return
	}
	if !af.Lost {
		e.sound.play(protocol.Frame{Stream: o.played.Number, Data: af.Data})
		return
	}
	for n := min(max(af.Duration/soundFrame, 1), maxSounds); n > 0; n-- {
		e.sound.play(protocol.Frame{Stream: o.played.Number, Flags: protocol.FlagLost})
	}
}
