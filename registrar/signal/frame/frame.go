// Package frame finds where messages begin and end in what a peer sends, and keeps within bounds what is held of one
// before anybody parses it.
//
//	socket ──▶ Reader ──▶ SIP stack           a whole message at a time, or a keepalive
//	              └─────▶ Refusal ──▶ socket   why not, and the answer
//
// A parser that is fed whole heads never goes over the same bytes twice, however small the pieces they come in; and one
// that is fed no more than the bounds allow takes no more memory than they stand for.
package frame

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strconv"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/validate"
)

// A Refusal is why a message was not handed on.
type Refusal struct {
	Problem *validate.Problem
	Lost    bool // where the next message begins is not known: the connection is of no further use
	head    []byte
}

// Error makes a Refusal an error.
func (r *Refusal) Error() string { return r.Problem.Reason }

// A Reader hands on whole messages. Read is called from one goroutine, and so are the other methods.
type Reader struct {
	src   io.Reader
	limit func() int // bytes of a message, head and body

	buf     []byte // has arrived and was not handed on
	looked  int    // bytes of buf in which the head does not end
	whole   int    // bytes of the message at buf's beginning; 0: its head has not ended
	ready   int    // bytes of buf that may be handed on
	skip    int    // bytes to come that belong to a refused message
	message bool   // ready is of a message
}

// NewReader reads from src. limit is asked for each message how long it may be, and may change its mind; no head is longer
// than validate.MaxHead.
func NewReader(src io.Reader, limit func() int) *Reader { return &Reader{src: src, limit: limit} }

// Partial says whether a message has begun to arrive and not ended.
func (r *Reader) Partial() bool { return r.skip > 0 || len(r.buf) > r.ready }

// Ended says whether the last Read handed on the end of a message.
func (r *Reader) Ended() bool { return r.message && r.ready == 0 }

// Read hands on a message, the rest of one that b had no room for, or a keepalive (RFC 5626 §3.5.1). A *Refusal as the
// error ends the reading only if it is Lost.
func (r *Reader) Read(b []byte) (int, error) {
	Yield()
	for {
		if r.ready > 0 {
			n := copy(b, r.buf[:r.ready])
			r.ready -= n
			r.drop(n)
			return n, nil
		}
		if err := r.find(); err != nil {
			return 0, err
		}
		if r.ready > 0 {
			continue
		}
		n, err := r.src.Read(b)
		r.buf = append(r.buf, b[:n]...)
		if n == 0 && err != nil {
			return 0, err
		}
	}
}

// Yield lets the messages be handled that were read before. The SIP stack handles each in a goroutine of its own, without
// end to their number: a reader that never has to wait would read on and on, and all of them would be in memory.
func Yield() { runtime.Gosched() }

// drop takes n bytes off the beginning. An idle connection holds no memory.
func (r *Reader) drop(n int) {
	if r.buf = r.buf[n:]; len(r.buf) == 0 {
		r.buf = nil
	}
	r.looked, r.whole = 0, 0
}

// find sets ready if there is anything to hand on.
func (r *Reader) find() error {
	if n := min(r.skip, len(r.buf)); n > 0 {
		r.skip -= n
		r.drop(n)
	}
	r.message = false
	if r.keepalive(); r.ready > 0 || len(r.buf) == 0 || r.skip > 0 {
		return nil
	}
	if r.whole == 0 {
		if err := r.head(); r.whole == 0 {
			return err
		}
	}
	if len(r.buf) >= r.whole {
		r.ready, r.message = r.whole, true
	}
	return nil
}

// keepalive finds one or two CRLF between messages. Other bytes that can begin no message are dropped.
func (r *Reader) keepalive() {
	for len(r.buf) > 0 && r.whole == 0 {
		switch {
		case bytes.HasPrefix(r.buf, []byte("\r\n\r\n")):
			r.ready = 4
			return
		case bytes.HasPrefix(r.buf, []byte("\r\n")):
			r.ready = 2
			return
		case len(r.buf) == 1 && r.buf[0] == '\r':
			return
		case r.buf[0] != '\r' && r.buf[0] != '\n' && r.buf[0] != 0:
			return
		}
		r.drop(1)
	}
}

