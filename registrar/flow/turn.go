package flow

import (
	"net"
	"os"
	"runtime"
)

// turns is how many handshakes are computed at a time: half the processors go on serving those who are here.
func turns() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// A turn is a socket in its TLS handshake, which takes a thousand times the work of what the peer does to begin one. It
// holds a place among the turns from when bytes have come until it waits for more: waiting costs nothing.
type turn struct {
	net.Conn
	turns chan struct{}
	over  <-chan struct{} // closed when there is no more time for it
	held  bool
	ended bool
	said  *said
}

func (t *turn) Read(b []byte) (int, error) {
	t.leave()
	n, err := t.Conn.Read(b)
	if t.ended || err != nil {
		return n, err
	}
	t.said.note(b[:n])
	select {
	case t.turns <- struct{}{}:
		t.held = true
		return n, nil
	default:
	}
	select {
	case t.turns <- struct{}{}:
		t.held = true
		return n, nil
	case <-t.over:
		t.said.starved = true
		return 0, os.ErrDeadlineExceeded
	}
}

func (t *turn) leave() {
	if t.held {
		<-t.turns
		t.held = false
	}
}

// end is called when the handshake is over, before anybody else reads: from now on this only passes on to the socket.
func (t *turn) end() {
	t.ended = true
	t.leave()
}
