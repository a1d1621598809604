package flow

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"time"

	"ewindow/registrar/signal/frame"
)

// maxSources bounds how many senders the SIP stack remembers of one UDP socket.
const maxSources = 50_000

// A PacketConn is a UDP socket for the SIP stack. The stack remembers every source address for as long as it reads
// the socket, and addresses can be forged by the million. So after many of them ReadFrom says net.ErrClosed once,
// the stack forgets, and Served tells the caller to let it begin again. The socket itself stays open.
type PacketConn struct {
	net.PacketConn
	table *Table
	max   int

	mu      sync.Mutex
	sources int    // changes of source since the last restart: no fewer than sources
	last    string // the last source
	closed  bool
}

// Packets wraps a UDP socket.
func (t *Table) Packets(c net.PacketConn) *PacketConn {
	return &PacketConn{PacketConn: c, table: t, max: maxSources}
}

// WriteTo sends a message, except an answer that might hit somebody who never asked: see answers.
func (p *PacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if err := p.table.safe(Flow{Transport: UDP, Remote: to.String()}, b); err != nil {
		return 0, err
	}
	if isAnswer(b) && !p.table.answers.may(ip(to), len(b), time.Now()) {
		p.table.events.Silent()
		return len(b), nil // to the sender it looks lost on the way
	}
	return p.PacketConn.WriteTo(b, to)
}

// ReadFrom reads a datagram. Errors other than a closed socket concern one datagram and are passed over.
func (p *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	if p.due() {
		// Requests read a moment ago still look for the way back among the remembered addresses.
		time.Sleep(50 * time.Millisecond)
		return 0, nil, net.ErrClosed
	}
	frame.Yield()
	for {
		n, addr, err := p.PacketConn.ReadFrom(b)
		switch {
		case err == nil:
			n = copy(b, frame.Legible(b[:n]))
			p.table.answers.arrived(ip(addr), n, time.Now())
			if answer := pong(b[:n], addr); answer != nil {
				if p.table.answers.may(ip(addr), len(answer), time.Now()) {
					_, _ = p.PacketConn.WriteTo(answer, addr)
				}
				continue
			}
			if refusal := refused(b[:n]); refusal != nil {
				if answer := refusal.Answer(addr.String()); answer != nil {
					_, _ = p.WriteTo(answer, addr) // lost ones are asked for again
				}
				continue
			}
			p.note(addr.String())
			return n, addr, nil
		case errors.Is(err, net.ErrClosed):
			p.mu.Lock()
			p.closed = true
			p.mu.Unlock()
			return 0, nil, err
		}
		time.Sleep(time.Millisecond)
	}
}

// refused says why a datagram is not worth parsing; keepalives pass (RFC 5626 §3.5.1, and the zeros that some phones send).
func refused(b []byte) *frame.Refusal {
	if len(bytes.Trim(b, "\r\n\x00")) == 0 {
		return nil
	}
	return frame.Datagram(b)
}

func (p *PacketConn) note(source string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if source != p.last {
		p.last = source
		p.sources++
	}
}

func (p *PacketConn) due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sources < p.max {
		return false
	}
	p.sources, p.last = 0, ""
	return true
}

// Served says whether the socket has been closed: if not, the SIP stack is to serve it again.
func (p *PacketConn) Served() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}
