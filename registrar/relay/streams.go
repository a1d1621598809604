package relay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"ewindow/registrar/block"
)

// How long a TCP connection may take, and stay for nothing.
const (
	proveWithin = 10 * time.Second // for the first request that proves who sent it, counted from the beginning
	frameWithin = 10 * time.Second // for a frame that has begun
	idleFor     = 30 * time.Second // without an allocation
	writeWithin = 10 * time.Second // for one frame: whoever reads nothing at all is cut off
)

// askings is how many frames of a stranger are read: two and what was sent again would do.
const askings = 16

// streams are the TCP connections that pion/turn has, by whichever entry they came. Strangers share the places that are left: when
// there are none, one of them has to go, of the block that holds the most.
type streams struct {
	server  *Server
	limits  Limits
	entries []*entry
	closed  sync.WaitGroup

	mu        sync.Mutex
	open      map[source]*stream
	strangers *block.Crowd[*stream]
	known     map[string]int // connections of an account
}

func newStreams(s *Server, limits Limits, listeners ...net.Listener) *streams {
	l := &streams{
		server: s, limits: limits,
		open: map[source]*stream{}, strangers: block.NewCrowd[*stream](), known: map[string]int{},
	}
	for _, listener := range listeners {
		if listener != nil {
			l.entries = append(l.entries, &entry{Listener: listener, of: l, done: make(chan struct{})})
		}
	}
	return l
}

// An entry is a listener by which connections come in.
type entry struct {
	net.Listener
	of   *streams
	done chan struct{} // closed when nobody accepts any more
}

// Accept waits for a connection that there is room for.
func (e *entry) Accept() (net.Conn, error) {
	l := e.of
	pause := 5 * time.Millisecond
	for {
		raw, err := e.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			close(e.done)
			return nil, err
		case err != nil: // too many open files, or the peer went away in the queue: neither ends the listener
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		if c := l.admit(raw); c != nil {
			return c, nil
		}
		l.server.count(crowded)
		cut(raw)
	}
}

// admit counts a connection in, and makes room for it if it has to; nil if it cannot.
func (l *streams) admit(raw net.Conn) *stream {
	c := &stream{
		Conn: raw, desk: desk{server: l.server}, of: l, remote: marked(raw.RemoteAddr(), raw.LocalAddr()),
		in: bufio.NewReaderSize(raw, maxFrame), accepted: time.Now(),
	}
	c.from = sourceOf(c.remote)
	c.out = newOutbox(raw, func() { _ = c.Close() })
	l.mu.Lock()
	of := l.strangers.Find(block.Of(c.from.at.Addr()))
	var victim *stream
	switch {
	case of.Len() >= l.limits.PerBlock:
		victim = of.First()
	case len(l.open) >= l.limits.Connections:
		if victim = l.strangers.First(); victim == nil {
			l.mu.Unlock()
			c.out.close()
			return nil
		}
	}
	if victim != nil {
		l.leave(victim)
	}
	old := l.open[c.from] // the peer came again from the same port to the same of ours: the old connection cannot be alive
	if old != nil {
		l.leave(old)
	}
	l.open[c.from] = c
	c.place = l.strangers.Add(c.from.at.Addr(), c)
	l.closed.Add(1)
	l.mu.Unlock()
	for _, gone := range []*stream{victim, old} {
		if gone != nil {
			cut(gone.Conn)
			_ = gone.Close()
		}
	}
	return c
}

// cut ends a connection with a RST: the system keeps nothing of it.
func cut(raw net.Conn) {
	if tcp, ok := raw.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}

// leave counts a connection out. l.mu is held.
func (l *streams) leave(c *stream) {
	if c.place != nil {
		c.place.Leave()
		c.place = nil
	}
	if c.account != "" {
		if l.known[c.account]--; l.known[c.account] == 0 {
			delete(l.known, c.account)
		}
		c.account = ""
	}
	if l.open[c.from] == c {
		delete(l.open, c.from)
	}
}

// find is the connection of a client over TCP, or nil.
func (l *streams) find(from net.Addr) *stream {
	of := sourceOf(from)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !of.tcp {
		return nil
	}
	return l.open[of]
}

// proven notes that a request from there was signed with credentials of that name. Whoever has PerAccount connections
// already gets no further one.
func (l *streams) proven(from net.Addr, name string) {
	c := l.find(from)
	if c == nil {
		return
	}
	_, account, _ := strings.Cut(name, ":")
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case c.place == nil:
	case l.known[account] >= l.limits.PerAccount:
		c.ends = true
	default:
		c.place.Leave()
		c.place, c.account = nil, account
		l.known[account]++
	}
}

