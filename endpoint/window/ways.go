package window

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"ewindow/media"
	"ewindow/media/negotiate"
	"ewindow/media/reach"
)

// wayFound says by what way a call's pictures go now.
type wayFound struct {
	id string
	reach.Found
}

// wayDoubted says that nothing answers any more on a call's way.
type wayDoubted struct{ id string }

// renewed is what became of the search for other ways of a call: to be offered, or with theirs the answer to an offer.
type renewed struct {
	id     string
	theirs *reoffer
	err    error
}

// seeks says whether a call's ways are to be found by ICE: between windows, and with whoever offers it.
func (w *Window) seeks(offer []byte, policy negotiate.Policy) bool {
	switch {
	case w.cfg.Gather == nil:
		return false
	case offer == nil:
		return policy == negotiate.DTLS // who sends no offer is a phone of the old kind
	}
	return negotiate.OffersICE(offer)
}

// at is our address for a call without ICE: the one towards the registrar, or if whoever calls is reached by the other family, the one
// towards him.
func (w *Window) at(offer []byte) netip.Addr {
	addr := w.sip.LocalAddr()
	there := negotiate.Destination(offer)
	if w.cfg.Towards == nil || !there.IsValid() || there.Is4() == addr.Unmap().Is4() {
		return addr
	}
	if towards, err := w.cfg.Towards(there); err == nil {
		return towards
	}
	return addr // and the offer is refused, which names both
}

// listen opens sockets on our address.
func (w *Window) listen(addr netip.Addr, see sight, g *ground) (audio, video negotiate.Place, err error) {
	s, err := w.cfg.Listen(addr)
	if err != nil {
		return audio, video, err
	}
	g.lines = s
	audio = negotiate.Place{RTP: media.Port(s.AudioRTP), RTCP: media.Port(s.AudioRTCP)}
	if see.picture {
		video = negotiate.Place{RTP: media.Port(s.VideoRTP), RTCP: media.Port(s.VideoRTCP)}
	}
	return audio, video, nil
}

// gather finds out where we can be reached from everywhere, for an offer of theirs, or with none for one of ours.
func (w *Window) gather(ctx context.Context, id string, cfg reach.Config, offer []byte, g *ground) (
	address netip.Addr, audio, video negotiate.Place, err error,
) {
	cfg.Apart = offer != nil && !negotiate.OffersMux(offer)
	cfg.Found = func(s reach.Stream, f reach.Found) {
		if s == reach.Video || !cfg.Video {
			w.tell(wayFound{id, f})
		}
	}
	cfg.Doubted = func(reach.Stream) { w.tell(wayDoubted{id}) }
	p, err := w.cfg.Gather(ctx, cfg)
	if err != nil {
		return address, audio, video, err
	}
	p.Control(offer == nil)
	g.lines, g.paths = p, p
	address, audio, video = p.Places()
	return address, audio, video, nil
}

// awaitServers are the servers that help to find ways, once the registrar has said something of them, or has had time to.
func (w *Window) awaitServers(ctx context.Context) reach.Relays {
	w.awaitRelays(ctx)
	return w.servers()
}

// toldWithin is how long a call waits for what the registrar has to say of relays: a window that has just started calls before it has
// heard that. One that knows of none says nothing.
const toldWithin = 500 * time.Millisecond

func (w *Window) awaitRelays(ctx context.Context) {
	patience := time.NewTimer(toldWithin)
	defer patience.Stop()
	select {
	case <-w.told:
	case <-patience.C:
	case <-ctx.Done():
	}
}

// heardOfRelays is called by the loop.
func (w *Window) heardOfRelays() {
	select {
	case <-w.told:
	default:
		close(w.told)
	}
}

// servers are those that help to find ways.
func (w *Window) servers() reach.Relays {
	r := w.Relays()
	if r == nil {
		return reach.Relays{}
	}
	return reach.Relays{URIs: r.URIs, Username: r.Username, Password: r.Password}
}

// moved says whether our address is another one than when we registered last.
func (w *Window) moved() bool {
	before := w.home
	w.home = w.sip.LocalAddr()
	return before.IsValid() && before != w.home
}

// wayFound notes by what way a call goes.
func (w *Window) wayFound(ctx context.Context, m wayFound) {
	l := w.legs[m.id]
	if l == nil || l.session == nil {
		return
	}
	w.log.Log(ctx, w.routine(l, slog.LevelInfo), "the way to the other side is found", "peer", l.peer, "call_id", l.callID,
		"path", m.Path, "took", m.Took.String())
	w.step(ctx, l.media(time.Now()))
}

