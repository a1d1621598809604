package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"ewindow/registrar/pki"
	"ewindow/registrar/store"
)

// stateFlags say where the registrar keeps what it must not forget.
type stateFlags struct {
	State string `help:"Directory for accounts, keys and certificates." default:"/var/lib/ewindow-registrar" placeholder:"DIR"`
}

func (f stateFlags) store() string { return filepath.Join(f.State, "registrar.db") }
func (f stateFlags) pki() string   { return filepath.Join(f.State, "pki") }

type accountCmd struct {
	Add    accountAddCmd    `cmd:"" help:"Make an account and print its secret, once."`
	List   accountListCmd   `cmd:"" help:"List the accounts."`
	Rotate accountRotateCmd `cmd:"" help:"Give an account another secret and print it, once; its registrations and calls end within a second."`
	Remove accountRemoveCmd `cmd:"" help:"Remove an account; its registrations and calls end within a second."`
}

type accountFlags struct {
	stateFlags
	Domain string `help:"Domain of the accounts. Needed once, before the registrar has run." placeholder:"NAME"`
}

// open opens the store for one command. A damaged one is repaired, and that is said.
func (f accountFlags) open(ctx context.Context, s streams) (*store.Store, error) {
	if err := os.MkdirAll(f.State, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	db, recovery, err := store.Open(ctx, store.Config{Path: f.store(), Log: slog.New(slog.DiscardHandler)}, time.Now())
	if err != nil {
		return nil, err
	}
	if recovery != nil {
		fmt.Fprintf(s.err, "ewindow-registrar: %v\n", recovery)
	}
	if f.Domain != "" {
		if err := db.UseRealm(ctx, f.Domain); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

type accountAddCmd struct {
	Name string `arg:"" help:"Name of the account: the label of a space or phone in the dialplan."`
	accountFlags
}

// Run prints the secret alone on a line, so that a script can take it.
func (c *accountAddCmd) Run(s streams) (err error) {
	ctx := context.Background()
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if realm, err := db.Realm(ctx); err != nil {
		return err
	} else if realm == "" {
		return errors.New("the domain of the accounts is not known yet; give the registrar's with --domain NAME")
	}
	secret, err := db.AddAccount(ctx, c.Name, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, secret)
	return nil
}

type accountRotateCmd struct {
	Name string `arg:"" help:"Name of the account."`
	accountFlags
}

// Run prints the secret alone on a line, as adding does.
func (c *accountRotateCmd) Run(s streams) (err error) {
	ctx := context.Background()
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	secret, err := db.RotateAccount(ctx, c.Name, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, secret)
	return nil
}

type accountListCmd struct{ accountFlags }

func (c *accountListCmd) Run(s streams) (err error) {
	ctx := context.Background()
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	all, err := db.Accounts(ctx)
	for _, a := range all {
		fmt.Fprintf(s.out, "%s\t%s\t%s\tsecret since %s\n", a.Name, a.Realm, a.Created.UTC().Format(time.RFC3339), a.SecretSince.UTC().Format(time.RFC3339))
	}
	return err
}

type accountRemoveCmd struct {
	Name string `arg:"" help:"Name of the account."`
	accountFlags
}

func (c *accountRemoveCmd) Run(s streams) (err error) {
	ctx := context.Background()
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.RemoveAccount(ctx, c.Name)
}

type pinCmd struct{ stateFlags }

func (c *pinCmd) Run(s streams) error {
	pin, err := pki.ReadPin(c.pki())
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no certificate authority in %s yet; it is made when the registrar is first started", c.pki())
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, pin)
	return nil
}
