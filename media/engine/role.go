package engine

import (
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"ewindow/media"
	"ewindow/media/engine/protocol"
	"ewindow/registrar/signal/lasting"
)

// askEvery is the least time between two requests for a keyframe.
const askEvery = 300 * time.Millisecond

// maxEvents bounds the events that wait for a slow Handler; the oldest go first.
const maxEvents = 64

// role is one job of the device processes: what is wanted of it, and what is on its way to and from the process that
// does it now. run and deliver are its two loops; everyone else only leaves something under the mutex and goes on.
type role struct {
	name    protocol.Role
	handler Handler
	log     *slog.Logger
	fault   *lasting.Fault // its processes fail
	start   func(protocol.Role) (Child, error)
	changed chan struct{} // holds one: version is another
	arrived chan struct{} // holds one: in or events have something

	mu       sync.Mutex
	conf     *protocol.Configure  // wanted; nil for no process
	version  int                  // of conf; 0 for no process
	versions int                  // that there have been
	standing protocol.Command     // what a new process is told: streams, mute, card
	streams  streams              // camera, sound
	joining  map[string]bool      // camera: calls that have not had an IDR picture yet
	encoder  string               // camera: instead of the one in conf
	chosen   string               // camera: the encoder that the process said it uses
	lapse    lapse                // camera: the encoder that failed in use
	link     *link                // to the process, while it is one of this version
	in       backlog              // for the Handler
	events   []protocol.Event     // for the Handler
	asked    map[uint32]time.Time // when a keyframe of a stream was last asked for
}

// streams is what camera or sound are to make and take, and for whom.
type streams struct {
	video []protocol.VideoStream
	sound protocol.SoundStreams
	to    map[uint32][]string // the calls that get a stream
}

func newRole(name protocol.Role, cfg Config) *role {
	log := cfg.Log.With("role", name)
	return &role{
		name:    name,
		handler: cfg.Handler,
		log:     log,
		fault:   &lasting.Fault{Log: log, What: "device process is replaced", Over: "device process runs again"},
		start:   cfg.Start,
		changed: make(chan struct{}, 1),
		arrived: make(chan struct{}, 1),
		in:      backlog{pictures: name == protocol.Camera},
		joining: map[string]bool{},
		asked:   map[uint32]time.Time{},
	}
}

// alive returns once it could have what it owns.
func (r *role) alive() {
	r.mu.Lock()
	defer r.mu.Unlock()
}

// notify leaves word in a channel that holds one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// want sets what the process is to be, nil for none. Frames of a former one stop here and now.
func (r *role) want(c *protocol.Configure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wantNow(c)
}

// wantNow is want with mu held.
func (r *role) wantNow(c *protocol.Configure) {
	if reflect.DeepEqual(r.conf, c) {
		return
	}
	r.conf, r.version = c, 0
	if c != nil {
		r.versions++
		r.version = r.versions
	}
	r.link = nil
	r.in.clear()
	notify(r.changed)
}

// serve sets what the process is to be, nil for none, and its streams. Those that stay as they were go on undisturbed;
// frames of those that end stop here and now.
func (r *role) serve(c *protocol.Configure, s streams) {
	r.mu.Lock()
	defer r.mu.Unlock()
	former := r.streams
	r.streams = s
	r.in.keep(func(stream uint32) bool { return len(s.to[stream]) > 0 })
	maps.DeleteFunc(r.asked, func(stream uint32, _ time.Time) bool { return len(s.to[stream]) == 0 })
	r.wantNow(c)

	if !reflect.DeepEqual(former.video, s.video) {
		r.standing.Video = s.video
		r.tell(protocol.Command{Video: s.video})
	}
	if !reflect.DeepEqual(former.sound, s.sound) {
		r.standing.Sound = &s.sound
		r.tell(protocol.Command{Sound: &s.sound})
		if r.link != nil {
			r.link.out.keep(func(stream uint32) bool {
				return slices.ContainsFunc(s.sound.Played, func(p protocol.SoundStream) bool { return p.Number == stream })
			})
		}
	}
	if r.name == protocol.Camera {
		r.join(former)
	}
}

// join sees to it that calls begin with an IDR picture.
func (r *role) join(former streams) {
	joining := map[string]bool{}
	for stream, calls := range r.streams.to {
		for _, c := range calls {
			switch {
			case !slices.Contains(former.to[stream], c):
				joining[c] = true
				if len(former.to[stream]) > 0 { // one that is new begins with an IDR picture anyway
					r.tell(protocol.Command{Keyframes: []uint32{stream}})
				}
			case r.joining[c]:
				joining[c] = true
			}
		}
	}
	r.joining = joining
}

// wanted is what want set last.
func (r *role) wanted() (int, *protocol.Configure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version, r.conf
}