// allocated notes that a client has an allocation, or none any more.
func (l *streams) allocated(from net.Addr, has bool) {
	if c := l.find(from); c != nil {
		l.mu.Lock()
		c.allocated, c.last = has, time.Now()
		_ = c.SetReadDeadline(c.deadline(false))
		l.mu.Unlock()
	}
}

// permit is turn.PermissionHandler for clients over TCP.
func (l *streams) permit(from net.Addr, to net.IP) bool {
	c := l.find(from)
	return c != nil && c.desk.permit(from, to)
}

func (l *streams) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// end closes all connections once nobody accepts any more, and waits for that.
func (l *streams) end() {
	for _, e := range l.entries {
		<-e.done
	}
	l.mu.Lock()
	var all []*stream
	for _, c := range l.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
	l.closed.Wait()
}

// A stream is a connection whose readings are whole frames: STUN messages and ChannelData (RFC 8656 §12.5).
type stream struct {
	net.Conn
	desk
	of       *streams
	remote   net.Addr
	from     source // the same
	in       *bufio.Reader
	out      *outbox
	accepted time.Time
	once     sync.Once

	place     *block.Place[*stream] // under of.mu, as the following; nil once somebody has authenticated
	account   string
	allocated bool
	asked     int       // frames that came
	ends      bool      // it is answered, and that is all
	last      time.Time // when a frame ended, or the allocation did
}

var (
	errFrame = errors.New("no frame of STUN or TURN")
	errFull  = errors.New("the peer takes no answers")
	errEnds  = errors.New("a stranger asks too often, or an account has too many connections")
)

// RemoteAddr is the peer's, marked.
func (c *stream) RemoteAddr() net.Addr { return c.remote }

// Read gives pion/turn one whole frame that is worth an answer.
func (c *stream) Read(b []byte) (int, error) {
	for {
		n, err := c.frame(b)
		if err != nil {
			return 0, err
		}
		if answer, take := c.look(b[:n], c.from); take {
			return n, nil
		} else if answer != nil {
			if _, err := c.Write(answer); err != nil {
				return 0, err
			}
		}
	}
}

func (c *stream) frame(b []byte) (int, error) {
	if err := c.rearm(false); err != nil {
		return 0, err
	}
	head, err := c.in.Peek(4)
	if err != nil {
		return 0, err
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	switch head[0] >> 6 {
	case 0:
		size += header
	case 1:
		size += 4 + (4-size%4)%4
	default:
		return 0, errFrame
	}
	if size >= len(b) || size >= maxFrame {
		return 0, errFrame
	}
	if c.in.Buffered() < size {
		if err := c.rearm(true); err != nil {
			return 0, err
		}
	}
	n, err := io.ReadFull(c.in, b[:size])
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.asked++; c.ends || c.place != nil && c.asked > askings {
		return 0, errEnds
	}
	c.last = time.Now()
	return n, err
}

// rearm sets the deadline for reading. Another goroutine may do so while Read waits: see allocated.
func (c *stream) rearm(begun bool) error {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	return c.SetReadDeadline(c.deadline(begun))
}

// deadline is until when the peer may be silent; begun says that a frame has begun to come. Zero for ever. of.mu is held.
func (c *stream) deadline(begun bool) time.Time {
	switch {
	case c.place != nil:
		return c.accepted.Add(proveWithin)
	case begun:
		return time.Now().Add(frameWithin)
	case c.allocated:
		return time.Time{}
	}
	return c.last.Add(idleFor)
}

// Write has a whole frame sent, and waits for nobody. Media that there is no room for are lost; who does not even take answers is
// cut off.
func (c *stream) Write(b []byte) (int, error) {
	media := len(b) > 1 && (b[0]>>6 == 1 || binary.BigEndian.Uint16(b) == dataIndication)
	switch sent := c.out.put(c.mend(b), media); {
	case sent:
	case media:
		c.of.server.count(narrow)
	default:
		_ = c.Close()
		return 0, errFull
	}
	return len(b), nil
}

// Close may be called more than once.
func (c *stream) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		c.of.mu.Lock()
		c.of.leave(c)
		c.of.mu.Unlock()
		c.out.close()
		err = c.Conn.Close()
		<-c.out.gone
		c.of.closed.Done()
	})
	return err
}
