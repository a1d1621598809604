package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/registrar/signal/frame"
)

// Keepalive (RFC 5626 §4.4.1, §3.5.1) and the time that a write may take.
const (
	pingLeast  = 3 * time.Second // so often that both sides know within 10 s when their way is cut
	pingMost   = 4 * time.Second
	pongWithin = 6 * time.Second
	doubtAfter = time.Second // without a pong: another way is used, if there is one
	writeLimit = 10 * time.Second
)

// maxMessage is the longest message that is read, which is sipgo's own limit. A programme of two weeks is well below.
const maxMessage = 65_535

var (
	errNoPong  = errors.New("the registrar did not answer a ping within 6 s")
	errClosed  = errors.New("the registrar closed the connection")
	errReplace = errors.New("the connection is given up")
	errMoved   = errors.New("this machine has another address now")
)

// flow is one connection to the registrar (RFC 5626 §2): what sipgo reads and writes, with an eye on its life.
type flow struct {
	net.Conn
	frames        *frame.Reader
	local, remote *net.TCPAddr // without zones: sipgo's pool of connections does not know them

	doubted atomic.Bool // a ping has no answer so far

	pongs  chan struct{} // one element when a pong came
	probes chan chan bool
	closed chan struct{}

	once sync.Once
	err  error // why it ended; read after closed
}

// newFlow wraps a dialled connection.
func newFlow(conn net.Conn) (*flow, error) {
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return nil, fmt.Errorf("own address of the connection: %w", err)
	}
	remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return nil, fmt.Errorf("the registrar's address: %w", err)
	}
	plain := func(a netip.AddrPort) *net.TCPAddr {
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()))
	}
	return &flow{
		Conn: conn, frames: frame.NewReader(conn, func() int { return maxMessage }), local: plain(local), remote: plain(remote),
		pongs: make(chan struct{}, 1), probes: make(chan chan bool), closed: make(chan struct{}),
	}, nil
}

func (f *flow) LocalAddr() net.Addr  { return f.local }
func (f *flow) RemoteAddr() net.Addr { return f.remote }

// Read gives sipgo one whole message, or a keepalive: a CRLF between messages is a pong. What is refused is answered, and
// passed over if it has an end.
func (f *flow) Read(p []byte) (int, error) {
	for {
		n, err := f.frames.Read(p)
		var refusal *frame.Refusal
		switch {
		case errors.As(err, &refusal):
			if answer := refusal.Answer(f.remote.String()); answer != nil {
				_, _ = f.Write(answer)
			}
			if !refusal.Lost {
				continue
			}
			err = fmt.Errorf("the registrar sent something that is not SIP, or too long: %w", err)
		case errors.Is(err, io.EOF):
			err = errClosed
		case err == nil && !f.frames.Ended() && string(p[:min(n, 2)]) == "\r\n":
			select {
			case f.pongs <- struct{}{}:
			default:
			}
		}
		if err != nil {
			f.fail(err)
			err = io.EOF // sipgo would log anything else as an error of ours
		}
		return n, err
	}
}

// Write bounds the time that a registrar which does not read may hold us.
func (f *flow) Write(p []byte) (int, error) {
	if err := f.Conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		f.fail(err)
		return 0, err
	}
	n, err := f.Conn.Write(p)
	if err != nil {
		f.fail(fmt.Errorf("writing to the registrar: %w", err)) // a TLS connection is of no use after a failed write
	}
	return n, err
}

// Close is called by sipgo, after it met a malformed or oversized message among other things.
func (f *flow) Close() error {
	f.fail(errors.New("the connection was closed after something that is not SIP, or too long"))
	return nil
}

// fail ends the flow; the first reason counts.
func (f *flow) fail(err error) {
	f.once.Do(func() {
		f.err = err
		close(f.closed)
		_ = f.Conn.SetDeadline(time.Now()) // a blocked write must not hold up the close of TLS
		_ = f.Conn.Close()
	})
}

func (f *flow) alive() bool {
	select {
	case <-f.closed:
		return false
	default:
		return true
	}
}

// keepAlive pings until the flow or ctx ends; a ping without pong ends the flow.
func (f *flow) keepAlive(ctx context.Context) {
	for {
		timer := time.NewTimer(pingLeast + rand.N(pingMost-pingLeast))
		var asked chan bool
		select {
		case <-timer.C:
		case asked = <-f.probes:
		case <-f.closed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil || !f.alive() {
			return
		}
		ok := f.ping(ctx)
		if asked != nil {
			asked <- ok
		}
		if !ok && ctx.Err() == nil {
			f.fail(errNoPong)
			return
		}
	}
}

// ping sends one and waits for its pong. At half time it sends another: over plain TCP a ping may reach the
// registrar in one piece with a message, and registrars look for it on its own.
func (f *flow) ping(ctx context.Context) bool {
	select {
	case <-f.pongs: // an old one
	default:
	}
	doubt := time.AfterFunc(doubtAfter, func() { f.doubted.Store(true) })
	defer doubt.Stop()
	for range 2 {
		if _, err := f.Write([]byte("\r\n\r\n")); err != nil {
			return false
		}
		timer := time.NewTimer(pongWithin / 2)
		select {
		case <-f.pongs:
			timer.Stop()
			doubt.Stop()
			f.doubted.Store(false)
			return true
		case <-timer.C:
		case <-f.closed:
			timer.Stop()
			return false
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
	return false
}

// probe asks for a ping now, when a request got no answer at all, and says whether the flow is alive.
func (f *flow) probe(stop <-chan struct{}) bool {
	answer := make(chan bool, 1)
	select {
	case f.probes <- answer:
	case <-f.closed:
		return false
	case <-stop:
		return false
	}
	select {
	case ok := <-answer:
		return ok
	case <-f.closed:
		return false
	case <-stop:
		return false
	}
}

// oneConn is the net.Listener that gives one connection to sipgo. The second Accept ends sipgo's accepting; by then
// the connection is in sipgo's pool.
type oneConn struct {
	f    *flow
	done bool
}

func (l *oneConn) Accept() (net.Conn, error) {
	if l.done {
		return nil, net.ErrClosed
	}
	l.done = true
	return l.f, nil
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.f.local }

// adopt gives a flow to sipgo, which reads it from now on.
func (a *Agent) adopt(f *flow) {
	if err := a.stack.ServeTLS(&oneConn{f: f}); !errors.Is(err, net.ErrClosed) {
		f.fail(fmt.Errorf("giving the connection to the SIP stack: %w", err))
	}
	a.mu.Lock()
	a.local = f.local.AddrPort().Addr()
	a.mu.Unlock()
}
