package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"ewindow/registrar/members"
	"ewindow/registrar/planfile"
	"ewindow/registrar/signal/owner"
	"ewindow/registrar/store"
)

// stateFlags say where the registrar keeps what it must not forget.
type stateFlags struct {
	State string `help:"Directory for accounts, keys and certificates." default:"/var/lib/ewindow-registrar" placeholder:"DIR"`
}

// AfterApply has a command that root gives go on as the user of the registrar. What serves stays who it is, since ports below 1024 may be its to
// open, and so does what reads and writes backups, which lie where root wants them.
func (f stateFlags) AfterApply(k *kong.Context) error {
	switch command, _, _ := strings.Cut(k.Command(), " "); command {
	case "serve", "backup", "restore":
		return nil
	}
	return owner.Become(f.State)
}

func (f stateFlags) store() string { return filepath.Join(f.State, "registrar.db") }
func (f stateFlags) pki() string   { return filepath.Join(f.State, "pki") }

func (f stateFlags) members() string { return filepath.Join(f.State, members.FileName) }

type accountCmd struct {
	Add    accountAddCmd    `cmd:"" help:"Make an account and print its secret, once."`
	List   accountListCmd   `cmd:"" help:"List the accounts."`
	Rotate accountRotateCmd `cmd:"" help:"Give an account another secret and print it, once; its registrations and calls end within a second."`
	Remove accountRemoveCmd `cmd:"" help:"Remove an account; its registrations and calls end within a second."`
}

type accountFlags struct{ stateFlags }

// there refuses a directory that was mistyped.
func (f stateFlags) there() error {
	if store.Exists(f.store()) {
		return nil
	}
	return fmt.Errorf("there are no accounts in %s: is that the registrar's --state? `ewindow-registrar account add NAME --domain DOMAIN` makes the first", f.State)
}

// open opens a store that is there, for one command: a directory that was mistyped gets none. A damaged one is repaired,
// and that is said.
func (f accountFlags) open(ctx context.Context, s streams) (*store.Store, error) {
	if err := f.there(); err != nil {
		return nil, err
	}
	db, recovery, err := store.Open(ctx, store.Config{Path: f.store(), Log: slog.New(slog.DiscardHandler)}, time.Now())
	if err != nil {
		return nil, err
	}
	if recovery != nil {
		fmt.Fprintf(s.err, "ewindow-registrar: %v\n", recovery)
	}
	return db, nil
}

// openToRead is open for a command that changes nothing: a disk that cannot be written will do, and that is said.
func (f accountFlags) openToRead(ctx context.Context, s streams) (*store.Store, error) {
	if !store.Exists(f.store()) {
		return f.open(ctx, s) // it says so
	}
	db, recovery, err := store.OpenToServe(ctx, store.Config{Path: f.store(), Log: slog.New(slog.DiscardHandler)}, time.Now())
	if err != nil {
		return nil, err
	}
	if recovery != nil {
		fmt.Fprintf(s.err, "ewindow-registrar: %v\n", recovery)
	}
	if err := db.Frozen(); err != nil {
		fmt.Fprintf(s.err, "ewindow-registrar: %v; these are the accounts as they lie there\n", err)
	}
	return db, nil
}

type accountAddCmd struct {
	Name string `arg:"" help:"Name of the account: the label of a space or phone in the dialplan."`
	accountFlags
	Domain string `help:"Domain of the accounts, as the registrar has it. Needed once, before the registrar has run." placeholder:"NAME"`
	Anyway bool   `help:"Add it although the dialplan that the registrar last served has no such space or phone."`
	phoneFlags
}

// Run prints the secret alone on a line, so that a script can take it.
func (c *accountAddCmd) Run(s streams) (err error) {
	if err := c.inPlan(); err != nil {
		return err
	}
	ctx := context.Background()
	if c.Domain != "" && !store.Exists(c.store()) {
		if err := c.begin(ctx); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "ewindow-registrar: there were no accounts in %s; this is the first\n", c.State)
	}
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.Domain != "" {
		if err := db.UseRealm(ctx, c.Domain); err != nil {
			return err
		}
	} else if realm, err := db.Realm(ctx); err != nil {
		return err
	} else if realm == "" {
		return errors.New("the domain of the accounts is not known yet; give the registrar's with --domain NAME")
	}
	if c.wanted() { // before there is an account that nobody can use
		if _, err := c.base(ctx, db, c.stateFlags); err != nil {
			return err
		}
	}
	secret, err := db.AddAccount(ctx, c.Name, time.Now())
	if err != nil {
		return err
	}
	if record, err := members.Read(c.members()); err == nil {
		if m, _ := record.Member(c.Name); m.State == members.Former {
			fmt.Fprintf(s.err, "%s was revoked on %s; with this account it is a full member again. `ewindow-registrar invite` begins with a probation\n", c.Name, m.Since.Format(time.DateOnly))
		}
	}
	if c.wanted() { // nobody ever learns this secret: the phone gets another one
		return c.link(ctx, s, db, c.stateFlags, c.Name)
	}
	fmt.Fprintln(s.out, secret)
	return c.explain(ctx, s, db, c.stateFlags, c.Name)
}

// inPlan refuses an account that could neither call nor be called. A registrar that never ran has no plan to ask, and what
// is wrong with a kept one is the registrar's to say.
func (c *accountAddCmd) inPlan() error {
	last, _ := planfile.Last(c.State)
	if err := c.check(last, c.Name); err != nil {
		return err
	}
	if c.Anyway || last == nil {
		return nil
	}
	if !last.Plan.HasAccount(c.Name) {
		return fmt.Errorf("%q is no space and no phone of the dialplan that the registrar last served; %s; --anyway adds it all the same",
			c.Name, last.Plan.SuggestAccount(c.Name))
	}
	return nil
}

// begin makes a store without accounts.
func (c *accountAddCmd) begin(ctx context.Context) error {
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("make the state directory: %w", err)
	}
	db, _, err := store.Open(ctx, store.Config{Path: c.store()}, time.Now())
	if err != nil {
		return err
	}
	return db.Close()
}

type accountRotateCmd struct {
	Name string `arg:"" help:"Name of the account."`
	accountFlags
	phoneFlags
}

// Run prints the secret alone on a line, as adding does.
func (c *accountRotateCmd) Run(s streams) (err error) {
	ctx := context.Background()
	last, _ := planfile.Last(c.State)
	if err := c.check(last, c.Name); err != nil {
		return err
	}
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.wanted() {
		return c.link(ctx, s, db, c.stateFlags, c.Name)
	}
	secret, err := db.RotateAccount(ctx, c.Name, time.Now())
	if err != nil {
		return err
	}
	// What was given out before for this account gives nothing any more.
	if err := errors.Join(c.withdraw(c.Name, time.Now()), c.links().Void(c.Name, time.Now())); err != nil {
		return err
	}
	fmt.Fprintln(s.out, secret)
	return c.explain(ctx, s, db, c.stateFlags, c.Name)
}

type accountListCmd struct{ accountFlags }

func (c *accountListCmd) Run(s streams) (err error) {
	ctx := context.Background()
	db, err := c.openToRead(ctx, s)
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
	return errors.Join(db.RemoveAccount(ctx, c.Name), c.withdraw(c.Name, time.Now()), c.links().Void(c.Name, time.Now()))
}
