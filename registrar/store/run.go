package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Events are what a running store tells, from one goroutine.
type Events struct {
	Changed  func(account string) // was made, removed or given another secret
	Repaired func(*Recovery)      // say it loudly, and Note all bindings: the new file has none
}

// sayEvery is how often a trouble that lasts is said again: a log must not fill the disk that may be the trouble.
const sayEvery = 10 * time.Minute

// Run watches the file and writes noted bindings in groups until ctx is done, then the rest, and returns nil. Nothing
// that goes wrong with the file ends it: logins go on with the accounts in memory, and bindings are written later.
func (s *Store) Run(ctx context.Context, e Events) error {
	var writing sync.WaitGroup
	writing.Go(func() { s.write(ctx) })
	defer writing.Wait()
	var said nag
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			r, changed, err := s.watch(ctx, now)
			if r != nil && e.Repaired != nil {
				e.Repaired(r)
			}
			for _, name := range changed {
				if e.Changed != nil {
					e.Changed(name)
				}
			}
			if ctx.Err() != nil {
				return nil
			}
			if said.due(err, now) {
				s.log.Error("the store cannot be used; accounts that are in memory can log in, no others", "path", s.path, "err", err)
			} else if said.over(err) {
				s.log.Info("the store can be used again", "path", s.path)
			}
		}
	}
}

// watch looks once, and repairs the file if that is what it takes.
func (s *Store) watch(ctx context.Context, now time.Time) (r *Recovery, changed []string, err error) {
	if s.frozen != nil {
		if r, changed, err = s.thaw(ctx, now); err != nil {
			s.book.doubt(err)
		}
		return r, changed, err
	}
	changed, err = s.look(ctx, now)
	if err == nil || ctx.Err() != nil {
		return nil, changed, nil
	}
	s.book.doubt(s.explain(err))
	if isDamage(err) && now.Sub(s.eye.tried) >= repairEvery {
		s.eye.tried = now
		if r, changed, err = s.repair(ctx, err, now); err == nil {
			return r, changed, nil
		}
		s.book.doubt(s.explain(err))
	}
	return nil, nil, s.Current()
}

// repair makes the file anew, of the last good copy or of the book if that knows more, and sets the damaged one aside.
func (s *Store) repair(ctx context.Context, damage error, now time.Time) (r *Recovery, changed []string, err error) {
	if !s.lock.raise() {
		return nil, nil, fmt.Errorf("%w; another process has it open, and it can be repaired when that has ended", damage)
	}
	defer func() { err = errors.Join(err, s.lock.share()) }()
	// Closed first: the last connection to a database removes its journal by name, and that would be the new one's.
	_ = s.eye.close()
	_ = s.db.Load().Close()
	s.eye.broken, s.eye.tried = damage, now
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, nil, err
	}
	r = &Recovery{Damage: damage}
	db, have, err := r.restore(ctx, s.path, s.book.found(), now)
	if err != nil {
		return nil, nil, err
	}
	s.db.Store(db)
	if have.version < latest() {
		if err := s.upgrade(ctx, have.version, now); err != nil {
			return nil, nil, err
		}
	}
	// Its bindings are as old as the copy: whoever hears of the repair notes those that hold.
	if _, err := db.ExecContext(ctx, `DELETE FROM bindings`); err != nil {
		return nil, nil, s.explain(err)
	}
	if changed, err = s.begin(ctx); err != nil {
		return nil, nil, s.explain(err)
	}
	if err := s.copyGood(ctx); err != nil {
		s.log.Error("no last good copy of the store could be made; running on", "path", s.path, "err", err)
	}
	return r, changed, nil
}

// A nag tells of a trouble when it begins, and again while it lasts.
type nag struct {
	on   bool
	last time.Time
}

func (n *nag) due(err error, now time.Time) bool {
	if err == nil || n.on && now.Sub(n.last) < sayEvery {
		return false
	}
	n.on, n.last = true, now
	return true
}

func (n *nag) over(err error) bool {
	if err != nil || !n.on {
		return false
	}
	*n = nag{}
	return true
}
