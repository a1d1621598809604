package auth

import (
	"fmt"
	"sync"
	"time"
)

// maxNonces is how many nonces of one account are remembered. A device uses one at a time.
const maxNonces = 32

// window is how many counts below the highest may still come: requests overtake one another on UDP.
const window = 64

// usage remembers which counts of which nonces were used (RFC 7616 §3.4 "nc"). It grows with the accounts that
// proved their secret within a nonce's life, and with nothing a stranger can send.
type usage struct {
	life time.Duration

	mu       sync.Mutex
	accounts map[string]*ledger
	swept    time.Time
}

// A ledger is one account's part. A nonce that is not in it and was made before floor may have been forgotten: it
// counts as used. So an account that takes many nonces makes its own stale early, and nobody else's.
type ledger struct {
	nonces map[string]*counts
	floor  time.Time
}

// counts is a sliding window: bit i of seen stands for the count highest − i.
type counts struct {
	minted  time.Time
	highest uint32
	seen    uint64
}

func newUsage(life time.Duration) *usage {
	return &usage{life: life, accounts: make(map[string]*ledger)}
}

// use takes a count of a nonce. It is ErrStale if that was taken before, or is too old to tell.
func (u *usage) use(account, nonce string, minted time.Time, nc uint32, now time.Time) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sweep(now)
	l := u.accounts[account]
	if l == nil {
		l = &ledger{nonces: make(map[string]*counts)}
		u.accounts[account] = l
	}
	if l.floor.After(now) { // the clock was set back: rather a few counts forgotten than an account locked out
		l.floor = time.Time{}
	}
	c := l.nonces[nonce]
	if c == nil {
		if !minted.After(l.floor) {
			return fmt.Errorf("%w: forgotten since", ErrStale)
		}
		c = &counts{minted: minted}
		l.nonces[nonce] = c
		l.trim()
	}
	if !c.take(nc) {
		return fmt.Errorf("%w: nc=%08x of it again", ErrStale, nc)
	}
	return nil
}

// trim forgets the oldest nonce when there are too many.
func (l *ledger) trim() {
	if len(l.nonces) <= maxNonces {
		return
	}
	var oldest string
	for n, c := range l.nonces {
		if oldest == "" || c.minted.Before(l.nonces[oldest].minted) {
			oldest = n
		}
	}
	l.floor = l.nonces[oldest].minted
	delete(l.nonces, oldest)
}

// sweep forgets, once in a nonce's life, what is too old to be accepted anyway.
func (u *usage) sweep(now time.Time) {
	if age := now.Sub(u.swept); age >= 0 && age < u.life {
		return
	}
	u.swept = now
	for name, l := range u.accounts {
		for n, c := range l.nonces {
			if now.Sub(c.minted) >= u.life {
				delete(l.nonces, n)
			}
		}
		if len(l.nonces) == 0 && now.Sub(l.floor) >= u.life {
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
