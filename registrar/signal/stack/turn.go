package stack

import (
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// patience is how long a flow waits for one of its messages to be taken in. A message that takes longer is overtaken:
// better one out of order than a connection at a standstill.
const patience = 2 * time.Second

// turns are the messages that are being taken in, one for each flow.
type turns struct {
	mu    sync.Mutex
	under map[sip.Message]chan struct{} // closed when the turn is over
}

func newTurns() *turns { return &turns{under: map[sip.Message]chan struct{}{}} }

func (t *turns) begin(m sip.Message) <-chan struct{} {
	over := make(chan struct{})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.under[m] = over
	return over
}

// end ends the turn of m, if it has one.
func (t *turns) end(m sip.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over := t.under[m]; over != nil {
		delete(t.under, m)
		close(over)
	}
}

// wait returns when the turn is over, or has taken too long; left ends it too.
func (t *turns) wait(m sip.Message, over, left <-chan struct{}) {
	defer t.end(m)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-over:
	case <-left:
	case <-timer.C:
	}
}

// Taken says that what must happen to a message before its flow's next one has happened: its dialog knows it, or it has
// been sent on. The return of a request's handler says so too, and so does Terminate for a response; a handler that goes
// on for longer calls Taken first. Calling it again does nothing.
func (s *Stack) Taken(m sip.Message) { s.turns.end(m) }

// Bounds of the datagrams that wait for their turn. Whatever is beyond them is lost, as datagrams are.
const (
	maxLines   = 512 // sources with a message that is being taken in
	maxWaiting = 512 // messages of all sources
	maxLine    = 128 // of one source
)

// lines keep datagrams in order: one reader reads them for all sources, and none of these may hold up the others. A
// stream needs no line: whoever reads it waits, and so does its peer.
type lines struct {
	take func(sip.Message)

	mu      sync.Mutex
	waiting map[string][]sip.Message // by source; there is a goroutine for each
	count   int
}

func newLines(take func(sip.Message)) *lines {
	return &lines{take: take, waiting: map[string][]sip.Message{}}
}

// put takes m in, now or when it is its turn.
func (l *lines) put(m sip.Message) {
	source := m.Source()
	l.mu.Lock()
	defer l.mu.Unlock()
	line, under := l.waiting[source]
	switch {
	case !under && len(l.waiting) < maxLines:
		l.waiting[source] = nil
		go l.serve(source, m)
	case under && len(line) < maxLine && l.count < maxWaiting:
		l.waiting[source] = append(line, m)
		l.count++
	}
}

// serve takes in m and what has come after it from the same source.
func (l *lines) serve(source string, m sip.Message) {
	for m != nil {
		l.take(m)
		m = l.next(source)
	}
}

func (l *lines) next(source string) sip.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := l.waiting[source]
	if len(line) == 0 {
		delete(l.waiting, source)
		return nil
	}
	m := line[0]
	l.waiting[source], l.count = line[1:], l.count-1
	return m
}
