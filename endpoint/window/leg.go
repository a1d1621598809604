package window

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"ewindow/endpoint/status"
	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/negotiate"
	"ewindow/media/reach"
	"ewindow/registrar/signal/mediakey"
)

// leg is a call as the loop holds it: a dialog, its sockets and its media. Its fields are the loop's.
type leg struct {
	window *Window
	id     string // as in State
	peer   string // account
	callID string // empty while our INVITE has no answer
	dialog dialog // nil while our INVITE has no answer

	lines       lines                 // nil until they are open
	paths       *reach.Paths          // the same, if they are found by ICE
	lost        bool                  // other ways are sought since this one did not carry
	sdp         *negotiate.Session    // offers and answers of the dialog
	session     *media.Session        // nil before offer and answer are done
	description negotiate.Description // what was agreed last
	up          time.Time             // since when there is media
	status      int                   // SIP status by which it was refused

	policy negotiate.Policy // how its media have to be protected
	keyed  []media.Medium   // streams whose keys were agreed on by a handshake

	answer     func(context.Context, []byte) error // accepts their INVITE; nil for one of ours
	stop       context.CancelFunc                  // ends whatever its INVITE is doing, and its media
	ended      chan struct{}                       // closed when the session has returned; nil without one
	unanswered *unanswered                         // while nothing has ever come
	complained bool                                // that has been logged

	asking    bool     // a re-INVITE of ours is wanted, or on its way
	gathering bool     // ways are gathered for it, or for an answer
	crossed   *reoffer // an offer that came meanwhile; nil for none
	again     bool     // another one is wanted if it fails
	offers    int      // how many there were
	agreed    int      // how often something was agreed on anew, whoever offered it
	fragments int      // INFOs with ways that have come
	misnamed  bool     // of which some were of no use, and that has been logged
	stopOffer func()   // ends the last one

	restarts *rate.Limiter // of their offers of other ways; nil before the first

	silent bool      // nothing comes, and that has been logged
	told   bool      // the same, as the registrar knows it
	untold bool      // the registrar may be another process than that which knows of this call
	tellAt time.Time // not before it is told again; zero while nothing is on its way and nothing has failed

	vouched mediakey.Public // the key of the partner that it knows to be confirmed here
	vouchAt time.Time       // not before it is told again
	assured bool            // the partner has proved, in this call, that this window's key is confirmed there
	doubted bool            // it has not within assuredWithin

	kbps  int // of our pictures that the path carries, 0 while nobody knows
	scale scale
	sends engine.VideoFormat // our pictures; zero for none

	seen   atomic.Int64 // when its last picture came, Unix ns
	shown  uint64       // pictures of ours that had gone at the last look
	showed time.Time    // when the last of them was seen to have gone
}

// lines are what a call's media go by: sockets, or paths.
type lines interface {
	Ways() media.Ways
	Close() error
}

// ground is what a leg needs before any SIP is sent: what its media go by, and the SDP that names it.
type ground struct {
	lines  lines
	paths  *reach.Paths
	sdp    *negotiate.Session
	body   []byte // our offer or answer
	agreed negotiate.Description
	err    error
}

// release closes what nobody is going to use.
func (g ground) release() {
	if g.lines != nil {
		_ = g.lines.Close()
	}
}

// sight is who is to see whom in a call.
type sight struct{ picture, always bool }

// ground opens what a call's media go by: ways that are to be found, a relay where we are reached by nothing else, or sockets.
func (w *Window) ground(ctx context.Context, id string, offer []byte, policy negotiate.Policy, see sight, from whence, early <-chan struct{}, g *ground) (
	addr netip.Addr, audio, video negotiate.Place,
) {
	addr = w.at(offer)
	hidden := from.hidden(addr, negotiate.Destination(offer))
	if w.seeks(offer, policy) {
		servers := w.awaitServers(ctx)
		if policy != negotiate.DTLS && from.plain(addr) { // each more would have a phone look for longer
			servers = reach.Relays{}
		}
		cfg := reach.Config{Local: addr, Video: see.picture, Relays: servers, Early: early}
		cfg.Relayed = hidden && early == nil // who takes ways later has ICE, and reads no default
		addr, audio, video, g.err = w.gather(ctx, id, cfg, offer, g)
		if hidden && policy != negotiate.DTLS && negotiate.HostsAlone(offer) { // it reaches a relay, and would try all else in vain for long
			audio, video = audio.DefaultAlone(addr), video.DefaultAlone(addr)
		}
		return addr, audio, video
	}
	if hidden {
		if at, audio, video, ok := w.relay(ctx, addr, offer, see, g); ok {
			return at, audio, video
		}
	}
	audio, video, g.err = w.listen(addr, see, g)
	return addr, audio, video
}

