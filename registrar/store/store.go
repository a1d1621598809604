// Package store keeps what the registrar must not forget: accounts, and the bindings of UDP phones.
//
//	registrar.db                   SQLite, in WAL mode; several processes may have it open
//	registrar.db.good              the last good copy: after each clean start and each change of accounts
//	registrar.db.damaged-<time>    set aside by a start that found it damaged
//	registrar.db.version-<n>-<time> before a migration, for whoever has to go back
//	registrar.db.lock, .good.lock  who has it open, who writes the copy
//
// SQLite's own check finds a broken structure; each row carries a checksum besides, since storage also flips bits
// inside of values.
//
// The server asks for accounts in memory (Account); the file is the truth behind them. Run looks at it:
//
//	account add, remove, rotate ──▶ registrar.db ──▶ look, four times a second ──▶ memory ──▶ Events.Changed
//	                                     └─ damaged, gone ──▶ repair, of the good copy or memory ──▶ Events.Repaired
//	                                     └─ no answer     ──▶ Current says so; memory still serves
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/dialplan/username"
	"ewindow/registrar/auth"
)

// An Account is what is kept of one: nothing from which its secret could be found.
type Account struct {
	Name      string // user part of the address-of-record
	Realm     string
	HA1MD5    string // lower-case hex, see auth.HA1
	HA1SHA256 string
	Created   time.Time // to the second

	SecretSince time.Time // when it was made or last given another secret
}

// What a caller may branch on. The errors that wrap them name the account and say what to do.
var (
	ErrExists  = errors.New("account exists already")
	ErrUnknown = errors.New("no such account")
	ErrName    = errors.New("not a name for an account")
	ErrRealm   = errors.New("accounts belong to one domain")
	ErrDamaged = errors.New("store is damaged")
)

// Config is what a Store is opened with.
type Config struct {
	Path string       // such as /var/lib/ewindow/registrar.db; its directory is made if missing
	Log  *slog.Logger // nil: none
}

// A Store is open. It may be used from several goroutines.
type Store struct {
	path string
	log  *slog.Logger
	now  func() time.Time
	lock *lock                  // nil while frozen
	db   atomic.Pointer[sql.DB] // another one after a repair
	book book
	eye  eye

	frozen  error       // why the disk cannot be written; nil unless this store is frozen
	suspect atomic.Bool // something has met damage: the next look examines everything

	mu      sync.Mutex
	pending map[bindingKey]noted // what Run has still to write
	wake    chan struct{}
}

// Close writes what is still to be written and closes the store.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	err := s.flush(ctx)
	return errors.Join(err, s.db.Load().Close(), s.eye.close(), s.lock.release()) // the eye last, see begin
}

// UseRealm says for which domain the accounts are. Their hashes are good for one only: if there are accounts of
// another, the error is ErrRealm and nothing changes.
func (s *Store) UseRealm(ctx context.Context, realm string) error {
	if realm == "" {
		return fmt.Errorf("%w: none is named; give --domain", ErrRealm)
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		old, err := getMeta(ctx, tx, metaRealm)
		if err != nil || old == realm {
			return err
		}
		n, err := getMeta(ctx, tx, metaAccounts)
		if err != nil {
			return err
		}
		if old != "" && n != "0" {
			return fmt.Errorf("%w: %s has %s for %q, not for %q; use --domain %s, or remove them and add them anew",
				ErrRealm, s.path, n, old, realm, old)
		}
		return setMeta(ctx, tx, metaRealm, realm)
	})
}

// Realm is what UseRealm set; empty if it never did.
func (s *Store) Realm(ctx context.Context) (string, error) {
	realm, err := getMeta(ctx, s.db.Load(), metaRealm)
	return realm, s.explain(err)
}

