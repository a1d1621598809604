package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ewindow/dialplan/wholefile"
)

// A store is frozen while its disk cannot be written, be it full or mounted read-only: SQLite would not open it, but the
// accounts in it can be read all the same. Nothing is kept meanwhile, and Current says why.
//
//	OpenToServe ─▶ Open ─ no, and the disk cannot be written ─▶ freeze: the file or its good copy, whichever knows more
//	                                                               │
//	Run ─▶ watch ─▶ every repairEvery: thaw ─▶ Open ─ yes ─────────┴─▶ an ordinary store, with all its accounts

// OpenToServe is Open for a server: where the disk cannot be written, the store is frozen rather than not open. Run says
// so.
func OpenToServe(ctx context.Context, c Config, now time.Time) (*Store, *Recovery, error) {
	s, r, err := Open(ctx, c, now)
	if err == nil {
		return s, r, nil
	}
	path, cannot := filepath.Abs(c.Path)
	if cannot == nil {
		cannot = writable(filepath.Dir(path))
	}
	if cannot == nil {
		return nil, r, err
	}
	s, none := freeze(ctx, path, c, cannot)
	if none != nil {
		return nil, r, fmt.Errorf("%w; there is no store that could be read instead: %w", cannot, none)
	}
	return s, nil, nil
}

// Frozen is why the disk cannot be written, as OpenToServe found it; nil if it can.
func (s *Store) Frozen() error { return s.frozen }

// freeze reads a store as it lies there. The file lacks what is only in its journal, the good copy what came after it;
// one of the two has seen all changes of accounts.
func freeze(ctx context.Context, path string, c Config, cannot error) (*Store, error) {
	best, from := found{changes: -1}, ""
	var wrong []error
	for _, name := range []string{path, path + ".good"} {
		have, err := examineCopy(ctx, name)
		if err == nil && have.changes > best.changes {
			best, from = have, name
		}
		wrong = append(wrong, err)
	}
	if from == "" {
		return nil, errors.Join(wrong...)
	}
	db, err := connect(from, "")
	if err != nil {
		return nil, err
	}
	s := newStore(path, c.Log)
	s.frozen = cannot
	s.db.Store(db)
	s.book.take(best, s.now())
	s.book.doubt(cannot)
	return s, nil
}

// thaw opens the store as usual, if that can be done by now.
func (s *Store) thaw(ctx context.Context, now time.Time) (r *Recovery, changed []string, err error) {
	if now.Sub(s.eye.tried) < repairEvery {
		return nil, nil, s.frozen
	}
	s.eye.tried = now
	if cannot := writable(filepath.Dir(s.path)); cannot != nil {
		s.frozen = cannot
		return nil, nil, cannot
	}
	open, r, err := Open(ctx, Config{Path: s.path, Log: s.log}, now)
	if err != nil {
		return nil, nil, err
	}
	_ = s.db.Swap(open.db.Load()).Close() // it was only read
	s.lock, s.eye, s.frozen = open.lock, open.eye, nil
	return r, s.book.take(open.book.found(), now), nil
}

// writable says why nothing can be written in a directory, in the system's words; nil if it can.
func writable(dir string) error {
	name, err := tempFile(filepath.Join(dir, "probe"))
	if err == nil {
		defer os.Remove(name)
		if err = os.WriteFile(name, make([]byte, 64<<10), 0o600); err == nil { // more than a file's own block, or a few
			err = wholefile.Sync(name)
		}
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // the name of the probe says nothing
	}
	if err != nil {
		return fmt.Errorf("the directory %s cannot be written: %w", dir, err)
	}
	return nil
}
