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
	"strings"
	"time"
)

// A Recovery says what Open had to do because a file was damaged. Log it loudly: String says all in one line.
type Recovery struct {
	Damage   error     // what was wrong
	SetAside []string  // the damaged files, under their new names
	From     string    // the last good copy that was loaded; empty if there was none: the store is empty now
	Copied   time.Time // when that copy was made
}

func (r *Recovery) String() string {
	s := fmt.Sprintf("the registrar's store could not be used (%v)", r.Damage)
	if len(r.SetAside) > 0 {
		s += "; it is set aside as " + strings.Join(r.SetAside, ", ")
	}
	if r.From == "" {
		return s + "; there is no good copy: the store is EMPTY now, put back a copy of your own or add every account again"
	}
	return s + fmt.Sprintf("; loaded the last good copy %s of %s: look whether all accounts are there, and have the disk checked",
		r.From, r.Copied.UTC().Format(time.RFC3339))
}

// Open opens the store, makes it if it does not exist, and checks every page and row. If it is damaged, its files
// are set aside and the last good copy is loaded, or, if that is damaged too, an empty one: r is then not nil.
//
// A store that another process has open is not repaired: that process would go on with the damaged file. The error
// is ErrDamaged then.
func Open(ctx context.Context, c Config, now time.Time) (s *Store, r *Recovery, err error) {
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("store: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, fmt.Errorf("store: %w", err)
	}
	l, err := acquire(ctx, path+".lock", true)
	if err != nil {
		return nil, nil, fmt.Errorf("store %s: %w", path, err)
	}
	db, r, err := openOrRecover(ctx, path, l.alone, now)
	if err != nil {
		return nil, r, errors.Join(err, l.release())
	}
	s = &Store{path: path, log: c.Log, db: db, lock: l, pending: make(map[bindingKey]noted), wake: make(chan struct{}, 1)}
	if s.find, err = db.PrepareContext(ctx, selectAccount); err != nil {
		return nil, r, errors.Join(s.explain(err), db.Close(), l.release())
	}
	if l.alone {
		sweep(path)
		if err := s.copyGood(ctx); err != nil {
			c.Log.Error("no last good copy of the store could be made; running on", "path", path, "err", err)
		}
	}
	return s, r, l.share()
}

func openOrRecover(ctx context.Context, path string, alone bool, now time.Time) (*sql.DB, *Recovery, error) {
	db, changes, err := openChecked(ctx, path)
	if err == nil && alone {
		if err = olderThanCopy(ctx, path, changes); err != nil {
			db.Close()
		}
	}
	switch {
	case err == nil:
		return db, nil, nil
	case errors.Is(err, fs.ErrNotExist):
		if !exists(path + ".good") {
			if err := create(ctx, path); err != nil && !errors.Is(err, fs.ErrExist) {
				return nil, nil, fmt.Errorf("make store %s: %w", path, err)
			}
			db, _, err = openChecked(ctx, path)
			return db, nil, err
		}
		err = fmt.Errorf("%w: %s is missing", ErrDamaged, path)
	case !isDamage(err):
		return nil, nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if !alone {
		return nil, nil, fmt.Errorf("store %s cannot be repaired while another process has it open: %w; restart the registrar: it loads the last good copy",
			path, err)
	}
	return restore(ctx, path, err, now)
}

// openChecked opens a database that exists, and closes it again if it is not sound. It returns how often accounts
// were changed in it.
func openChecked(ctx context.Context, path string) (*sql.DB, int, error) {
	if err := examineHeader(path); err != nil {
		return nil, 0, err
	}
	db, err := connect(path, "WAL")
	if err != nil {
		return nil, 0, err
	}
	changes, err := examine(ctx, db)
	if err != nil {
		return nil, 0, errors.Join(err, db.Close())
	}
	return db, changes, nil
}

// connect opens a pool of connections. Writers wait for one another for up to five seconds. Without a journal the
// file is only read and nobody may be writing to it.
func connect(path, journal string) (*sql.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(5000)", "cell_size_check(1)", "trusted_schema(0)"}}
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

// examineCopy looks at a file that nobody writes to, and leaves it as it is.
func examineCopy(ctx context.Context, path string) (changes int, err error) {
	if err := examineHeader(path); err != nil {
		return 0, err
	}
	db, err := connect(path, "")
	if err != nil {
		return 0, err
	}
	changes, err = examine(ctx, db)
	return changes, errors.Join(err, db.Close())
}

// create makes an empty store in a file of its own and then gives it its name: an empty file of that name is damage.
func create(ctx context.Context, path string) error {
	tmp, err := tempFile(path)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	db, err := connect(tmp, "DELETE")
	if err != nil {
		return err
	}
	if err := fill(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := syncFile(tmp); err != nil {
		return err
	}
	if err := os.Link(tmp, path); err != nil { // unlike a rename, it replaces nothing
		return err
	}
	return syncFile(filepath.Dir(path))
}

func fill(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, table := range schema() {
		if _, err := tx.ExecContext(ctx, table); err != nil {
			return err
		}
	}
	for key, value := range map[string]string{metaVersion: version, metaRealm: "", metaAccounts: "0", metaChanges: "0"} {
		if err := setMeta(ctx, tx, key, value); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// olderThanCopy finds a store that has lost changes which its copy still has, as when its WAL was damaged.
func olderThanCopy(ctx context.Context, path string, changes int) error {
	if copied, err := examineCopy(ctx, path+".good"); err == nil && copied > changes {
		return fmt.Errorf("%w: it has seen %d changes of accounts, its last good copy %d", ErrDamaged, changes, copied)
	}
	return nil
}

// restore sets a damaged store aside and loads the last good copy or, failing that, an empty store.
func restore(ctx context.Context, path string, damage error, now time.Time) (*sql.DB, *Recovery, error) {
	r := &Recovery{Damage: damage}
	if err := r.setAside(path, now); err != nil {
		return nil, r, fmt.Errorf("store %s is damaged (%w) and cannot be set aside: %w", path, damage, err)
	}
	good := path + ".good"
	fi, err := os.Stat(good)
	if err == nil {
		if err = adopt(ctx, good, path); err == nil {
			r.From, r.Copied = good, fi.ModTime()
		} else if !isDamage(err) {
			return nil, r, fmt.Errorf("load the last good copy %s: %w", good, err)
		} else {
			r.Damage = fmt.Errorf("%w; so is its last good copy: %w", damage, err)
			err = r.setAside(good, now)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, r, fmt.Errorf("set aside %s: %w", good, err)
	}
	if r.From == "" {
		if err := create(ctx, path); err != nil {
			return nil, r, fmt.Errorf("make store %s: %w", path, err)
		}
	}
	db, _, err := openChecked(ctx, path)
	if err != nil {
		return nil, r, fmt.Errorf("open store %s: %w", path, err)
	}
	return db, r, nil
}

// setAside renames a damaged file, and its journal with it: left behind, that would be applied to the new one.
func (r *Recovery) setAside(path string, now time.Time) error {
	base := path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	for name, n := base, 2; ; n++ {
		if !exists(name) {
			base = name
			break
		}
		name = fmt.Sprintf("%s-%d", base, n)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := os.Rename(path+suffix, base+suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		r.SetAside = append(r.SetAside, base+suffix)
	}
	return syncFile(filepath.Dir(path))
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
	return replace(tmp, path)
}
