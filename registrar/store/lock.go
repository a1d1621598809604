package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A lock is a lock on a file, by which processes know of one another. It goes with the process.
type lock struct {
	f     *os.File
	alone bool // nobody else holds it
}

// acquire takes a lock alone if nobody has it, else shared if that will do; it waits for whoever is in the way.
func acquire(ctx context.Context, path string, sharedWillDo bool) (*lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ways := []int{unix.LOCK_EX, unix.LOCK_SH}
	if !sharedWillDo {
		ways = ways[:1]
	}
	for {
		for _, how := range ways {
			err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
			if err == nil {
				return &lock{f: f, alone: how == unix.LOCK_EX}, nil
			}
			if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
				return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
			}
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("another process holds %s: %w", path, ctx.Err()), f.Close())
		case <-tick.C:
		}
	}
}

// share lets others in.
func (l *lock) share() error {
	l.alone = false
	return unix.Flock(int(l.f.Fd()), unix.LOCK_SH)
}

// raise takes the lock alone, if nobody else has it at this moment.
func (l *lock) raise() bool {
	if unix.Flock(int(l.f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		_ = l.share() // the attempt may have cost us our share
		return false
	}
	l.alone = true
	return true
}

func (l *lock) release() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}
