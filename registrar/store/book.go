package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// How closely Run watches the file.
const (
	lookEvery     = 250 * time.Millisecond
	lookWithin    = 2 * time.Second  // a file that does not answer for so long cannot be read
	staleAfter    = 3 * time.Second  // without a look that went well
	examineWithin = 30 * time.Second // on a slow card, with thousands of accounts
	examineEvery  = 10 * time.Second // every page and row is read anew: what sits in a cache says nothing of the file
	repairEvery   = 5 * time.Second  // while a repair fails
)

// A book is the accounts in memory: as the file last had them.
type book struct {
	mu      sync.RWMutex
	have    found
	byName  map[string]Account
	agreed  time.Time // when the file was last seen to say the same
	trouble error     // why it cannot be read since then
}

// Account finds an account in memory.
func (s *Store) Account(name string) (Account, bool) {
	s.book.mu.RLock()
	defer s.book.mu.RUnlock()
	a, ok := s.book.byName[name]
	return a, ok
}

// Current is nil if Account says what the file holds. Otherwise an account may have been made, changed or removed
// since, and the error says why that is not known. It is for a store that runs.
func (s *Store) Current() error {
	s.book.mu.RLock()
	defer s.book.mu.RUnlock()
	if s.book.trouble != nil {
		return s.book.trouble
	}
	if silent := s.now().Sub(s.book.agreed); silent > staleAfter {
		return fmt.Errorf("store %s has not answered for %s", s.path, silent.Round(time.Second))
	}
	return nil
}

// take puts what was read into the book, and names the accounts that were made, removed or given another secret.
func (b *book) take(have found, now time.Time) (changed []string) {
	byName := make(map[string]Account, len(have.accounts))
	for _, a := range have.accounts {
		byName[a.Name] = a
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, old := range b.byName {
		if a, ok := byName[name]; !ok || a.HA1MD5 != old.HA1MD5 || a.HA1SHA256 != old.HA1SHA256 || a.Realm != old.Realm {
			changed = append(changed, name)
		}
	}
	for name := range byName {
		if _, ok := b.byName[name]; !ok {
			changed = append(changed, name)
		}
	}
	b.have, b.byName, b.agreed, b.trouble = have, byName, now, nil
	return changed
}

func (b *book) agree(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.agreed, b.trouble = now, nil
}

func (b *book) doubt(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble = err
}

func (b *book) found() found {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.have
}

// An eye is what look keeps of the file between two looks. It belongs to Open, then to Run, then to Close.
type eye struct {
	db       *sql.DB // a single connection: data_version tells what others have written since it last asked
	file     *os.File
	version  int64 // data_version
	examined time.Time
	broken   error // the damage that could not be repaired yet
	tried    time.Time
}

// begin reads the accounts of a file that has just been opened and examined.
func (s *Store) begin(ctx context.Context) (changed []string, err error) {
	e := eye{examined: s.now()}
	// The file stays open to the end: closing it would take SQLite's own locks away, which POSIX counts by process.
	if e.file, err = os.Open(s.path); err != nil {
		return nil, err
	}
	if e.db, err = connectFor(s.path, "WAL", lookWithin/4); err == nil {
		e.db.SetMaxOpenConns(1)
		err = e.dataVersion(ctx, &e.version)
	}
	var have found
	if err == nil {
		have, err = e.read(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	s.eye = e
	return s.book.take(have, s.now()), nil
}

func (e *eye) close() error {
	var err error
	if e.db != nil {
		err = e.db.Close()
	}
	if e.file != nil {
		err = errors.Join(err, e.file.Close())
	}
	*e = eye{}
	return err
}

func (e *eye) dataVersion(ctx context.Context, v *int64) error {
	return e.db.QueryRowContext(ctx, `PRAGMA data_version`).Scan(v)
}

// read reads all accounts as they are at one moment.
func (e *eye) read(ctx context.Context) (found, error) {
	tx, err := e.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return found{}, err
	}
	defer tx.Rollback() // nothing was written
	return readAll(ctx, tx, latest())
}

// standing finds a file that was removed, replaced or overwritten under the open database.
func (e *eye) standing(path string) error {
	at, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing", ErrDamaged, path)
	}
	if err != nil {
		return err
	}
	ours, err := e.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(at, ours) {
		return fmt.Errorf("%w: another file has taken its place", ErrDamaged)
	}
	return checkHeader(io.NewSectionReader(e.file, 0, headerSize))
}

// look brings the book up to date. It returns what changed, or why the file cannot be read.
func (s *Store) look(ctx context.Context, now time.Time) (changed []string, err error) {
	if s.eye.broken != nil {
		return nil, s.eye.broken
	}
	if err := s.eye.standing(s.path); err != nil {
		return nil, err
	}
	soon, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	var version int64
	if err := s.eye.dataVersion(soon, &version); err != nil {
		return nil, err
	}
	var have found
	age := now.Sub(s.eye.examined)
	switch due := age >= examineEvery || age < 0 || s.suspect.Swap(false); {
	case due:
		if have, err = s.examineAnew(ctx); err != nil {
			s.suspect.Store(true)
			return nil, err
		}
		s.eye.examined = now
	case version == s.eye.version:
		s.book.agree(now)
		return nil, nil
	default:
		if have, err = s.eye.read(soon); err != nil {
			return nil, err
		}
	}
	if have.version != latest() {
		return nil, fmt.Errorf("%w: a store of version %d has taken its place", ErrDamaged, have.version)
	}
	if known := s.book.found(); have.changes < known.changes {
		return nil, fmt.Errorf("%w: it has seen %d changes of accounts, and had seen %d before", ErrDamaged, have.changes, known.changes)
	}
	s.eye.version = version
	return s.book.take(have, now), nil
}

// examineAnew reads everything over a connection that has nothing of it in its memory.
func (s *Store) examineAnew(ctx context.Context) (found, error) {
	ctx, cancel := context.WithTimeout(ctx, examineWithin)
	defer cancel()
	db, err := connectFor(s.path, "WAL", lookWithin/4)
	if err != nil {
		return found{}, err
	}
	have, err := examine(ctx, db)
	return have, errors.Join(err, db.Close())
}
