package window

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
	"ewindow/scripts/lab/logbook"
	"ewindow/scripts/lab/memnet"
	"ewindow/scripts/lab/sockets"
)

var hd = engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}

// lab is a window, milano, with real media over a network in memory, fake devices and a SIP side that the test plays.
//
//	test ──tell──▶ window ──Invite, Bye, …──▶ test
//	far ◀────────SRTP────────▶ window
type lab struct {
	t       *testing.T
	net     *memnet.Network
	w       *Window
	devices *enginetest.Devices
	sip     *fakeAgent
	stop    func()
	log     logbook.Lines

	mu      sync.Mutex
	sockets int           // that are open
	gate    chan struct{} // sockets are opened only when it is closed; nil for at once
}

var (
	milanoHost = netip.MustParseAddr("10.0.1.1")
	farHost    = netip.MustParseAddr("10.0.1.2")
)

// simulate runs f with a window that has its plan and is registered, an hour after opening. At the end it is stopped,
// and everything must have been closed.
func simulate(t *testing.T, f func(*lab)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(nine.Add(time.Hour)))
		l := &lab{t: t, net: memnet.New(1), devices: enginetest.New(enginetest.Options{Seed: 1}),
			sip: &fakeAgent{running: make(chan struct{}), invites: make(chan *outgoing, 16)}}
		l.net.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
		l.net.PowerOn(milanoHost)
		l.net.PowerOn(farHost)
		log := slog.New(slog.NewTextHandler(&l.log, nil))
		l.w = New(Config{Space: "milano", StateDir: dir, Log: log, Video: hd, Listen: l.listen,
			Devices: engine.Config{Start: l.devices.Start, Log: log}})
		l.w.sip = l.sip
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.w.Run(ctx) }()
		<-l.sip.running
		stopped := false
		l.stop = func() {
			if stopped {
				return
			}
			stopped = true
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		defer func() {
			l.stop()
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.sockets != 0 {
				t.Errorf("%d sets of sockets are open after the end", l.sockets)
			}
		}()
		synctest.Wait()
		f(l)
	})
}

// online gives the window its plan and registers it; it calls then.
func (l *lab) online(p *programme.Programme) {
	l.planned(p)
	l.sip.tell(registration{})
}

// planned gives it its plan; until it is registered it calls nobody.
func (l *lab) planned(p *programme.Programme) {
	body, err := programme.Encode(p)
	if err != nil {
		l.t.Fatal(err)
	}
	l.sip.tell(planCame{body})
	synctest.Wait()
}

