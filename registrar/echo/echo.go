// Package echo is the far end of a test call: it agrees on media like a window and sends back every picture and sound
// that comes, so that whoever sets up a phone or a window hears whether keys, ports and routers are right.
//
//	offer ──Answer──▶ answer, Session      phone ── SRTP ──▶ authenticate, decrypt ─┐
//	                  Session.Run          phone ◀─ SRTP ── own key, SSRC, index ◀──┘
//
// What it accepts is what a window accepts, since both ask media/negotiate: a phone that gets its echo gets its call.
// It knows no SIP, no codecs and no dialplan.
package echo

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"ewindow/media/negotiate"
)

// Places is how many calls an Echo holds at once, unless its Config says otherwise.
const Places = 4

// The picture that the echo says it takes: a window's, as long as its file names no other.
const (
	width, height = 1280, 720
	fps           = 30
	maxKbps       = 2000
)

// What a caller's offer or answer can be at fault for.
var (
	ErrBusy    = errors.New("all places of the echo are taken")
	ErrRefused = negotiate.ErrNotAcceptable
	ErrPending = negotiate.ErrPending
	ErrNoOffer = negotiate.ErrNoOffer
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
	Peer   netip.Addr // where its SIP comes from: unprotected media is taken from there, and from where SDP says, alone
	Local  netip.Addr // where it reaches us: sockets are opened on it
	Public netip.Addr // the same as the caller knows it, for SDP; invalid: Local
	Plain  bool       // it may do without SRTP
}

// A Session is the media of one call. Run it, or Close it. It has sockets for sound and picture from the beginning, since
// a later offer may add either.
type Session struct {
	e            *Echo
	audio, video *stream
	mu           sync.Mutex // of sdp
	sdp          *negotiate.Session
	closed       sync.Once
}

// Answer takes an offer. Nothing is read from the network before Run. The error is ErrBusy, wraps ErrRefused if the
// offer is at fault, or says that a socket could not be opened.
func (e *Echo) Answer(offer []byte, c Caller) (*Session, []byte, error) {
	return e.begin(c, func(call *Session) ([]byte, error) { return call.Answer(offer) })
}

// Offer begins a call whose INVITE had no offer: the answer to ours comes later, to Session.Accept.
func (e *Echo) Offer(c Caller) (*Session, []byte, error) {
	return e.begin(c, (*Session).Offer)
}

func (e *Echo) begin(c Caller, describe func(*Session) ([]byte, error)) (*Session, []byte, error) {
	if e.taken.Add(1) > int32(e.cfg.Places) {
		e.taken.Add(-1)
		return nil, nil, ErrBusy
	}
	call := &Session{e: e}
	err := call.open(c)
	if err == nil {
		var sdp []byte
		if sdp, err = describe(call); err == nil {
			return call, sdp, nil
		}
	}
	call.Close()
	return nil, nil, err
}

// open opens the sockets of a call and begins its negotiation.
func (c *Session) open(from Caller) error {
	var err error
	if c.audio, err = c.e.stream(from); err != nil {
		return err
	}
	if c.video, err = c.e.stream(from); err != nil {
		return err
	}
	var id [4]byte
	if _, err := io.ReadFull(c.e.cfg.Random, id[:]); err != nil {
		return fmt.Errorf("draw a session's number: %w", err)
	}
	local := negotiate.Local{
		Address:  from.Public,
		AudioRTP: port(c.audio.rtp), AudioRTCP: port(c.audio.rtcp),
		VideoRTP: port(c.video.rtp), VideoRTCP: port(c.video.rtcp),
		SessionID: uint64(binary.BigEndian.Uint32(id[:])),
		Width:     width, Height: height, FPS: fps, MaxKbps: maxKbps,
		Rand: c.e.cfg.Random,
	}
	if !local.Address.IsValid() {
		local.Address = from.Local
	}
	policy := negotiate.SDES
	if from.Plain {
		policy = negotiate.None
	}
	c.sdp, err = negotiate.NewSession(local, policy)
	return err
}

func port(c net.PacketConn) uint16 {
	a, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return 0 // no socket of ours
	}
	return a.Port()
}

// Answer takes an offer, also a later one in the same call, which may bring new keys or a picture, or hold it. An offer
// that is refused changes nothing.
func (c *Session) Answer(offer []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, d, err := c.sdp.Answer(offer)
	if err != nil {
		return nil, err
	}
	return answer, c.use(d)
}

// Offer makes an offer, for a caller that asks for ours. It holds when Accept has its answer.
func (c *Session) Offer() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sdp.Offer()
}

// Accept takes the answer to Offer. An answer that cannot be used changes nothing.
func (c *Session) Accept(answer []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, err := c.sdp.Accept(answer)
	if err != nil {
		return err
	}
	return c.use(d)
}

// Agreed says whether any media was agreed on yet.
func (c *Session) Agreed() bool { return c.audio.isAgreed() || c.video.isAgreed() }

func (c *Session) use(d negotiate.Description) error {
	return errors.Join(c.audio.use(d.Audio), c.video.use(d.Video))
}

// Run sends back what comes, until ctx ends. The call is closed then.
func (c *Session) Run(ctx context.Context) {
	var reading sync.WaitGroup
	for _, s := range []*stream{c.audio, c.video} {
		reading.Go(func() { s.read(s.rtp) })
		reading.Go(func() { s.read(s.rtcp) })
	}
	<-ctx.Done()
	c.Close()
	reading.Wait()
}

// Close closes the sockets and gives the place back.
func (c *Session) Close() {
	c.closed.Do(func() {
		for _, s := range []*stream{c.audio, c.video} {
			if s != nil {
				_ = s.rtp.Close()
				_ = s.rtcp.Close()
			}
		}
		c.e.taken.Add(-1)
	})
}