// head looks for the end of the head, and sets whole if that and the message are in order.
func (r *Reader) head() error {
	limit := r.limit()
	most := min(limit, validate.MaxHead)
	end := bytes.Index(r.buf[r.looked:], []byte("\r\n\r\n"))
	if end < 0 && len(r.buf) <= most {
		r.looked = max(0, len(r.buf)-3)
		return nil
	}
	if end < 0 {
		return r.refuse(&Refusal{Problem: tooLong, Lost: true, head: r.buf}, len(r.buf))
	}
	end += r.looked + 4
	arrived := len(r.buf)
	r.buf = Legible(r.buf)
	end += len(r.buf) - arrived
	head := r.buf[:end]
	if end > most {
		return r.refuse(&Refusal{Problem: tooLong, Lost: true, head: head}, len(r.buf))
	}
	body, err := length(head)
	if err != nil {
		return r.refuse(&Refusal{Problem: &validate.Problem{Status: sip.StatusBadRequest, Reason: err.Error()}, Lost: true, head: head}, len(r.buf))
	}
	if body < 0 {
		return r.refuse(&Refusal{Problem: unframed, Lost: true, head: head}, len(r.buf))
	}
	if body > validate.MaxBody || end+body > limit {
		return r.refuse(&Refusal{Problem: tooLong, Lost: true, head: head}, len(r.buf))
	}
	if p := validate.Head(head); p != nil {
		return r.refuse(&Refusal{Problem: p, head: head}, end+body)
	}
	r.whole = end + body
	return nil
}

// Legible is a message whose first line sipgo's parser reads: it knows SIP in all small or all capital letters, and insists on
// the blank before a status line's reason where there is none. RFC 3261 §7.1 has no case there, and some phones leave the
// blank out (§7.2). It writes to b, and into the room behind it.
func Legible(b []byte) []byte {
	const version, status = "SIP/2.0", len("SIP/2.0 200")
	if len(b) > status && bytes.EqualFold(b[:len(version)], []byte(version)) {
		copy(b, version)
		if b[len(version)] == ' ' && b[status] == '\r' {
			b = slices.Insert(b, status, ' ')
		}
		return b
	}
	if end := bytes.IndexByte(b, '\r') - len(version); end > 0 && bytes.EqualFold(b[end:end+len(version)], []byte(version)) {
		copy(b[end:], version)
	}
	return b
}

// refuse passes over a message of n bytes, of which some may still have to come.
func (r *Reader) refuse(why *Refusal, n int) error {
	why.head = bytes.Clone(why.head)
	arrived := min(n, len(r.buf))
	r.skip = n - arrived
	r.drop(arrived)
	return why
}

var (
	tooLong  = &validate.Problem{Status: sip.StatusMessageTooLarge, Reason: "message is too long"}
	endless  = &validate.Problem{Status: sip.StatusBadRequest, Reason: "the headers have no end"}
	unframed = &validate.Problem{Status: sip.StatusBadRequest, Reason: "Content-Length is missing"} // RFC 3261 §18.3
)

// Datagram looks at a message that came in one piece.
func Datagram(b []byte) *Refusal {
	head, end := b, bytes.Index(b, []byte("\r\n\r\n"))
	if end >= 0 {
		head = b[:end+4]
	}
	if p := validate.Head(head); p != nil {
		return &Refusal{Problem: p, head: head}
	}
	if end < 0 {
		return &Refusal{Problem: endless, head: head}
	}
	body, err := length(head)
	switch {
	case err != nil:
		return &Refusal{Problem: &validate.Problem{Status: sip.StatusBadRequest, Reason: err.Error()}, head: head}
	case body > len(b)-len(head):
		return &Refusal{Problem: &validate.Problem{Status: sip.StatusBadRequest, Reason: "body is shorter than Content-Length"}, head: head}
	}
	return nil
}

var errLength = errors.New("Content-Length is malformed")

// length is what Content-Length says, or -1. Two that differ would make two readers see two messages.
func length(head []byte) (int, error) {
	n := -1
	_, rest := validate.Line(head)
	for line := []byte(nil); len(rest) > 0; {
		if line, rest = validate.Line(rest); len(line) == 0 {
			break
		}
		name, value := validate.Field(line)
		if name != "Content-Length" {
			continue
		}
		if n >= 0 {
			return 0, errors.New("Content-Length comes twice")
		}
		v, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
		if err != nil {
			return 0, errLength
		}
		n = int(v)
	}
	return n, nil
}
