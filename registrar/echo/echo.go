// Package echo is the far end of a test call: it takes an SDP offer and sends back every picture and sound that comes,
// so that whoever sets up a phone or a window hears whether keys, ports and routers are right.
//
//	offer ──Answer──▶ answer, Call        phone ── SRTP ──▶ authenticate, decrypt ─┐
//	                  Call.Run            phone ◀─ SRTP ── own key, SSRC, index ◀──┘
//
// It knows no SIP, no codecs and no dialplan. What it accepts is what a window accepts: a phone that gets its echo gets
// its call.
package echo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Places is how many calls an Echo holds at once, unless its Config says otherwise.
const Places = 4

// Errors of Answer.
var (
	ErrBusy    = errors.New("all places of the echo are taken")
	ErrRefused = errors.New("the offer cannot be answered")
)

// Config is what an Echo is made from.
type Config struct {
	// Listen opens two sockets on an address: for RTP, and for RTCP on the port after it.
	Listen func(netip.Addr) (rtp, rtcp net.PacketConn, err error)
	Places int       // calls at once; 0: Places
	Random io.Reader // keys and SSRCs; nil: crypto/rand
}

// An Echo answers calls.
type Echo struct {
	cfg   Config
	taken atomic.Int32
}

// New makes an echo. It starts nothing.
func New(c Config) *Echo {
	if c.Places == 0 {
		c.Places = Places
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return &Echo{cfg: c}
}

// A Caller is what is known of whoever called.
type Caller struct {
	Peer  netip.Addr // where its SIP comes from: unprotected media is taken from there alone
	Local netip.Addr // where it reaches us: sockets are opened on it
	Host  string     // the same as the caller knows it, for the answer; empty: Local
	Plain bool       // it may do without SRTP
}

// A Call is one that was answered. Run it, or Close it.
type Call struct {
	e       *Echo
	caller  Caller
	id      uint64
	version int
	mu      sync.Mutex // of answers
	streams []*stream  // by m-line; nil where it was refused
	closed  sync.Once
}

// Answer takes an offer. Nothing is read from the network before Run. The error is ErrBusy, wraps ErrRefused if the
// offer is at fault, or says that a socket could not be opened.
func (e *Echo) Answer(offer []byte, c Caller) (*Call, []byte, error) {
	if e.taken.Add(1) > int32(e.cfg.Places) {
		e.taken.Add(-1)
		return nil, nil, ErrBusy
	}
	call := &Call{e: e, caller: c}
	var id [4]byte
	_, err := io.ReadFull(e.cfg.Random, id[:])
	if err == nil {
		call.id = uint64(id[0])<<24 | uint64(id[1])<<16 | uint64(id[2])<<8 | uint64(id[3])
		var answer []byte
		if answer, err = call.Answer(offer); err == nil {
			return call, answer, nil
		}
	}
	call.Close()
	return nil, nil, err
}

// Answer takes an offer, also a later one in the same call, which may bring new keys, or hold it. Its m-lines have to
// be the ones of before (RFC 3264 §8). An offer that is refused changes nothing.
func (c *Call) Answer(offer []byte) ([]byte, error) {
	o, err := parse(offer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version > 0 && len(o.lines) != len(c.streams) {
		return nil, fmt.Errorf("%w: it has %d m-lines, the call has %d", ErrRefused, len(o.lines), len(c.streams))
	}
	terms, err := c.terms(o)
	if err != nil {
		return nil, err
	}
	if c.version == 0 {
		c.streams = make([]*stream, len(o.lines))
	}
	for i := range terms {
		s := c.streams[i]
		switch {
		case s == nil && terms[i] != nil && c.version == 0:
			if s, err = c.open(); err != nil {
				return nil, err
			}
			c.streams[i] = s
		case s == nil:
			terms[i] = nil // what was refused stays so: nobody reads for it
			continue
		}
		if err := s.use(terms[i]); err != nil {
			return nil, err
		}
	}
	c.version++
	return c.write(o, terms), nil
}

// open opens the sockets of a stream.
func (c *Call) open() (*stream, error) {
	rtp, rtcp, err := c.e.cfg.Listen(c.caller.Local)
	if err != nil {
		return nil, fmt.Errorf("open sockets for the echo: %w", err)
	}
	s, err := newStream(rtp, rtcp, c.caller.Peer.Unmap(), c.e.cfg.Random)
	if err != nil {
		return nil, errors.Join(err, rtp.Close(), rtcp.Close())
	}
	return s, nil
}

// Run sends back what comes, until ctx ends. The call is closed then.
func (c *Call) Run(ctx context.Context) {
	var reading sync.WaitGroup
	for _, s := range c.streams {
		if s != nil {
			reading.Go(func() { s.read(s.rtp) })
			reading.Go(func() { s.read(s.rtcp) })
		}
	}
	<-ctx.Done()
	c.Close()
	reading.Wait()
}

// Close closes the sockets and gives the place back.
func (c *Call) Close() {
	c.closed.Do(func() {
		for _, s := range c.streams {
			if s != nil {
				_ = s.rtp.Close()
				_ = s.rtcp.Close()
			}
		}
		c.e.taken.Add(-1)
	})
}
