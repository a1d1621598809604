package auth

import (
	"fmt"
	"sync"
	"time"
)

// bounds of what is remembered, 70 bytes for each nonce. A device uses one nonce at a time, or takes a new one for each
// request. Three thousand such requests a second may then each be ten seconds late and still be told from a replay.
type bounds struct {
	each  int // nonces of one account
	total int // of all; beyond it
	few   int // of one account
}

func defaultBounds() bounds { return bounds{each: 32_768, total: 131_072, few: 64} }

// window is how many counts below the highest may still come: requests overtake one another on UDP.
const window = 64

// usage remembers which counts of which nonces were used (RFC 7616 §3.4 "nc"). It grows with the accounts that
// proved their secret within a nonce's life, and with nothing a stranger can send.
type usage struct {
	life   time.Duration
	bounds bounds

	mu       sync.Mutex
	accounts map[string]*ledger
	total    int // nonces of all accounts
	swept    time.Time
}

// A ledger is one account's part. A nonce that is not in it and was made no later than floor may have been forgotten:
// it counts as used. So an account that takes many nonces makes its own stale early, and nobody else's.
type ledger struct {
	nonces map[stamp]counts
	order  []stamp // of nonces, by their first use
	floor  stamp
}

// counts is a sliding window: bit i of seen stands for the count highest − i.
type counts struct {
	highest uint32
	seen    uint64
}

func newUsage(life time.Duration) *usage {
	return &usage{life: life, bounds: defaultBounds(), accounts: make(map[string]*ledger)}
}

// use takes a count of a nonce. It is ErrStale if that was taken before, or is too old to tell.
func (u *usage) use(account string, nonce stamp, nc uint32, now time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sweep(now)
	l := u.accounts[account]
	if l == nil {
		l = &ledger{nonces: make(map[stamp]counts)}
		u.accounts[account] = l
	}
	if l.floor.made().After(now) { // the clock was set back: rather a few counts forgotten than an account locked out
		l.floor = stamp{}
	}
	c, known := l.nonces[nonce]
	if !known && !l.floor.before(nonce) {
		return fmt.Errorf("%w: forgotten since", ErrStale)
	}
	if !c.take(nc) {
		return fmt.Errorf("%w: nc=%08x of it again", ErrStale, nc)
	}
	l.nonces[nonce] = c
	if !known {
		l.order = append(l.order, nonce)
		u.total++
		u.trim(l, now)
	}
	return nil
}

// trim forgets the nonces that are too old to be accepted anyway, and the first used while there are too many.
func (u *usage) trim(l *ledger, now time.Time) {
	most := u.bounds.each
	if u.total > u.bounds.total {
		most = u.bounds.few
	}
	for len(l.order) > 0 {
		first := l.order[0]
		old := now.Sub(first.made()) >= u.life
		if !old && len(l.order) <= most {
			return
		}
		if !old && l.floor.before(first) {
			l.floor = first
		}
		delete(l.nonces, first)
		l.order = l.order[1:]
		u.total--
	}
}

// sweep forgets, once in a nonce's life, accounts without a nonce that could still be used.
func (u *usage) sweep(now time.Time) {
	if age := now.Sub(u.swept); age >= 0 && age < u.life {
		return
	}
	u.swept = now
	for name, l := range u.accounts {
		u.trim(l, now)
		if len(l.order) == 0 && now.Sub(l.floor.made()) >= u.life {
			delete(u.accounts, name)
		}
	}
}

func (c *counts) take(nc uint32) bool {
	if nc > c.highest {
		if shift := nc - c.highest; shift < window {
			c.seen <<= shift
		} else {
			c.seen = 0
		}
		c.seen |= 1
		c.highest = nc
		return true
	}
	back := c.highest - nc
	if back >= window || c.seen&(1<<back) != 0 {
		return false
	}
	c.seen |= 1 << back
	return true
}
