package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"ewindow/media/engine/protocol"
)

// The limits of the conversation with a process.
const (
	writePatience = time.Second            // for a process to take anything of a message
	drainPatience = 200 * time.Millisecond // for what a process said last
	exitPatience  = runPatience / 2        // for the end of a process to follow that of its socket
	maxEventBytes = 64 << 10
	maxStages     = 64       // of a start; more are no sign of life
	maxMessages   = 2000     // a second: a camera and a microphone make 50 each
	maxPerSecond  = 64 << 20 // bytes
)

// link is one run of a device process, with the goroutines that talk to it: reader, writer, and one that waits.
type link struct {
	child   Child
	in      *tap // what the process says
	version int
	first   protocol.Configure

	wake     chan struct{} // holds one: command or out have something
	readied  chan struct{} // holds one: it has reached another stage of its start
	progress chan struct{} // holds one
	broken   chan error    // holds one: why the conversation is over
	exited   chan error    // holds one: the process is gone and nothing of the link runs any more
	stopped  chan struct{} // closed: say nothing more
	gone     chan struct{} // closed: the process is gone

	// Under the mutex of the role.
	command   protocol.Command // what it has not been told yet, if commanded
	commanded bool
	out       backlog
	ready     bool            // its devices are open
	begun     map[uint32]bool // camera: streams of which something has come
	stage     string          // what its start waits for; empty when it is over
	stages    int             // reached
	said      string          // the text of its Failed
}

// connect starts to talk with a process that has just started, and makes it the one of the role if it is still of
// the version that is wanted.
func (r *role) connect(c Child, version int, conf protocol.Configure) *link {
	l := &link{
		child:    c,
		in:       newTap(c.Conn()),
		version:  version,
		wake:     make(chan struct{}, 1),
		readied:  make(chan struct{}, 1),
		progress: make(chan struct{}, 1),
		broken:   make(chan error, 1),
		exited:   make(chan error, 1),
		stopped:  make(chan struct{}),
		gone:     make(chan struct{}),
		out:      backlog{pictures: r.name == protocol.Screen},
		begun:    map[uint32]bool{},
	}
	r.mu.Lock()
	l.first, l.command, l.commanded = r.introduction(conf), r.standing, true
	if r.version == version {
		r.link = l
	}
	r.mu.Unlock()
	notify(l.wake)

	read, written := make(chan struct{}), make(chan struct{})
	go func() { defer close(read); r.read(l) }()
	go func() { defer close(written); r.write(l) }()
	go func() {
		err := c.Wait()
		close(l.gone)
		l.in.drain(read)
		c.Conn().Close()
		<-read
		r.disconnect(l)
		<-written
		l.exited <- err
	}()
	return l
}

// introduction is conf with what has changed since, with mu held.
func (r *role) introduction(conf protocol.Configure) protocol.Configure {
	switch {
	case conf.Camera != nil:
		c := *conf.Camera
		c.Streams = r.streams.video
		if r.encoder != "" {
			c.Encoder = r.encoder
		}
		c.Avoid = r.lapse.avoid()
		conf.Camera = &c
	case conf.Sound != nil:
		s := *conf.Sound
		s.Streams = r.streams.sound
		s.Muted = r.standing.Mute != nil && *r.standing.Mute
		conf.Sound = &s
	}
	return conf
}

// disconnect ends what is said to the process; its answers are still read.
func (r *role) disconnect(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.link == l {
		r.link = nil
	}
	if !l.over() {
		close(l.stopped)
	}
}

// over says whether the conversation was ended by us.
func (l *link) over() bool {
	select {
	case <-l.stopped:
		return true
	default:
		return false
	}
}

// hangUp tells the process to end, by the end of its input.
func (r *role) hangUp(l *link) {
	r.disconnect(l)
	if c, ok := l.child.Conn().(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // an error means that it is closed already
		return
	}
	l.child.Conn().Close()
}

// breakOff reports once why the conversation can't go on, unless it was ended by us.
func (l *link) breakOff(err error) {
	if l.over() {
		return
	}
	select {
	case l.broken <- err:
	default:
	}
}

// lost ends a conversation whose connection is gone. As a rule that is because the process is, and its exit says more.
func (l *link) lost(err error) {
	select {
	case <-l.gone:
	case <-time.After(exitPatience):
		if !l.ended() {
			l.breakOff(err)
		}
	}
}

// ended says that the process has exited, and only its exit has not been worked off yet: it must not be judged any more.
func (l *link) ended() bool {
	c, ok := l.child.(interface{ Exited() bool })
	return ok && c.Exited()
}

// write sends the configuration, then commands and frames as they come.
func (r *role) write(l *link) {
	out := patient{l.child.Conn()}
	err := protocol.WriteJSON(out, protocol.TypeConfigure, l.first)
	for err == nil {
		select {
		case <-l.stopped:
			return
		case <-l.wake:
		}
		err = r.flush(l, out)
	}
	err = fmt.Errorf("does not take what it is told: %w", err)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		l.breakOff(err)
		return
	}
	l.lost(err)
}

