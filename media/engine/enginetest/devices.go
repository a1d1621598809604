// Package enginetest is a window's camera, microphone, speaker and screen for tests: fake device processes that run
// in real time and under testing/synctest alike.
//
// The camera makes tiny access units that any H.264 decoder takes, the microphone frames of sound; each carries a
// seed, which tells devices apart, and a counter. Screen and speaker record what came, and the screen knows when a
// decoder would have shown rubbish. Devices crash and hang when told to.
//
//	fakes := enginetest.New(enginetest.Options{Seed: 1})
//	e := engine.New(engine.Config{Start: fakes.Start, Handler: …})
package enginetest

import (
	"errors"
	"maps"
	"net"
	"sync"
	"time"

	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
)

// Options are those of a set of fake devices.
type Options struct {
	Seed     uint16        // of camera and microphone
	Picture  time.Duration // between two access units; 0 for 33 ms
	Sound    time.Duration // between two frames of sound; 0 for 20 ms
	Progress time.Duration // between two reports of progress; 0 for 500 ms
	Size     int           // bytes of an access unit, at least
}

// Devices is a set of fake devices. Its methods may be called from anywhere.
type Devices struct {
	seed     uint16
	progress time.Duration
	size     int

	mu      sync.Mutex
	pace    map[protocol.Role]time.Duration // between frames
	paced   chan struct{}                   // closed when pace changes
	running map[protocol.Role]*device
	starts  map[protocol.Role]int
	refusal map[protocol.Role]error
	start   map[protocol.Role]Start
	lacks   map[protocol.Role]string
	conf    map[protocol.Role]protocol.Configure
	broken  bool // the camera's hardware
	camera  Camera
	mic     Microphone
	screen  Screen
	speaker Speaker
}

// A Start is how the processes of a role start.
type Start struct {
	Takes  time.Duration // until the devices are open
	Stages int           // that it says it reaches meanwhile
	Works  bool          // it uses the processor, as one that is slow does and one that hangs does not
}

// Camera is what a camera has done.
type Camera struct {
	Pictures uint32                 // the counter of its last one
	Keys     int                    // IDR pictures, of all streams
	Retries  int                    // trials of the hardware that it was asked for
	Streams  []protocol.VideoStream // as it was told last
}

// Microphone is what a microphone has done.
type Microphone struct {
	Frames  uint32 // the counter of its last one
	Muted   bool
	Streams []protocol.SoundStream // as it was told last
}

// Screen is what a screen has shown.
type Screen struct {
	Picture            // the last one
	At       time.Time // when it came
	Pictures int
	Broken   int // pictures that a decoder shows as rubbish: those before them are missing
	Foreign  int // access units that are no fake camera's, not whole, or not of the call that is shown
	Card     protocol.Card
}

// Speaker is what a speaker has played.
type Speaker struct {
	Sound             // the last one
	At      time.Time // when it came
	Frames  int
	Mixed   map[uint16]int         // frames by the seed of their microphone
	Lost    int                    // frames that were concealed
	Foreign int                    // frames that are no fake microphone's, in another codec, or in no stream
	Streams []protocol.SoundStream // as it was told last
}

// New makes a set of devices. Nothing runs before Start.
func New(o Options) *Devices {
	or := func(d, otherwise time.Duration) time.Duration {
		if d > 0 {
			return d
		}
		return otherwise
	}
	return &Devices{
		seed:     o.Seed,
		progress: or(o.Progress, 500*time.Millisecond),
		size:     o.Size,
		pace: map[protocol.Role]time.Duration{
			protocol.Camera: or(o.Picture, time.Second/30),
			protocol.Sound:  or(o.Sound, 20*time.Millisecond),
		},
		paced:   make(chan struct{}),
		running: map[protocol.Role]*device{},
		starts:  map[protocol.Role]int{},
		refusal: map[protocol.Role]error{},
		start:   map[protocol.Role]Start{},
		lacks:   map[protocol.Role]string{},
		conf:    map[protocol.Role]protocol.Configure{},
		speaker: Speaker{Mixed: map[uint16]int{}},
	}
}

// Start is for engine.Config.
func (d *Devices) Start(role protocol.Role) (engine.Child, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.starts[role]++
	if err := d.refusal[role]; err != nil {
		return nil, err
	}
	if d.running[role] != nil {
		return nil, errors.New("enginetest: a second " + string(role) + " process beside the first")
	}
	parent, child := net.Pipe()
	dev := &device{
		set: d, role: role, slow: d.start[role], began: time.Now(), parent: parent, conn: child,
		since: map[uint32]uint32{},
		hung:  make(chan struct{}),
		ended: make(chan struct{}),
		gone:  make(chan struct{}),
	}
	d.running[role] = dev
	dev.start()
	return dev, nil
}

// SetPace changes the time between access units and between frames of sound, from now on; 0 leaves one as it is.
func (d *Devices) SetPace(picture, sound time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if picture > 0 {
		d.pace[protocol.Camera] = picture
	}
	if sound > 0 {
		d.pace[protocol.Sound] = sound
	}
	close(d.paced)
	d.paced = make(chan struct{})
}

// Crash ends the process of a role as a crash does, if there is one.
func (d *Devices) Crash(role protocol.Role) {
	if dev := d.device(role); dev != nil {
		dev.end(errors.New("signal: segmentation fault"))
	}
}

// Hang stops the process of a role, as SIGSTOP does, until it is killed.
func (d *Devices) Hang(role protocol.Role) {
	if dev := d.device(role); dev != nil {
		dev.hang()
	}
}

// Refuse makes each further start of a role fail with err; nil ends that.
func (d *Devices) Refuse(role protocol.Role, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusal[role] = err
}

// Lack has the processes of a role that start from now on use a stand-in, and say for what; empty: none.
func (d *Devices) Lack(role protocol.Role, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lacks[role] = what
}

// SetStart makes further starts of a role slow.
func (d *Devices) SetStart(role protocol.Role, s Start) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.start[role] = s
}

func (d *Devices) device(role protocol.Role) *device {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running[role]
}

// Running says whether there is a process of a role.
func (d *Devices) Running(role protocol.Role) bool { return d.device(role) != nil }

// Starts is how often a process of a role was started.
func (d *Devices) Starts(role protocol.Role) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.starts[role]
}

// Configured is what the last process of a role was told to be.
func (d *Devices) Configured(role protocol.Role) protocol.Configure {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conf[role]
}

// Camera is what the camera has done so far.
func (d *Devices) Camera() Camera {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.camera
}

// Microphone is what the microphone has done so far.
func (d *Devices) Microphone() Microphone {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mic
}

// Screen is what the screen has shown so far.
func (d *Devices) Screen() Screen {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.screen
}

// Speaker is what the speaker has played so far.
func (d *Devices) Speaker() Speaker {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.speaker
	s.Mixed = maps.Clone(s.Mixed)
	return s
}
