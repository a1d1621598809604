// Package reach finds the way of a call's streams through routers (ICE, RFC 8445, by pion/ice), and another one when that ends.
//
//	Gather ─▶ Paths ─▶ Place: what SDP is to say of us
//	                   Ways:  the media.Way of each stream ◀─ Agree: what SDP says of them ─▶ checks ─▶ the way
//	Renew  ─▶ looks for another way beside the one that carries (an ICE restart), which takes over once it is found
//
// pion checks the ways. Media do not pass through it: they leave and come by its sockets as without ICE (media/udp), and by the
// addresses that TURN servers give us, which we ask for (servers, relayed): a server that answers late, or refuses, keeps nobody waiting.
package reach

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"golang.org/x/sync/errgroup"

	"ewindow/media"
	"ewindow/media/negotiate"
)

// Relays are servers that say how we look from outside (STUN, RFC 8489), and pass on what finds no other way (TURN, RFC 8656).
type Relays struct {
	URIs               []string // RFC 7064, 7065
	Username, Password string
}

// Config is what a call's ways begin with.
type Config struct {
	Local  netip.Addr // our address towards the registrar: the one that SDP names first
	Video  bool       // there are two streams
	Apart  bool       // their reports may have ports of their own (no rtcp-mux)
	Relays Relays     // none: only ways without their help are found

	// Early is closed once the other side is known to take ways later (Trickle): SDP need not wait for all then. nil: it has to.
	Early <-chan struct{}

	Relayed bool          // who has no ICE is to find us at a relay, if there is one
	Within  time.Duration // servers have to answer; 0: gatherFor

	// Dial connects to a TURN server over TCP or, secure, over TLS, whose certificate it checks; nil: there is TCP alone.
	Dial func(ctx context.Context, network, address string, secure bool) (net.Conn, error)

	Net   transport.Net       // nil: the machine's
	Found func(Stream, Found) // called when a stream's way is found or another one; nil for nobody
	// Doubted is called when nothing answers any more on a stream's way; nil for nobody.
	Doubted func(Stream)
}

// Stream is one of a call's streams.
type Stream string

// The streams.
const (
	Audio Stream = "audio"
	Video Stream = "video"
)

// Found is a way that was found.
type Found struct {
	Path string        // see Paths.Path
	Took time.Duration // since the other side's candidates were known
}

// gatherFor is how long a call waits for what servers say of us. Who does not answer within that costs us one way, and no call.
const gatherFor = 1500 * time.Millisecond

func (c *Config) patience() time.Duration {
	if c.Within != 0 {
		return c.Within
	}
	return gatherFor
}

// Paths are the ways of one call. Whoever made them closes them, after Session.Run has returned.
type Paths struct {
	local        netip.Addr
	relayed      bool
	audio, video *path // video is nil without a picture
	news         chan struct{}
}

// Gather opens sockets on all addresses of this machine and finds out how they look from outside. It returns once all of that is
// known, after gatherFor at most, with this machine's own addresses once it is Early, or with ctx's error.
func Gather(ctx context.Context, cfg Config) (*Paths, error) {
	p := &Paths{local: cfg.Local, relayed: cfg.Relayed, news: make(chan struct{}, 1)}
	p.audio = streamPath(Audio, cfg, p.news)
	if cfg.Video {
		p.video = streamPath(Video, cfg, p.news)
	}
	if err := p.seek(ctx, cfg.Relays, false, cfg.Early); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// parse reads the URIs. One that cannot be read costs a way and no call.
func (r Relays) parse() (uris []*stun.URI) {
	for _, text := range r.URIs {
		if u, err := stun.ParseURI(text); err == nil {
			u.Username, u.Password = r.Username, r.Password
			uris = append(uris, u)
		}
	}
	return uris
}

// streams are the ways that there are.
func (p *Paths) streams() []*path {
	if p.video == nil {
		return []*path{p.audio}
	}
	return []*path{p.audio, p.video}
}

// parts are the paths of all streams and their reports.
func (p *Paths) parts() (all []*path) {
	for _, s := range p.streams() {
		all = append(all, s.parts()...)
	}
	return all
}

// Renew looks for new ways, with new credentials: places are to be said in an offer, or in the answer to one that has other ways
// than before (negotiate.Session.Seeks). Until the new ones are found the old ones carry. All are
// known when it returns.
func (p *Paths) Renew(ctx context.Context, relays Relays) error {
	return p.seek(ctx, relays, false, nil)
}

// Better looks for ways without a relay beside one of a relay, as Renew does, but asks no relay for addresses, and gives up soon. With all
// candidates the checks are more than a narrow line takes beside the pictures, for which most often nothing better is found.
func (p *Paths) Better(ctx context.Context, relays Relays) error {
	return p.seek(ctx, relays, true, nil)
}

func (p *Paths) seek(ctx context.Context, relays Relays, brief bool, early <-chan struct{}) error {
	uris := relays.parse()
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range p.streams() {
		c := newCredentials()
		for _, part := range s.parts() {
			g.Go(func() error { return part.renew(ctx, uris, c, brief, early) })
		}
	}
	return g.Wait()
}

// Forget ends the search that Renew began and nobody answered: the other side goes on with the old ways.
func (p *Paths) Forget() {
	for _, s := range p.parts() {
		s.forget()
	}
}

// Places are where the streams are received now: those of the last Renew, or Gather. The address is that of c=.
func (p *Paths) Places() (address netip.Addr, audio, video negotiate.Place) {
	s := p.stand()
	s.at, audio = p.audio.place(s)
	if p.video != nil {
		_, video = p.video.place(s)
	}
	address = s.at
	return address, audio, video
}

// Control says which side decides between ways that work: whoever makes the offer (RFC 8445 §6.1.1). It holds for the ways of the
// last Renew, or Gather.
func (p *Paths) Control(ours bool) {
	for _, s := range p.parts() {
		s.control(ours)
	}
}

// Ways are those of a session.
func (p *Paths) Ways() media.Ways {
	w := media.Ways{Audio: p.audio.way()}
	if p.video != nil {
		w.Video = p.video.way()
	}
	return w
}

// Path names the way that pictures go, or sound where there are none: host (no router between us), srflx (through routers),
// relay/udp, relay/tcp or relay/tls (by a server of ours), relay (by one of theirs), direct (no ICE there). Empty: none was found.
func (p *Paths) Path() string {
	streams := p.streams()
	return streams[len(streams)-1].name()
}

// Doubtful says that nothing answers any more on a way that was found. Media may still come.
func (p *Paths) Doubtful() bool {
	for _, s := range p.streams() {
		if s.doubtful() {
			return true
		}
	}
	return false
}

// Tried names the kinds of ways that were tried, ours and theirs, for people: "host, srflx, relay/udp; theirs: host".
func (p *Paths) Tried() string {
	streams := p.streams()
	ours, theirs := streams[len(streams)-1].tried()
	text := strings.Join(ours, ", ")
	if len(theirs) > 0 {
		text += "; theirs: " + strings.Join(theirs, ", ")
	}
	return text
}

// Close ends everything.
func (p *Paths) Close() error {
	var errs []error
	for _, s := range p.parts() {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// kinds are names without repetition, in order.
func kinds(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
