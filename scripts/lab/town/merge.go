package town

import (
	"errors"
	"net"
)

// merged is several listeners as one, as a socket is that listens at all addresses of its machine.
type merged struct {
	each  []net.Listener
	conns chan net.Conn
	done  chan struct{}
}

func merge(each ...net.Listener) *merged {
	m := &merged{each: each, conns: make(chan net.Conn), done: make(chan struct{})}
	for _, l := range each {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				select {
				case m.conns <- c:
				case <-m.done:
					_ = c.Close()
				}
			}
		}()
	}
	return m
}

func (m *merged) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *merged) Close() error {
	select {
	case <-m.done:
		return net.ErrClosed
	default:
	}
	close(m.done)
	var wrong error
	for _, l := range m.each {
		wrong = errors.Join(wrong, l.Close())
	}
	return wrong
}

func (m *merged) Addr() net.Addr { return m.each[0].Addr() }