// prepare opens what the call's media go by and writes our SDP: the answer to an offer, or with none an offer. It waits for
// servers until it is early. A worker calls it.
func (w *Window) prepare(ctx context.Context, id string, offer []byte, policy negotiate.Policy, see sight, from whence, early <-chan struct{}) (g ground) {
	addr, audio, video := w.ground(ctx, id, offer, policy, see, from, early, &g)
	if g.err != nil {
		return g
	}
	local := negotiate.Local{
		NACK: true, CCFB: true, Ceilings: true, RED: true, FEC: true, Mutual: !see.always,
		Address:  addr,
		AudioRTP: audio.RTP, AudioRTCP: audio.RTCP, AudioICE: audio.ICE,
		VideoRTP: video.RTP, VideoRTCP: video.RTCP, VideoICE: video.ICE,
		Width: w.cfg.Video.Width, Height: w.cfg.Video.Height, FPS: w.cfg.Video.FPS, MaxKbps: w.cfg.Video.Kbps,
		Trickle:   w.cfg.Gather != nil && policy == negotiate.DTLS,
		SessionID: uint64(time.Now().Unix()), Fingerprint: w.fingerprint(),
	}
	if g.sdp, g.err = negotiate.NewSession(local, policy); g.err != nil {
		return g
	}
	if offer == nil {
		g.body, g.err = g.sdp.Offer()
	} else {
		g.body, g.agreed, g.err = g.sdp.Answer(offer)
	}
	return g
}

// begin starts the media of a call.
func (w *Window) begin(ctx context.Context, l *leg, d negotiate.Description) {
	d.From(l.dialog.Whence())
	session, err := media.NewSession(media.Config{
		Description: d, Ways: l.lines.Ways(), CNAME: w.cfg.Space, Receiver: l, Keying: w.keying(l), Log: w.log.With("call_id", l.callID),
		Budget: func(kbps, lasting int) {
			w.devices.SetKbps(l.id, min(kbps, w.cfg.Video.Kbps)) // at once; the loop thinks about the size
			w.tell(budget{l.id, lasting})
		},
	})
	if err != nil {
		w.fail(ctx, l, err)
		return
	}
	l.session, l.ended, l.up = session, make(chan struct{}), time.Now()
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	before := l.stop
	l.stop = func() { before(); cancel() }
	w.work.Go(func() {
		defer close(l.ended)
		if err := session.Run(running); err != nil {
			w.log.Error("media ended", "call_id", l.callID, "err", err)
			w.post(mediaBroke{l.id, err})
		}
	})
	l.description = d
	w.trouble.failed.Well("peer", l.peer, "call_id", l.callID)
	if w.isPartner(l) {
		w.history.over(aboutCall, "a call that was answered")
	}
	w.log.Log(ctx, w.routine(l, slog.LevelInfo), "call up", "peer", l.peer, "call_id", l.callID, "media", describe(d))
	w.step(ctx, Agreed{l.id, terms(d)})
}

// hangup ends a call, whatever it has come to.
func (w *Window) hangup(id, why string) {
	l := w.legs[id]
	if l == nil {
		return
	}
	if l.dialog != nil {
		level := w.routine(l, slog.LevelInfo)
		if l.session == nil { // it never was up, and what became of it has been said
			level = slog.LevelDebug
		}
		w.log.Log(context.Background(), level, "hang up", "peer", l.peer, "call_id", l.callID, "reason", why)
		w.work.Go(func() { l.dialog.Bye(why) })
	} else if why == noAnswer {
		w.trouble.failed.Met(l.peer+": "+why, "peer", l.peer, "reason", why)
		w.notReached(l, why)
	}
	w.drop(id, why)
}

// drop lets go of a call; its INVITE, if it has no answer, is cancelled.
func (w *Window) drop(id, why string) {
	l := w.legs[id]
	if l == nil {
		return
	}
	delete(w.legs, id)
	w.remember(status.PastCall{ID: l.callID, Peer: l.peer, Ours: l.answer == nil, Up: l.up, Status: l.status, Why: why})
	l.stop()
	if l.session != nil {
		w.logFigures(w.routine(l, slog.LevelInfo), "call over", l, "reason", why, "lasted", time.Since(l.up).Round(time.Second).String())
	}
	w.work.Go(func() {
		if l.ended != nil {
			<-l.ended
		}
		if l.lines != nil {
			_ = l.lines.Close()
		}
	})
}

// find is the leg of a dialog, or nil.
func (w *Window) find(d dialog) *leg {
	for _, l := range w.legs {
		if l.dialog != nil && l.dialog == d {
			return l
		}
	}
	return nil
}

// media is what the machine is to know of the session at a tick.
func (l *leg) media(now time.Time) Media {
	s := l.session.Stats()
	if sent := s.Video.Sent.Frames; sent != l.shown {
		l.shown, l.showed = sent, now
	}
	return Media{ID: l.id, Heard: s.LastReceived, Told: s.LastRTCP, Seen: l.lastSeen(), Showed: l.showed, Starved: s.VideoStarved, Way: l.way(), Keyless: l.keyless()}
}

func (l *leg) lastSeen() time.Time {
	if ns := l.seen.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}
