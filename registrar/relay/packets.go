package relay

import (
	"errors"
	"net"
	"time"
)

// packets is the socket of clients over UDP, as pion/turn reads it from one goroutine.
type packets struct {
	net.PacketConn
	desk
	done chan struct{} // closed when nobody reads any more
}

// ReadFrom reads the next datagram that is worth an answer. Errors other than a closed socket concern one datagram.
func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := p.PacketConn.ReadFrom(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			close(p.done)
			return 0, nil, err
		case err != nil:
			time.Sleep(time.Millisecond)
			continue
		}
		if answer, take := p.look(b[:n], sourceOf(from)); take {
			return n, from, nil
		} else if answer != nil {
			_, _ = p.PacketConn.WriteTo(answer, from)
		}
	}
}

// WriteTo sends to a client.
func (p *packets) WriteTo(b []byte, to net.Addr) (int, error) {
	return p.PacketConn.WriteTo(p.mend(b), to)
}

// permit is turn.PermissionHandler for clients over UDP.
func (p *packets) permit(from net.Addr, to net.IP) bool { return p.desk.permit(from, to) }
