package reach

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/ice/v4"

	"ewindow/media/negotiate"
)

// Trickle ICE (RFC 8838): SDP goes out with what is known of our ways, and the rest follows.
//
//	Config.Early ─▶ Gather returns ─▶ SDP ─▶ Trickle ─▶ tell: all that is known by then ─▶ … ─▶ the last, without More
//	                                         Hear   ◀─ theirs

const (
	together = 10 * time.Millisecond // what comes within that of the first is told with it: a machine's own addresses, or what two streams have got
	mostTold = 12                    // times that more is told: there are no more servers
)

// collect takes what comes of a search, until all have answered or nobody waits any more.
func (a *attempt) collect(arrived <-chan ice.Candidate) {
	defer func() {
		close(a.whole)
		wake(a.of.news)
	}()
	until := time.Now().Add(a.of.cfg.patience())
	patience := time.NewTimer(time.Until(until))
	defer patience.Stop()
	for mirrored, relayed := false, a.servers.done(); !mirrored || relayed != nil; {
		select {
		case c := <-arrived:
			mirrored = mirrored || c == nil
			if c != nil {
				a.notice()
			}
			if r, ok := c.(*ice.CandidateRelay); ok && !a.early.Load() && time.Until(until) > enough(r) {
				until = time.Now().Add(enough(r))
				patience.Reset(enough(r))
			}
		case <-relayed:
			relayed = nil
		case <-patience.C:
			return
		case <-a.over:
			return
		}
	}
}

// notice says that there is a way more.
func (a *attempt) notice() {
	a.some.Do(func() { close(a.first) })
	wake(a.of.news)
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// await waits until all ways are known, or once it is early, one.
func (a *attempt) await(ctx context.Context, early <-chan struct{}) error {
	select {
	case <-a.whole:
		return nil
	case <-early: // nil waits for good
	case <-ctx.Done():
		return ctx.Err()
	}
	a.early.Store(true)
	select {
	case <-a.first:
	case <-a.whole:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	soon := time.NewTimer(together)
	defer soon.Stop()
	select {
	case <-soon.C:
	case <-a.whole:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// complete says whether all ways are known that are waited for.
func (a *attempt) complete() bool {
	select {
	case <-a.whole:
		return true
	default:
		return false
	}
}

// Owes says whether SDP has named a part of our ways, and the rest has not been told.
func (p *Paths) Owes() bool { return slices.ContainsFunc(p.streams(), (*path).owes) }

// Trickle tells the other side of the ways that are found after SDP has named some, all of them each time, until there are no more. It
// returns at once if SDP has named all. An error of tell ends it: the other side gets no more.
func (p *Paths) Trickle(ctx context.Context, tell func(ctx context.Context, audio, video *negotiate.ICE) error) error {
	for range mostTold {
		if err := p.awaitNews(ctx); err != nil {
			return err
		}
		if !p.Owes() {
			return nil
		}
		told := map[*path]*negotiate.ICE{}
		for _, s := range p.streams() {
			told[s] = s.ways()
		}
		if err := tell(ctx, told[p.audio], told[p.video]); err != nil {
			for _, s := range p.streams() {
				s.searching().servers.speak()
			}
			return err
		}
		for s, ways := range told {
			s.told(ways)
		}
	}
	return nil
}

// awaitNews waits until there is something that has not been told, or nothing is owed: other ways are sought.
func (p *Paths) awaitNews(ctx context.Context) error {
	for p.Owes() && !slices.ContainsFunc(p.streams(), (*path).fresh) {
		select {
		case <-p.news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	soon := time.NewTimer(together)
	defer soon.Stop()
	select {
	case <-soon.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errOtherSearch = errors.New("they are of another search")

// Hear takes further ways of the other side: all that it has named by now, as negotiate.Session.Hear gives them. nil is a stream without any.
func (p *Paths) Hear(audio, video *negotiate.ICE) error {
	var errs []error
	if audio != nil {
		errs = append(errs, p.audio.hear(audio))
	}
	if video != nil && p.video != nil {
		errs = append(errs, p.video.hear(video))
	}
	return errors.Join(errs...)
}

// hear has the search check them that they belong to.
func (p *path) hear(theirs *negotiate.ICE) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range []*attempt{p.current, p.next} {
		if a != nil && !p.closed && a.hears(theirs) {
			return a.check(theirs.Candidates)
		}
	}
	return errOtherSearch
}

func (a *attempt) hears(theirs *negotiate.ICE) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.remote != "" && a.remote == theirs.Fragment && a.password == theirs.Password
}

// admitted are the other side's addresses that are checked.
type admitted struct {
	all   map[netip.AddrPort]bool
	count map[netip.Addr]int
}

// admit says whether an address is checked. One that was named before is not another one.
func (x *admitted) admit(at netip.AddrPort) bool {
	if x.all == nil {
		x.all, x.count = map[netip.AddrPort]bool{}, map[netip.Addr]int{}
	}
	n, known := x.count[at.Addr()]
	if x.all[at] || n == mostAtOne || !known && len(x.count) == mostAddresses {
		return false
	}
	x.all[at] = true
	x.count[at.Addr()]++
	return true
}

// owes says whether the other side is to hear of more ways.
func (p *path) owes() bool {
	a := p.searching()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.said.More
}

// fresh says whether there are some.
func (p *path) fresh() bool {
	ways := p.ways()
	a := p.searching()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.said.More && (!ways.More || len(ways.Candidates) > len(a.said.Candidates))
}

// ways are all that are known by now.
func (p *path) ways() *negotiate.ICE {
	a := p.searching()
	_ = a.keep() // what is known does not go away
	a.mu.Lock()
	defer a.mu.Unlock()
	ways := a.local
	ways.Candidates = slices.Clone(ways.Candidates)
	return &ways
}

// told notes what the other side knows.
func (p *path) told(ways *negotiate.ICE) { p.searching().tells(*ways) }

// tells notes what the other side knows. Relays may check from now on: who hears from an address that it does not know takes it for one
// that a router gave us, and would have it before all that is better.
func (a *attempt) tells(ways negotiate.ICE) {
	a.mu.Lock()
	a.said = ways
	a.mu.Unlock()
	for _, text := range ways.Candidates {
		if c, err := ice.UnmarshalCandidate(text); err == nil {
			if at, ok := address(c); ok {
				if r, is := a.servers.at(at).(*relayed); is {
					r.quiet.Store(false)
				}
			}
		}
	}
}

// speak has all relays check, whether or not the other side knows them.
func (s *servers) speak() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.have {
		r.quiet.Store(false)
	}
}