// AddAccount makes an account in the store's realm and returns its secret, which nobody can find out later.
// Errors: ErrExists, ErrName, ErrRealm (none is set).
// An account that is not in the last good copy too would be lost with the next damage: then it is not made at all.
func (s *Store) AddAccount(ctx context.Context, name string, now time.Time) (secret string, err error) {
	if !username.Valid(name) {
		return "", fmt.Errorf("%.80q is %w; use %s", name, ErrName, username.Rule)
	}
	secret = newSecret()
	err = s.change(ctx, func(tx *sql.Tx) error {
		realm, err := getMeta(ctx, tx, metaRealm)
		if err != nil {
			return err
		}
		if realm == "" {
			return fmt.Errorf("%w: none is set yet; give --domain", ErrRealm)
		}
		switch _, err := readAccount(ctx, tx, name); {
		case err == nil:
			return fmt.Errorf("%s: %w; `ewindow-registrar account rotate %s` gives it a new secret", name, ErrExists, name)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if err := writeAccount(ctx, tx, withSecret(Account{Name: name, Realm: realm, Created: now}, secret, now)); err != nil {
			return err
		}
		return count(ctx, tx, +1)
	})
	if err != nil {
		return "", err
	}
	if err := s.copyGood(ctx); err != nil {
		return "", errors.Join(fmt.Errorf("%s was not added: %w", name, err), s.remove(ctx, name))
	}
	return secret, nil
}

func withSecret(a Account, secret string, now time.Time) Account {
	a.HA1MD5 = auth.HA1(auth.MD5, a.Name, a.Realm, secret)
	a.HA1SHA256 = auth.HA1(auth.SHA256, a.Name, a.Realm, secret)
	a.SecretSince = now
	return a
}

// RotateAccount gives an account another secret and returns it. Error: ErrUnknown. A running server then ends what was
// begun with the old one. If the new secret cannot be in the last good copy too, the old one stays.
func (s *Store) RotateAccount(ctx context.Context, name string, now time.Time) (secret string, err error) {
	secret = newSecret()
	var old Account
	put := func(make func(Account) Account) error {
		return s.change(ctx, func(tx *sql.Tx) (err error) {
			if old, err = readAccount(ctx, tx, name); errors.Is(err, sql.ErrNoRows) {
				return unknown(name)
			} else if err != nil {
				return err
			}
			if err := writeAccount(ctx, tx, make(old)); err != nil {
				return err
			}
			return count(ctx, tx, 0)
		})
	}
	if err := put(func(a Account) Account { return withSecret(a, secret, now) }); err != nil {
		return "", err
	}
	before := old
	if err := s.copyGood(ctx); err != nil {
		return "", errors.Join(fmt.Errorf("%s keeps its old secret: %w", name, err), put(func(Account) Account { return before }))
	}
	return secret, nil
}

func unknown(name string) error {
	return fmt.Errorf("%.80q: %w; `ewindow-registrar account list` names those there are", name, ErrUnknown)
}

// RemoveAccount forgets an account and its bindings. Error: ErrUnknown.
func (s *Store) RemoveAccount(ctx context.Context, name string) error {
	if err := s.remove(ctx, name); err != nil {
		return err
	}
	if err := s.copyGood(ctx); err != nil {
		return fmt.Errorf("%s is removed, but would come back with the copy if the store were damaged; restart the registrar, which makes a new copy: %w",
			name, err)
	}
	return nil
}

func (s *Store) remove(ctx context.Context, name string) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM accounts WHERE name = ?`, name)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return unknown(name)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM bindings WHERE aor = ?`, name); err != nil {
			return err
		}
		return count(ctx, tx, -1)
	})
}

// count keeps the number of accounts, and the number of changes to them: by these a start sees that some are missing.
func count(ctx context.Context, tx *sql.Tx, by int) error {
	for key, by := range map[string]int{metaAccounts: by, metaChanges: 1} {
		old, err := getMeta(ctx, tx, key)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(old)
		if err != nil {
			return fmt.Errorf("%w: %s is %q", ErrDamaged, key, old)
		}
		if err := setMeta(ctx, tx, key, strconv.Itoa(n+by)); err != nil {
			return err
		}
	}
	return nil
}

// Accounts lists all, by name, as they are in the file.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	as, err := readAccounts(ctx, s.db.Load(), latest())
	return as, s.explain(err)
}

// change runs f in a transaction that nobody else writes beside.
func (s *Store) change(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.Load().BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	if err := f(tx); err != nil {
		return errors.Join(s.explain(err), tx.Rollback())
	}
	return s.explain(tx.Commit())
}

// explain adds to an error of the database which file it is about, and what to do.
func (s *Store) explain(err error) error {
	if isDamage(err) {
		s.suspect.Store(true)
	}
	switch {
	case err == nil, errors.Is(err, ErrExists), errors.Is(err, ErrUnknown), errors.Is(err, ErrRealm):
		return err
	case isDamage(err):
		return fmt.Errorf("%s: %w (%w); a running registrar repairs it within a minute, otherwise restart the registrar: it loads the last good copy", s.path, ErrDamaged, err)
	}
	return fmt.Errorf("store %s: %w", s.path, err)
}

// secretAlphabet has no two characters that are easily taken for one another; 32 of them are 5 bits each.
const secretAlphabet = "23456789abcdefghijkmnpqrstuvwxyz"

// newSecret makes 32 characters, 160 bits.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	for i := range b {
		b[i] = secretAlphabet[b[i]%32]
	}
	return string(b)
}