func (l *lab) listen(addr netip.Addr) (*media.Sockets, error) {
	l.mu.Lock()
	gate := l.gate
	l.mu.Unlock()
	if gate != nil {
		<-gate
	}
	s, err := sockets.Listen(l.net, addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sockets++
	s.AudioRTP = &counted{PacketConn: s.AudioRTP, closed: func() { l.mu.Lock(); defer l.mu.Unlock(); l.sockets-- }}
	return s, nil
}

// counted tells of its first Close.
type counted struct {
	net.PacketConn
	once   sync.Once
	closed func()
}

func (c *counted) Close() error {
	c.once.Do(c.closed)
	return c.PacketConn.Close()
}

// quiet makes sure that no camera and no microphone runs.
func (l *lab) quiet(when string) {
	l.t.Helper()
	time.Sleep(time.Second)
	for _, role := range []protocol.Role{protocol.Camera, protocol.Sound} {
		if l.devices.Running(role) {
			l.t.Errorf("%s: the %s runs", when, role)
		}
	}
}

// fakeAgent is the SIP side of a window.
type fakeAgent struct {
	running chan struct{}
	tell    func(any)
	invites chan *outgoing

	trickles bool // whoever is called takes ways within the call
}

func (f *fakeAgent) Run(ctx context.Context, tell func(any)) error {
	f.tell = tell
	close(f.running)
	<-ctx.Done()
	return nil
}

func (f *fakeAgent) Trickles(context.Context, string) bool { return f.trickles }

func (f *fakeAgent) LocalAddr() netip.Addr { return milanoHost }

// outgoing is an INVITE of the window that waits for the test's answer.
type outgoing struct {
	peer  string
	offer []byte
	ctx   context.Context
	reply chan established // closed for a refusal with 480
	cross chan established // a 2xx that comes only when the INVITE is cancelled: it crosses the CANCEL
}

func (f *fakeAgent) Invite(ctx context.Context, peer string, offer []byte) (established, error) {
	o := &outgoing{peer, offer, ctx, make(chan established, 1), make(chan established, 1)}
	f.invites <- o
	select {
	case e, ok := <-o.reply:
		if !ok {
			return established{}, errors.New("480 Temporarily Unavailable")
		}
		return e, nil
	case <-ctx.Done():
		select {
		case e := <-o.cross:
			return e, nil
		default:
			return established{}, ctx.Err()
		}
	}
}

// fakeDialog notes what the window does in it.
type fakeDialog struct {
	id string

	mu        sync.Mutex
	theirs    netip.Addr // where it comes from, and where the window is, as the registrar sees it
	ours      netip.Addr
	byes      []string
	over      string
	reinvites chan chan<- []byte // one for each re-INVITE: it takes the answer, closed is a refusal
	offers    chan []byte
	refusal   error // of a re-INVITE
	probes    int   // how often it was asked whether it is there
	absence   error // what becomes of that
	reports   []bool

	trickles  bool        // it takes ways within the call
	fragments chan []byte // that it was told; nil: it refuses them
}

func newDialog(id string) *fakeDialog {
	return &fakeDialog{id: id, reinvites: make(chan chan<- []byte, 4), offers: make(chan []byte, 4), refusal: errors.New("no answer")}
}

func (d *fakeDialog) Trickles() bool { return d.trickles }

func (d *fakeDialog) Trickle(_ context.Context, fragment []byte) error {
	if d.fragments == nil {
		return errors.New("489 Bad Event")
	}
	d.fragments <- fragment
	return nil
}

func (d *fakeDialog) Bye(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byes = append(d.byes, reason)
}

// said returns the reasons of the BYEs.
func (d *fakeDialog) said() []string {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byes
}

func (d *fakeDialog) end(why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = why
}

func (d *fakeDialog) Whence() (theirs, ours netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.theirs, d.ours
}

func (d *fakeDialog) from(theirs, ours netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.theirs, d.ours = theirs, ours
}

func (d *fakeDialog) Over() (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over, d.over != ""
}

func (d *fakeDialog) Probe() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.probes++
	return d.absence
}

func (d *fakeDialog) Report(_ context.Context, comes bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reports = append(d.reports, comes)
	return nil
}

func (d *fakeDialog) Vouch(context.Context, string) error { return nil }

// reported is what the window told its registrar of the call.
func (d *fakeDialog) reported() []bool {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reports
}

func (d *fakeDialog) probed() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.probes
}

func (d *fakeDialog) Reinvite(ctx context.Context, offer []byte) ([]byte, error) {
	d.offers <- offer
	answer := make(chan []byte, 1)
	d.reinvites <- answer
	select {
	case a, ok := <-answer:
		if !ok {
			return nil, d.refusal
		}
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// incoming is an INVITE from the test.
type incoming struct {
	*fakeDialog
	answered chan []byte // the window's SDP
	ack      chan error  // what becomes of the 2xx
	refused  chan int
}

// invite tells the window of an INVITE.
func (l *lab) invite(id, from string, offer []byte) *incoming {
	return l.inviteFrom(id, from, offer, netip.Addr{}, netip.Addr{})
}

// inviteFrom is one of which the registrar says where it comes from, and where the window is.
func (l *lab) inviteFrom(id, from string, offer []byte, theirs, ours netip.Addr) *incoming {
	in := &incoming{newDialog(id), make(chan []byte, 1), make(chan error, 1), make(chan int, 1)}
	in.from(theirs, ours)
	l.sip.tell(invitation{dialog: in.fakeDialog, callID: id, from: from, offer: offer,
		answer: func(ctx context.Context, sdp []byte) error {
			in.answered <- sdp
			select {
			case err := <-in.ack:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		reject: func(status int, _ string, _ time.Duration) { in.refused <- status },
	})
	return in
}

// called waits for the window's INVITE and answers it.
func (l *lab) called(f *far, id string) *fakeDialog {
	l.t.Helper()
	o := <-l.sip.invites
	d := newDialog(id)
	o.reply <- established{d, id, f.answer(o.offer)}
	time.Sleep(time.Second)
	return d
}

// sees makes sure that the window shows a picture of now.
func (l *lab) sees(when string) {
	l.t.Helper()
	if scr := l.devices.Screen(); !scr.Card.Picture || time.Since(scr.At) > 200*time.Millisecond || scr.Broken > 0 {
		l.t.Errorf("%s: the screen is %+v", when, scr)
	}
}
