package reach

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/media"
	"ewindow/media/latch"
	"ewindow/media/negotiate"
)

const (
	maxDatagram = 2048 // bytes: more than any link takes

	readRetry = 20 * time.Millisecond // after a read that failed: whatever it was, the next one may succeed

	// Whoever is heard from elsewhere is followed there once nothing has come for so long from where we send to: routers forget.
	strayed = 200 * time.Millisecond

	// An old way is kept so long after another was found: packets are still on it.
	lingering = 2 * time.Second
)

// path is the way of one stream. It is a media.Way.
type path struct {
	cfg     Config
	stream  Stream
	deliver atomic.Pointer[func(media.Datagram)]
	target  atomic.Pointer[target] // where we send; nil while nowhere
	latch   latch.Latch            // where the other side has no ICE
	running sync.WaitGroup
	done    chan struct{} // closed by close
	opened  chan struct{} // closed when packets can go somewhere for the first time
	opening sync.Once

	component uint16
	reports   *path         // the second component; nil if there is none, and for that one
	news      chan struct{} // of all streams: has one element when a way is found that has not been told

	mu      sync.Mutex
	current *attempt // that carries, or looks for the first way
	next    *attempt // that looks for another one; nil for none
	plain   fixed    // by which packets go where the other side has no ICE; nil where it has

	named  netip.AddrPort // what SDP says of us
	closed bool
}

// target is where packets go, and by what.
type target struct {
	by    carrier
	to    netip.AddrPort
	of    *attempt
	heard atomic.Int64 // when something authentic came from there, Unix ns
}

func newPath(s Stream, cfg Config, component uint16, news chan struct{}) *path {
	return &path{news: news, cfg: cfg, stream: s, component: component, done: make(chan struct{}), opened: make(chan struct{})}
}

// streamPath makes the path of a stream, and that of its reports if they may have one. That one tells nobody when it is found.
func streamPath(s Stream, cfg Config, news chan struct{}) *path {
	p := newPath(s, cfg, negotiate.MediaComponent, news)
	if cfg.Apart {
		cfg.Found, cfg.Doubted = nil, nil
		p.reports = newPath(s, cfg, negotiate.ReportsComponent, news)
	}
	return p
}

// parts are the components.
func (p *path) parts() []*path {
	if p.reports == nil {
		return []*path{p}
	}
	return []*path{p, p.reports}
}

// way is that of the stream.
func (p *path) way() media.Way {
	if p.reports == nil {
		return p
	}
	return &pair{media: p, reports: p.reports}
}

// place is where we receive: preferably at an address, which is that of c=, else at any.
func (p *path) place(s standing) (netip.Addr, negotiate.Place) {
	at, place := p.own(s)
	if p.reports != nil {
		s.at = at
		_, r := p.reports.own(s)
		place.RTCP = r.RTP
		place.ICE.Candidates = append(place.ICE.Candidates, r.ICE.Candidates...)
	}
	return at, place
}

// own is the place of this component.
func (p *path) own(s standing) (netip.Addr, negotiate.Place) {
	p.mu.Lock()
	a := p.newest()
	p.mu.Unlock()
	a.mu.Lock()
	at, ways := a.here(s), a.local
	a.mu.Unlock()
	p.mu.Lock()
	p.named = at
	p.mu.Unlock()
	ways.Candidates = slices.Clone(ways.Candidates)
	a.tells(ways)
	return at.Addr(), negotiate.Place{RTP: at.Port(), RTCP: at.Port(), ICE: &ways}
}

// Agree begins the checks of the ways that SDP brings, unless they are those of before. Without ICE there packets go where SDP says,
// and then where they come from (media/latch).
func (p *path) Agree(d *negotiate.Stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if d.ICE == nil {
		p.agreePlain(d)
		return
	}
	p.plain = nil
	a := p.newest()
	a.mu.Lock()
	begun := a.remote
	a.mu.Unlock()
	if begun != "" { // a refresh, or another way of theirs that we were not asked to meet with one of ours
		return
	}
	for _, r := range a.relays() {
		admit(r, d) // who asks no server does not know by what address he is seen there
	}
	_ = a.start(d.ICE) // if it cannot no way is found, and that is said
	if a.brief {
		p.giveUp(a)
	}
}

// Run hands over what comes, and asks whether what we send is still wanted, until ctx ends.
func (p *path) Run(ctx context.Context, deliver func(media.Datagram)) error {
	p.deliver.Store(&deliver)
	defer p.deliver.Store(nil)
	ticker := time.NewTicker(askAtOnce)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			p.tick(time.Now())
		}
	}
}

// came takes what a carrier has received.
func (p *path) came(c carrier, b []byte, from netip.AddrPort, at time.Time) {
	deliver := p.deliver.Load()
	if deliver == nil {
		return
	}
	last := c.last()
	if *last == nil || (*last).addr != from { // the same as long as packets come from one address
		*last = &place{path: p, by: c, addr: from}
	}
	(*deliver)(media.Datagram{Data: b, From: *last, Came: at})
}

// Open says whether there is a way.
func (p *path) Open() bool { return p.to() != nil }

// Opened is closed when there is a way for the first time.
func (p *path) Opened() <-chan struct{} { return p.opened }

// Send sends to where the way leads. RTP and RTCP go one way.
func (p *path) Send(datagram []byte, _ bool) error {
	if t := p.to(); t != nil {
		return t.by.Send(datagram, t.to)
	}
	return nil
}

// SendAll sends several, with as few calls as the machine allows.
func (p *path) SendAll(datagrams [][]byte) (failed int, err error) {
	if t := p.to(); t != nil {
		return t.by.SendAll(datagrams, t.to)
	}
	return 0, nil
}

// to is where packets go; nil is nowhere.
func (p *path) to() *target {
	if t := p.target.Load(); t != nil {
		return t
	}
	return p.toPlain()
}

func (p *path) name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plain != nil {
		return fixedName(p.plain)
	}
	p.current.mu.Lock()
	defer p.current.mu.Unlock()
	return p.current.path
}

func (p *path) doubtful() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.plain == nil && p.current.doubtful.Load()
}

func (p *path) tried() (ours, theirs []string) {
	p.mu.Lock()
	a := p.newest()
	p.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kinds, a.theirs
}

func (p *path) close() error {
	p.mu.Lock()
	current, next := p.current, p.next
	if !p.closed {
		close(p.done)
	}
	p.closed, p.next = true, nil
	p.mu.Unlock()
	err := end(next)
	if e := end(current); e != nil {
		err = fmt.Errorf("close ICE: %w", e)
	}
	p.target.Store(nil)
	p.running.Wait()
	return err
}
