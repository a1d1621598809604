package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ewindow/dialplan/wholefile"
)

// A Recovery says what had to be done because a file was damaged. Log it loudly: String says all in one line.
type Recovery struct {
	Damage   error     // what was wrong
	SetAside []string  // the damaged files, under their new names
	From     string    // the last good copy that was loaded, or memory; empty if there was neither: the store is empty now
	Copied   time.Time // when that copy was made; zero for memory
}

// memory as a Recovery's From: the registrar was running and knew all accounts.
const memory = "memory"

// String says what happened and what to do, in one line.
func (r *Recovery) String() string {
	s := fmt.Sprintf("the registrar's store could not be used (%v)", r.Damage)
	if len(r.SetAside) > 0 {
		s += "; it is set aside as " + strings.Join(r.SetAside, ", ")
	}
	switch r.From {
	case "":
		return s + "; there is no good copy: the store is EMPTY now, put back a copy of your own or add every account again"
	case memory:
		return s + "; it is made anew of what the running registrar knew, no account is lost: have the disk checked"
	}
	return s + fmt.Sprintf("; loaded the last good copy %s of %s: look whether all accounts are there, and have the disk checked",
		r.From, r.Copied.UTC().Format(time.RFC3339))
}

// Open opens the store, makes it if it does not exist, and checks every page and row. If it is damaged, its files
// are set aside and the last good copy is loaded, or, if that is damaged too, an empty one: r is then not nil. A store
// of an older version of this program is migrated, and a copy of it is kept; one of a newer version is refused.
//
// A store that another process has open is neither repaired nor migrated: that process would go on with the old file.
// Where the disk cannot be written the error says so: SQLite has only numbers for it.
func Open(ctx context.Context, c Config, now time.Time) (s *Store, r *Recovery, err error) {
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("store: %w", err)
	}
	if s, r, err = openAt(ctx, path, c, now); err != nil {
		if cannot := writable(filepath.Dir(path)); cannot != nil {
			err = fmt.Errorf("%w; %w", cannot, err)
		}
	}
	return s, r, err
}

func openAt(ctx context.Context, path string, c Config, now time.Time) (s *Store, r *Recovery, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, fmt.Errorf("store: %w", err)
	}
	l, err := acquire(ctx, path+".lock", true)
	if err != nil {
		return nil, nil, fmt.Errorf("store %s: %w", path, err)
	}
	db, have, r, err := openOrRecover(ctx, path, l.alone, now)
	if err != nil {
		return nil, r, errors.Join(err, l.release())
	}
	s = newStore(path, c.Log)
	s.lock = l
	s.db.Store(db)
	if have.version < latest() {
		if err := s.upgrade(ctx, have.version, now); err != nil {
			return nil, r, errors.Join(err, db.Close(), l.release())
		}
	}
	if _, err := s.begin(ctx); err != nil {
		return nil, r, errors.Join(s.explain(err), db.Close(), l.release())
	}
	if l.alone {
		sweep(path)
		if err := s.copyGood(ctx); err != nil {
			s.log.Error("no last good copy of the store could be made; running on", "path", path, "err", err)
		}
	}
	return s, r, l.share()
}

// Exists is true where Open would make no new store, or where nobody may look whether it would.
func Exists(path string) bool { return mayExist(path) || mayExist(path+".good") }

func newStore(path string, log *slog.Logger) *Store {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Store{path: path, log: log, pending: make(map[bindingKey]noted), wake: make(chan struct{}, 1), now: time.Now}
}

// upgrade migrates the store from an older version.
func (s *Store) upgrade(ctx context.Context, from int, now time.Time) error {
	if !s.lock.alone {
		return fmt.Errorf("store %s has version %d, and another process has it open: restart the registrar, which migrates it to version %d",
			s.path, from, latest())
	}
	backup, err := upgrade(ctx, s.db.Load(), s.path, from, now)
	if err != nil {
		return fmt.Errorf("migrate store %s from version %d to %d: %w; nothing has changed", s.path, from, latest(), err)
	}
	s.log.Info("the store was migrated", "path", s.path, "from", from, "to", latest(), "copy", backup)
	return nil
}

