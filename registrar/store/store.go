// Package store keeps what the registrar must not forget: accounts, and the bindings of UDP phones.
//
// It is one SQLite file, with a last good copy beside it. Several processes may have it open: what `account add`
// writes, the running server reads at its next question.
package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"ewindow/registrar/location"
)

// An Account is what is kept of one: nothing from which its secret could be found.
type Account struct {
	Name      string // user part of the address-of-record
	Realm     string
	HA1MD5    string // lower-case hex, see auth.HA1
	HA1SHA256 string
	Created   time.Time
}

// What a caller may branch on. The errors that wrap them name the account and say what to do.
var (
	ErrExists  = errors.New("account exists already")
	ErrUnknown = errors.New("no such account")
	ErrName    = errors.New("not a name for an account")
	ErrRealm   = errors.New("the accounts belong to another domain")
)

// A Recovery says what Open had to do because a file was damaged. Log it loudly: String says all in one line.
type Recovery struct {
	Damage   error     // what was wrong with the store
	SetAside []string  // the damaged files, under their new names
	From     string    // the last good copy that was loaded; empty if there was none: the store is empty now
	Copied   time.Time // when that copy was made
}

func (r *Recovery) String() string { return "" }

// Config is what a Store is opened with.
type Config struct {
	Path string       // such as /var/lib/ewindow/registrar.db; its directory is made if missing
	Log  *slog.Logger // nil: none
}

// A Store is open. It may be used from several goroutines.
type Store struct{}

// Open opens the store, makes it if it does not exist, and checks every page and row. If it is damaged, its files
// are set aside and the last good copy is loaded, or, if that is damaged too, an empty one: r is then not nil.
func Open(ctx context.Context, c Config, now time.Time) (s *Store, r *Recovery, err error) { panic("skeleton") }

// Close writes what is still to be written and closes the store.
func (s *Store) Close() error { panic("skeleton") }

// UseRealm says for which domain the accounts are. Their hashes are good for one only: if there are accounts of
// another, the error is ErrRealm and nothing changes.
func (s *Store) UseRealm(ctx context.Context, realm string) error { panic("skeleton") }

// Realm is what UseRealm set; empty if it never did.
func (s *Store) Realm(ctx context.Context) (string, error) { panic("skeleton") }

// AddAccount makes an account in the store's realm and returns its secret, which nobody can find out later.
// Errors: ErrExists, ErrName, ErrRealm (none is set).
func (s *Store) AddAccount(ctx context.Context, name string, now time.Time) (secret string, err error) {
	panic("skeleton")
}

// RemoveAccount forgets an account and its bindings. Error: ErrUnknown.
func (s *Store) RemoveAccount(ctx context.Context, name string) error { panic("skeleton") }

// Account finds one account. Error: ErrUnknown.
func (s *Store) Account(ctx context.Context, name string) (Account, error) { panic("skeleton") }

// Accounts lists all, by name.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) { panic("skeleton") }

// Bindings returns the UDP bindings that hold at now, for location.Table.Restore.
func (s *Store) Bindings(ctx context.Context, now time.Time) ([]location.Binding, error) {
	panic("skeleton")
}

// Note remembers a change until Run writes it. It never blocks; give it to location.Config.Changed.
func (s *Store) Note(c location.Change) { panic("skeleton") }

// Run writes noted changes in groups until ctx is done, then the rest, and returns nil.
func (s *Store) Run(ctx context.Context) error { panic("skeleton") }