// wayDoubted has the machine look at a call at once: its silence may have a reason.
func (w *Window) wayDoubted(ctx context.Context, m wayDoubted) {
	if l := w.legs[m.id]; l != nil && l.session != nil {
		w.step(ctx, l.media(time.Now()))
	}
}

// Each offer of other ways has us gather ways of our own, and ask relays for an address for each stream and its reports. A relay gives an
// account a burst of those and then one a second (registrar/relay), and all calls of the window live on that: whoever offers other ways
// without end gets so many answers at once, and then one so often. A window offers them every five seconds while it finds none.
const (
	restartsAtOnce = 5
	restartEvery   = 5 * time.Second
)

// turn is how long the other side's offer of other ways has to wait for its answer. Meanwhile the agent refuses further ones.
func (l *leg) turn(now time.Time) time.Duration {
	if l.restarts == nil {
		l.restarts = rate.NewLimiter(rate.Every(restartEvery), restartsAtOnce)
	}
	return l.restarts.ReserveN(now, 1).DelayFrom(now)
}

// renew looks for other ways of a call, which is to be offered them, or whose offer is to be answered with them. better: what is looked for
// is one without a relay.
func (w *Window) renew(ctx context.Context, l *leg, theirs *reoffer, better bool) {
	paths, servers := l.paths, w.servers()
	if theirs == nil {
		w.log.Log(ctx, w.routine(l, slog.LevelInfo), "other ways to the other side are sought", "peer", l.peer, "call_id", l.callID,
			"path", paths.Path(), "tried", paths.Tried())
	}
	now, wait := time.Now(), time.Duration(0)
	if theirs != nil {
		wait = l.turn(now)
	}
	seek := paths.Renew
	if better && l.relayed(now) {
		seek = paths.Better
	}
	l.asking, l.gathering, l.lost = true, true, theirs == nil && !l.carries(now)
	w.work.Go(func() {
		patience := time.NewTimer(wait)
		defer patience.Stop()
		select {
		case <-patience.C:
		case <-ctx.Done():
		}
		w.post(renewed{l.id, theirs, seek(ctx, servers)})
	})
}

// renewed goes on with the offer for which other ways were sought.
func (w *Window) renewed(ctx context.Context, r renewed) {
	l := w.legs[r.id]
	if l == nil {
		if r.theirs != nil {
			w.work.Go(func() { r.theirs.reject(481, "there is no such call here any more") })
		}
		return
	}
	if l.crossed != nil {
		r.theirs = l.crossed
	}
	l.asking, l.gathering, l.crossed = false, false, nil
	if r.theirs == nil && l.lost && l.carries(time.Now()) {
		w.log.Log(ctx, w.routine(l, slog.LevelInfo), "the way to the other side is back", "peer", l.peer, "call_id", l.callID, "path", l.paths.Path())
		l.forgetWays()
		return
	}
	if r.err == nil {
		l.paths.Control(r.theirs == nil)
		r.err = l.sdp.Move(l.paths.Places())
	}
	if r.err != nil {
		w.log.Warn("no other ways to the other side can be sought; the call goes on as it was", "call_id", l.callID, "peer", l.peer, "err", r.err)
	}
	switch {
	case r.theirs != nil:
		w.answerAgain(ctx, l, *r.theirs)
	case r.err == nil:
		w.offerAgain(ctx, l)
	}
}

// carries says whether something comes by a call's way, and goes by it.
func (l *leg) carries(now time.Time) bool {
	return l.session != nil && l.way() < Doubtful && now.Sub(l.session.Stats().LastReceived) < time.Second
}

// relayed says whether the call's way carries, and is that of a relay which nothing but none at all could better: not by TCP.
func (l *leg) relayed(now time.Time) bool {
	path := l.paths.Path()
	return (path == "relay" || path == "relay/udp") && l.carries(now)
}

// forgetWays ends the search for other ways that came to nothing.
func (l *leg) forgetWays() {
	if l.paths != nil {
		l.paths.Forget()
	}
}

// path is the way that a call goes, and what was tried.
func (l *leg) path() (path, tried string) {
	if l.paths == nil {
		return "", ""
	}
	return l.paths.Path(), l.paths.Tried()
}

// way says how good the way is that a call goes.
func (l *leg) way() Way {
	if l.paths == nil {
		return Direct
	}
	switch path := l.paths.Path(); {
	case path == "":
		return None
	case l.paths.Doubtful():
		return Doubtful
	case strings.HasPrefix(path, "relay"):
		return Relayed
	}
	return Direct
}
