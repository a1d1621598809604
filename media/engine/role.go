package engine

import (
	"log/slog"
	"reflect"
	"sync"
	"time"

	"ewindow/media"
	"ewindow/media/engine/protocol"
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
	start   func(protocol.Role) (Child, error)
	changed chan struct{} // holds one: version is another
	arrived chan struct{} // holds one: in or events have something

	mu       sync.Mutex
	conf     *protocol.Configure // wanted; nil for no process
	version  int                 // of conf; 0 for no process
	versions int                 // that there have been
	standing protocol.Command    // what a new process is told: mute, card
	kbps     int                 // camera
	encoder  string              // camera: instead of the one in conf
	chosen   string              // camera: the encoder that the process said it uses
	link     *link               // to the process, while it is one of this version
	in       backlog             // for the Handler
	events   []protocol.Event    // for the Handler
	asked    time.Time           // when a keyframe was last asked for
}

func newRole(name protocol.Role, cfg Config) *role {
	return &role{
		name:    name,
		handler: cfg.Handler,
		log:     cfg.Log.With("role", name),
		start:   cfg.Start,
		changed: make(chan struct{}, 1),
		arrived: make(chan struct{}, 1),
		in:      backlog{pictures: name == protocol.Camera},
	}
}

// notify leaves word in a channel that holds one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// want sets what the process is to be, nil for none. Frames of a former format stop here and now.
func (r *role) want(c *protocol.Configure) {
	r.mu.Lock()
	defer r.mu.Unlock()
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

// wanted is what want set last.
func (r *role) wanted() (int, *protocol.Configure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version, r.conf
}

func (r *role) setKbps(kbps int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kbps != kbps {
		r.kbps = kbps
		r.tell(protocol.Command{Kbps: kbps})
	}
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

// command tells the process something once; without a process it is lost.
func (r *role) command(c protocol.Command) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell(c)
}

// tell is command with mu held.
func (r *role) tell(c protocol.Command) {
	if r.link != nil {
		r.link.command = merge(r.link.command, c)
		notify(r.link.wake)
	}
}

// merge is one command that does what a and then b do.
func merge(a, b protocol.Command) protocol.Command {
	if b.Kbps != 0 {
		a.Kbps = b.Kbps
	}
	if b.Mute != nil {
		a.Mute = b.Mute
	}
	if b.Card != nil {
		a.Card = b.Card
	}
	a.Keyframe = a.Keyframe || b.Keyframe
	return a
}

// play leaves a frame for the process. Before its devices are open and while there is none, frames are dropped.
func (r *role) play(f protocol.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.link
	if l == nil || !l.ready {
		return
	}
	if l.out.push(coded{Frame: f}) {
		if r.mayAsk() {
			r.report(protocol.Event{Kind: protocol.Keyframe, Text: "pictures were dropped on the way to the screen"})
		}
		return
	}
	notify(l.wake)
}

// mayAsk says whether it is time to ask for a keyframe (again), and that it is being done.
func (r *role) mayAsk() bool {
	now := time.Now()
	if now.Sub(r.asked) < askEvery {
		return false
	}
	r.asked = now
	return true
}

// report leaves an event for the Handler, with mu held. Of progress and level only the last matters.
func (r *role) report(e protocol.Event) {
	if e.Kind == protocol.Progress || e.Kind == protocol.Level {
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
	r.mu.Unlock()
	switch {
	case !ok:
		return false
	case r.name == protocol.Camera:
		r.handler.Video(media.AccessUnit{Data: f.Data, Captured: f.captured, Key: f.Flags&protocol.FlagKey != 0})
	default:
		r.handler.Audio(media.AudioFrame{Data: f.Data, Captured: f.captured, Duration: soundFrame})
	}
	return true
}