func openOrRecover(ctx context.Context, path string, alone bool, now time.Time) (*sql.DB, found, *Recovery, error) {
	db, have, err := openChecked(ctx, path)
	if err == nil && alone {
		if err = olderThanCopy(ctx, path, have.changes); err != nil {
			db.Close()
		}
	}
	switch {
	case err == nil:
		return db, have, nil, nil
	case errors.Is(err, fs.ErrNotExist):
		if !mayExist(path + ".good") {
			if err := create(ctx, path, found{}); err != nil && !errors.Is(err, fs.ErrExist) {
				return nil, found{}, nil, fmt.Errorf("make store %s: %w", path, err)
			}
			if db, have, err = openChecked(ctx, path); err != nil {
				err = fmt.Errorf("open store %s, which has just been made: %w", path, err)
			}
			return db, have, nil, err
		}
		err = fmt.Errorf("%w: %s is missing", ErrDamaged, path)
	case !isDamage(err):
		return nil, found{}, nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if !alone {
		return nil, found{}, nil, fmt.Errorf("store %s cannot be repaired while another process has it open: %w; a running registrar repairs it within a minute, otherwise restart the registrar: it loads the last good copy",
			path, err)
	}
	r := &Recovery{Damage: err}
	db, have, err = r.restore(ctx, path, found{changes: -1}, now)
	return db, have, r, err
}

// openChecked opens a database that exists, and closes it again if it is not sound.
func openChecked(ctx context.Context, path string) (*sql.DB, found, error) {
	if err := examineHeader(path); err != nil {
		return nil, found{}, err
	}
	db, err := connect(path, "WAL")
	if err != nil {
		return nil, found{}, err
	}
	have, err := examine(ctx, db)
	if err != nil {
		return nil, found{}, errors.Join(err, db.Close())
	}
	return db, have, nil
}

// connect opens a pool of connections. Writers wait for one another for up to five seconds. Without a journal the
// file is only read and nobody may be writing to it.
func connect(path, journal string) (*sql.DB, error) {
	return connectFor(path, journal, 5*time.Second)
}

func connectFor(path, journal string, busy time.Duration) (*sql.DB, error) {
	q := url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), "cell_size_check(1)", "trusted_schema(0)"}}
	if journal == "" {
		q.Set("immutable", "1")
	} else {
		q["_pragma"] = append(q["_pragma"], "journal_mode("+journal+")", "synchronous(FULL)")
		q.Set("_txlock", "immediate")
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	return db, nil
}

// Examine says what is wrong with a store that nobody has open: nil if it is sound, each page and row of it.
func Examine(ctx context.Context, path string) error {
	_, err := examineCopy(ctx, path)
	return err
}

// examineCopy looks at a file that nobody writes to, and leaves it as it is.
func examineCopy(ctx context.Context, path string) (found, error) {
	if err := examineHeader(path); err != nil {
		return found{}, err
	}
	db, err := connect(path, "")
	if err != nil {
		return found{}, err
	}
	have, err := examine(ctx, db)
	return have, errors.Join(err, db.Close())
}

// create makes a store of some accounts, or of none, in a file of its own and then gives it its name: an empty file of
// that name is damage.
func create(ctx context.Context, path string, of found) error {
	tmp, err := tempFile(path)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	db, err := connect(tmp, "DELETE")
	if err != nil {
		return err
	}
	if err := fill(ctx, db, of); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := wholefile.Sync(tmp); err != nil {
		return err
	}
	if err := os.Link(tmp, path); err != nil { // unlike a rename, it replaces nothing
		return err
	}
	return wholefile.Sync(filepath.Dir(path))
}