func (r *role) setMute(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.standing.Mute = &on
	r.tell(protocol.Command{Mute: &on})
}

func (r *role) setCard(c protocol.Card) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.standing.Card = &c
	r.tell(protocol.Command{Card: &c})
}

// setShown says that other pictures come from now on, or none. Those that wait are not shown any more.
func (r *role) setShown(stream uint32, some bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.standing.Shown = stream
	r.tell(protocol.Command{Shown: stream})
	if r.link != nil {
		r.link.out.clear()
	}
	clear(r.asked)
	if some {
		r.report(protocol.Event{Kind: protocol.Keyframe, Text: "another call is shown"})
	}
}

// keyframe asks for an IDR picture of a stream, which begins with one anyway.
func (r *role) keyframe(stream uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.link != nil && r.link.begun[stream] {
		r.tell(protocol.Command{Keyframes: []uint32{stream}})
	}
}

// tell tells the process something once, with mu held; without a process it is lost.
func (r *role) tell(c protocol.Command) {
	if r.link != nil {
		r.link.command, r.link.commanded = merge(r.link.command, c), true
		notify(r.link.wake)
	}
}

// merge is one command that does what a and then b do.
func merge(a, b protocol.Command) protocol.Command {
	if b.Video != nil {
		a.Video = b.Video
	}
	if b.Sound != nil {
		a.Sound = b.Sound
	}
	if b.Shown != 0 {
		a.Shown = b.Shown
	}
	a.Retry = a.Retry || b.Retry
	for _, k := range b.Keyframes {
		if !slices.Contains(a.Keyframes, k) {
			a.Keyframes = append(slices.Clip(a.Keyframes), k) // what a was made of stays as it is
		}
	}
	if b.Mute != nil {
		a.Mute = b.Mute
	}
	if b.Card != nil {
		a.Card = b.Card
	}
	return a
}

// play leaves a frame for the process. Without one it is dropped, and before its devices are open sound is: pictures wait until
// then, so that the first one is not asked for again.
func (r *role) play(f protocol.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.link
	if l == nil || !l.ready && r.name != protocol.Screen {
		return
	}
	if l.out.push(coded{Frame: f}) {
		if r.mayAsk(f.Stream) {
			r.report(protocol.Event{Kind: protocol.Keyframe, Text: "pictures were dropped on the way to the screen"})
		}
		return
	}
	notify(l.wake)
}

// mayAsk says whether it is time to ask for a keyframe of a stream (again), and that it is being done.
func (r *role) mayAsk(stream uint32) bool {
	now := time.Now()
	if now.Sub(r.asked[stream]) < askEvery {
		return false
	}
	r.asked[stream] = now
	return true
}

// report leaves an event for the Handler, with mu held. Of progress, level and work only the last matters.
func (r *role) report(e protocol.Event) {
	if e.Kind == protocol.Progress || e.Kind == protocol.Level || e.Kind == protocol.Work {
		for i := range r.events {
			if r.events[i].Kind == e.Kind {
				r.events[i] = e
				return
			}
		}
	}
	if len(r.events) == maxEvents {
		r.events = r.events[1:]
	}
	r.events = append(r.events, e)
	notify(r.arrived)
}

// deliver calls the Handler until stop is closed.
func (r *role) deliver(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-r.arrived:
		}
		for r.deliverNext() {
			select {
			case <-stop:
				return
			default:
			}
		}
	}
}

// deliverNext calls the Handler once, events first, or says that there is nothing.
func (r *role) deliverNext() bool {
	r.mu.Lock()
	if len(r.events) > 0 {
		e := r.events[0]
		r.events = r.events[1:]
		r.mu.Unlock()
		r.handler.Event(r.name, e)
		return true
	}
	f, ok := r.in.pop()
	to := r.receivers(f)
	r.mu.Unlock()
	switch {
	case !ok:
		return false
	case len(to) == 0:
	case r.name == protocol.Camera:
		r.handler.Video(to, media.AccessUnit{Data: f.Data, Captured: f.captured, Key: f.Flags&protocol.FlagKey != 0})
	default:
		r.handler.Audio(to, media.AudioFrame{Data: f.Data, Captured: f.captured, Duration: soundFrame})
	}
	return true
}

// receivers is which calls get a frame, with mu held: of pictures only those that have had an IDR picture.
func (r *role) receivers(f coded) []string {
	to := r.streams.to[f.Stream]
	if len(r.joining) == 0 {
		return to
	}
	if f.Flags&protocol.FlagKey == 0 {
		return slices.DeleteFunc(slices.Clone(to), func(c string) bool { return r.joining[c] })
	}
	for _, c := range to {
		delete(r.joining, c)
	}
	return to
}
