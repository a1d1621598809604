package window

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ewindow/media"
	"ewindow/media/negotiate"
	"ewindow/scripts/lab/sockets"
)

// far is the other end of a call: it sends back what it gets, so that the window sees and hears itself.
type far struct {
	l       *lab
	sdp     *negotiate.Session
	sockets *media.Sockets
	session *media.Session
	keys    media.Keying
	end     func()

	mu     sync.Mutex
	mute   bool
	unseen bool             // it sends no pictures
	got    int              // pictures
	key    media.AccessUnit // the last keyframe that it got
}

func (l *lab) far(p negotiate.Policy) *far {
	l.t.Helper()
	f := &far{l: l, end: func() {}, keys: media.Keying{Identity: newIdentity(nil, slog.New(slog.DiscardHandler))}}
	var err error
	if f.sockets, err = sockets.Listen(l.net, farHost); err != nil {
		l.t.Fatal(err)
	}
	f.sdp, err = negotiate.NewSession(negotiate.Local{Address: farHost,
		AudioRTP: media.Port(f.sockets.AudioRTP), AudioRTCP: media.Port(f.sockets.AudioRTCP),
		VideoRTP: media.Port(f.sockets.VideoRTP), VideoRTCP: media.Port(f.sockets.VideoRTCP),
		Width: hd.Width, Height: hd.Height, FPS: hd.FPS, MaxKbps: hd.Kbps, SessionID: 7,
		Fingerprint: f.keys.Identity.Fingerprint()}, p)
	if err != nil {
		l.t.Fatal(err)
	}
	return f
}

func (f *far) offer() []byte {
	f.l.t.Helper()
	b, err := f.sdp.Offer()
	if err != nil {
		f.l.t.Fatal(err)
	}
	return b
}

// answer is the answer to an offer of the window; media begins.
func (f *far) answer(offer []byte) []byte {
	f.l.t.Helper()
	b, d, err := f.sdp.Answer(offer)
	if err != nil {
		f.l.t.Fatal(err)
	}
	f.begin(d)
	return b
}

// accept takes the window's answer; media begins.
func (f *far) accept(answer []byte) {
	f.l.t.Helper()
	d, err := f.sdp.Accept(answer)
	if err != nil {
		f.l.t.Fatal(err)
	}
	f.begin(d)
}

func (f *far) begin(d negotiate.Description) {
	f.l.t.Helper()
	if f.session != nil {
		if err := f.session.Update(d); err != nil {
			f.l.t.Fatal(err)
		}
		return
	}
	var err error
	if f.session, err = media.NewSession(media.Config{Description: d, Ways: f.sockets.Ways(), CNAME: "far", Receiver: f, Keying: f.keys}); err != nil {
		f.l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = f.session.Run(ctx) }()
	f.end = func() { cancel(); <-ended }
}

// close ends the far end's media; nothing comes any more.
func (f *far) close() {
	f.end()
	_ = f.sockets.Close()
}

// silence stops what it sends, or has it go on.
func (f *far) silence(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mute = on
}

func (f *far) silent() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mute
}

// blind stops the pictures that it sends, or has them go on.
func (f *far) blind(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unseen = on
}

// pictures is how many it got.
func (f *far) pictures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got
}

func (f *far) Video(au media.AccessUnit) {
	f.mu.Lock()
	f.got++
	show := !f.mute && !f.unseen
	if au.Key {
		f.key = au
	}
	f.mu.Unlock()
	if show {
		f.session.SendVideo(au)
	}
}

// show sends a picture that it got before.
func (f *far) show() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.session.SendVideo(f.key)
}

func (f *far) Audio(a media.AudioFrame) {
	if !f.silent() && !a.Lost {
		f.session.SendAudio(a)
	}
}

func (f *far) KeyframeRequested() { f.session.RequestKeyframe() }

// talk has it say something by itself, for a tenth of a second.
func (f *far) talk() {
	for range 5 {
		f.session.SendAudio(media.AudioFrame{Data: make([]byte, 160), Captured: time.Now()})
		time.Sleep(20 * time.Millisecond)
	}
}