// flush sends what there is, commands first.
func (r *role) flush(l *link, out io.Writer) error {
	for {
		r.mu.Lock()
		c, commanded := l.command, l.commanded
		l.command, l.commanded = protocol.Command{}, false
		var f coded
		ok := l.ready // before that it may not read
		if ok {
			f, ok = l.out.pop()
		}
		r.mu.Unlock()
		if commanded {
			if err := protocol.WriteJSON(out, protocol.TypeCommand, c); err != nil {
				return err
			}
		}
		if !ok {
			return nil
		}
		if err := protocol.WriteFrame(out, f.Frame); err != nil {
			return err
		}
	}
}

// patient writes to a process that takes something each writePatience.
type patient struct{ net.Conn }

// Write fails when the process has taken nothing for writePatience. If this process itself was kept from running
// meanwhile, and so comes late to the deadline, it tries again.
func (p patient) Write(b []byte) (n int, err error) {
	for {
		began := time.Now()
		if err := p.SetWriteDeadline(began.Add(writePatience)); err != nil {
			return n, err
		}
		k, err := p.Conn.Write(b[n:])
		n += k
		late := time.Since(began) > writePatience+lateness
		if k == 0 && !late || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
}

// read takes what the process says until that ends. It never waits for anyone else. There is no deadline here:
// a process that says nothing, or half a message, makes no progress, and the supervisor kills it for that.
func (r *role) read(l *link) {
	in := bufio.NewReaderSize(l.in, 64<<10)
	var m meter
	for {
		t, payload, err := protocol.ReadMessage(in)
		if err == nil && !m.allow(time.Now(), len(payload)) {
			err = fmt.Errorf("floods: more than %d messages or %d MiB in a second", maxMessages, maxPerSecond>>20)
		}
		if err == nil {
			err = r.receive(l, t, payload)
		}
		var broken *net.OpError // it went with messages of ours unread
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &broken):
			l.lost(errors.New("closed its connection and did not exit"))
		default:
			l.breakOff(err)
		}
		return
	}
}

// receive handles one message. An error means that the process talks nonsense.
func (r *role) receive(l *link, t protocol.Type, payload []byte) error {
	switch {
	case t == protocol.TypeFrame && r.name != protocol.Screen:
		f, err := protocol.ParseFrame(payload)
		if err != nil {
			return err
		}
		r.arrive(l, coded{f, captureTime(f.Time, monotonic(), time.Now())})
		return nil
	case t != protocol.TypeEvent:
		return fmt.Errorf("sent a message of type %d, which no %s sends", t, r.name)
	case len(payload) > maxEventBytes:
		return fmt.Errorf("sent an event of %d bytes, at most %d", len(payload), maxEventBytes)
	}
	var e protocol.Event
	if err := json.Unmarshal(payload, &e); err != nil {
		return fmt.Errorf("sent an event that is not readable: %w", err)
	}
	r.heed(l, e)
	return nil
}

// arrive leaves a frame for the Handler.
func (r *role) arrive(l *link, f coded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.version != l.version || len(r.streams.to[f.Stream]) == 0 {
		return
	}
	l.begun[f.Stream] = true
	if r.in.push(f) {
		if r.mayAsk(f.Stream) {
			r.tell(protocol.Command{Keyframes: []uint32{f.Stream}})
		}
		return
	}
	notify(r.arrived)
}

// heed takes in an event and leaves it for the Handler.
func (r *role) heed(l *link, e protocol.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case protocol.Ready:
		r.resume(l)
		if !l.ready {
			notify(l.readied)
		}
		l.ready, l.stage, r.chosen = true, "", e.Encoder
		if r.name == protocol.Camera {
			r.heedEncoder(e)
		}
		notify(l.wake)
		if c, ok := l.child.(interface{ ServedBy(pid int) }); ok {
			c.ServedBy(e.Server)
		}
	case protocol.Starting:
		if l.stages++; l.stage != e.Text && l.stages <= maxStages {
			notify(l.readied)
		}
		l.stage = e.Text
	case protocol.Progress:
		if !l.ready {
			l.ready = true
			notify(l.wake)
		}
		notify(l.progress)
	case protocol.Failed:
		l.said = e.Text
	}
	if r.version == l.version {
		r.report(e)
	}
}

// resume asks for the keyframe that a screen needs which is ready, for the first time or again, with mu held. It needs none if all
// pictures so far have waited for it.
func (r *role) resume(l *link) {
	if r.name == protocol.Screen && r.version == l.version && (l.ready || len(l.out.frames) == 0) {
		r.report(protocol.Event{Kind: protocol.Keyframe, Text: "the screen begins"})
	}
}

// meter bounds what a process may say in a second.
type meter struct {
	since           time.Time
	messages, bytes int
}

func (m *meter) allow(now time.Time, bytes int) bool {
	if now.Sub(m.since) >= time.Second {
		*m = meter{since: now}
	}
	m.messages++
	m.bytes += bytes
	return m.messages <= maxMessages && m.bytes <= maxPerSecond
}
