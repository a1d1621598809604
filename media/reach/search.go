package reach

import (
	"context"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v4"
)

// renew begins another search.
func (p *path) renew(ctx context.Context, uris []*stun.URI, c credentials, brief bool, early <-chan struct{}) error {
	a, err := newAttempt(p, uris, c, brief)
	if err != nil {
		return err
	}
	if err := a.gather(ctx, early); err != nil {
		_ = a.close()
		return err
	}
	p.mu.Lock()
	old := p.next
	switch {
	case p.closed:
		old = a
	case p.current == nil:
		p.current = a
	default:
		p.next = a
	}
	p.mu.Unlock()
	return end(old)
}

// pace is how often the pairs of a search that begins now are checked.
func (p *path) pace(now time.Time) time.Duration {
	if t := p.target.Load(); t != nil && now.Sub(time.Unix(0, t.heard.Load())) < carrying {
		return checkBeside
	}
	return checkEvery
}

func (p *path) forget() {
	p.mu.Lock()
	old := p.next
	p.next = nil
	p.mu.Unlock()
	_ = end(old)
}

// giveUp ends a search that is to be brief, unless it has found something by then. Who decides ends it first: else the other side might go
// over to a way that is given up here.
func (p *path) giveUp(a *attempt) {
	a.mu.Lock()
	after := briefly
	if !a.controls {
		after *= 2
	}
	a.mu.Unlock()
	p.running.Go(func() {
		select {
		case <-time.After(after):
		case <-p.done:
			return
		}
		p.mu.Lock()
		vain := p.next == a
		if vain {
			p.next = nil
		}
		p.mu.Unlock()
		if vain {
			_ = a.close()
		}
	})
}

// end closes an attempt, if there is one.
func end(a *attempt) error {
	if a == nil {
		return nil
	}
	return a.close()
}

// newest is the attempt of which SDP speaks. The caller holds mu.
func (p *path) newest() *attempt {
	if p.next != nil {
		return p.next
	}
	return p.current
}

func (p *path) control(ours bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.newest().ours = ours
}

// found takes the pair that pion has chosen.
func (p *path) found(a *attempt, local, remote ice.Candidate) {
	to, ok := address(remote)
	if !ok {
		return
	}
	t := &target{of: a, to: to, by: a.carrier(local)}
	t.heard.Store(time.Now().UnixNano())
	if t.by == nil {
		return
	}
	a.mu.Lock()
	a.path = a.name(local, remote)
	a.consent.begin(time.Now())
	a.doubtful.Store(false)
	f := Found{Path: a.path, Took: time.Since(a.begun)}
	a.mu.Unlock()
	if p.adopt(a, t) && p.cfg.Found != nil {
		p.cfg.Found(p.stream, f)
	}
}

// adopt makes an attempt's way the one that carries, unless the attempt was given up meanwhile.
func (p *path) adopt(a *attempt, t *target) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || a != p.current && a != p.next {
		return false
	}
	p.target.Store(t)
	p.opening.Do(func() { close(p.opened) })
	if a == p.next {
		old := p.current
		p.current, p.next = a, nil
		p.running.Go(func() {
			select {
			case <-time.After(lingering):
			case <-p.done:
			}
			_ = old.close()
		})
	}
	return true
}

// lost ends an attempt's way: the other side's consent has ended (RFC 7675 §5.1).
func (p *path) lost(a *attempt) {
	a.mu.Lock()
	a.path = ""
	a.mu.Unlock()
	a.doubtful.Store(false)
	if t := p.target.Load(); t != nil && t.of == a {
		p.target.CompareAndSwap(t, nil)
	}
}