func fill(ctx context.Context, db *sql.DB, of found) error {
	if err := migrate(ctx, db, 0, latest()); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // without effect after Commit
	for _, a := range of.accounts {
		if err := writeAccount(ctx, tx, a); err != nil {
			return err
		}
	}
	for key, value := range map[string]string{metaRealm: of.realm, metaAccounts: strconv.Itoa(len(of.accounts)), metaChanges: strconv.Itoa(of.changes)} {
		if err := setMeta(ctx, tx, key, value); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// olderThanCopy finds a store that has lost changes which its copy still has, as when its WAL was damaged.
func olderThanCopy(ctx context.Context, path string, changes int) error {
	if copied, err := examineCopy(ctx, path+".good"); err == nil && copied.changes > changes {
		return fmt.Errorf("%w: it has seen %d changes of accounts, its last good copy %d", ErrDamaged, changes, copied.changes)
	}
	return nil
}

// restore sets a damaged store aside and loads the last good copy. If that is older than what is known, or damaged too,
// the store is made of what is known; nothing is known if known.changes is negative.
func (r *Recovery) restore(ctx context.Context, path string, known found, now time.Time) (_ *sql.DB, _ found, err error) {
	if err := r.setAside(path, now); err != nil {
		return nil, found{}, fmt.Errorf("store %s is damaged (%w) and cannot be set aside: %w", path, r.Damage, err)
	}
	defer func() {
		if err != nil { // what was only half made is worth nothing, and the next try would keep it as if it were
			removeStore(path)
		}
	}()
	if err := r.loadCopy(ctx, path, known.changes, now); err != nil {
		return nil, found{}, err
	}
	if r.From == "" {
		if known.changes >= 0 {
			r.From = memory
		} else {
			known.changes = 0
		}
		if err := create(ctx, path, known); err != nil {
			return nil, found{}, fmt.Errorf("make store %s: %w", path, err)
		}
	}
	db, have, err := openChecked(ctx, path)
	if err != nil {
		return nil, found{}, fmt.Errorf("open store %s: %w", path, err)
	}
	return db, have, nil
}

// loadCopy makes the last good copy the store, if it is sound and has seen so many changes at least.
func (r *Recovery) loadCopy(ctx context.Context, path string, changes int, now time.Time) error {
	good := path + ".good"
	fi, err := os.Stat(good)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("load the last good copy: %w", err)
	}
	if have, err := examineCopy(ctx, good); err == nil && have.changes < changes {
		return nil
	}
	err = adopt(ctx, good, path)
	if err == nil {
		r.From, r.Copied = good, fi.ModTime()
		return nil
	}
	if !isDamage(err) {
		return fmt.Errorf("load the last good copy %s: %w", good, err)
	}
	r.Damage = fmt.Errorf("%w; so is its last good copy: %w", r.Damage, err)
	if err := r.setAside(good, now); err != nil {
		return fmt.Errorf("set aside %s: %w", good, err)
	}
	return nil
}

// stampFormat is how moments stand in names of files.
const stampFormat = "20060102T150405Z"

// unused is a name that nothing has yet.
func unused(name string) string {
	free := name
	for n := 2; exists(free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	return free
}

// parts are what the name of each file of a store ends in: the database, its journal and the index of that.
var parts = []string{"", "-wal", "-shm"}

func removeStore(path string) {
	for _, suffix := range parts {
		os.Remove(path + suffix)
	}
}

// setAside renames a damaged file, and its journal with it: left behind, that would be applied to the new one.
func (r *Recovery) setAside(path string, now time.Time) error {
	base := unused(path + ".damaged-" + now.UTC().Format(stampFormat))
	for _, suffix := range parts {
		err := os.Rename(path+suffix, base+suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		r.SetAside = append(r.SetAside, base+suffix)
	}
	return wholefile.Sync(filepath.Dir(path))
}

// adopt makes a checked copy of the last good copy the store.
func adopt(ctx context.Context, good, path string) error {
	tmp, err := tempFile(path)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if err := copyFile(good, tmp); err != nil {
		return err
	}
	if _, err := examineCopy(ctx, tmp); err != nil {
		return err
	}
	return wholefile.Adopt(tmp, path)
}
