package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ewindow/dialplan/wholefile"
	"ewindow/registrar/members"
	"ewindow/registrar/pki"
	"ewindow/registrar/planfile"
	"ewindow/registrar/signal/archive"
	"ewindow/registrar/store"
)

// What of the state directory is in a backup, beside the accounts. All else is made anew: the server's certificate by the authority, what
// others obtained, the keys of relays, and what windows tell when they register. Links for phones are as good as secrets, and stay out.
const (
	accountsName  = "registrar.db"
	authorityName = "pki/ca.pem"
	rulesName     = "rules"
)

var kept = []string{authorityName, members.FileName, planfile.KeptName, "flow.key"}

type backupCmd struct {
	File string `arg:"" type:"path" help:"The file to write, which must not be there."`
	accountFlags
	archive.Lock
}

// Run makes a backup, also while the registrar runs.
func (c *backupCmd) Run(s streams) error {
	a, err := c.collect(s)
	if err != nil {
		return err
	}
	if err := c.Save(c.File, a, s.terminal()); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "the registrar of %s is in %s; `ewindow-registrar restore` puts it back. Keep it on another machine, and the passphrase or key elsewhere: whoever has both can pretend to be this registrar\n", a.Name, c.File)
	return nil
}

// collect reads what a backup holds.
func (c *backupCmd) collect(s streams) (a *archive.Archive, err error) {
	ctx := context.Background()
	db, err := c.openToRead(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	a = &archive.Archive{Of: archive.Registrar, Made: s.clock().UTC().Truncate(time.Second), Program: version}
	if a.Name, err = db.Realm(ctx); err != nil {
		return nil, err
	}
	if _, err := pki.ReadCA(c.pki()); err != nil {
		return nil, err
	}
	if _, err := members.Read(c.members()); err != nil {
		return nil, err
	}
	accounts, err := db.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	a.Files = append(a.Files, archive.File{Name: accountsName, Data: accounts})
	names := kept
	rules, err := filepath.Glob(filepath.Join(c.State, rulesName, "*.txt"))
	if err != nil {
		return nil, err
	}
	for _, path := range rules {
		names = append(names[:len(names):len(names)], rulesName+"/"+filepath.Base(path))
	}
	for _, name := range names {
		data, err := wholefile.Read(filepath.Join(c.State, name), archive.MaxSize)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("back up: %w", err)
		}
		a.Files = append(a.Files, archive.File{Name: name, Data: data})
	}
	return a, nil
}

type restoreCmd struct {
	File string `arg:"" type:"path" help:"The backup."`
	stateFlags
	archive.Key
	Dialplan string `type:"path" placeholder:"DIR" help:"Write the files of the dialplan, as it was last served, into this directory too."`
}

// Run puts a backup back where no registrar is. The accounts come last: without them there is none, and the same command may be given
// again.
func (c *restoreCmd) Run(s streams) error {
	for _, path := range []string{c.store(), c.store() + ".good"} {
		if err := wholefile.Absent(path); err != nil {
			return fmt.Errorf("a registrar is here already: %w", err)
		}
	}
	a, err := c.Load(c.File, archive.Registrar, s.terminal())
	if err != nil {
		return err
	}
	if err := c.fits(a); err != nil {
		return err
	}
	if err := sound(a); err != nil {
		return fmt.Errorf("the backup cannot be used: %w; nothing was written: take another one", err)
	}
	for _, f := range a.Files {
		if f.Name == accountsName {
			continue
		}
		if err := c.put(f); err != nil {
			return err
		}
	}
	if _, is := a.File(members.FileName); is {
		if _, err := members.Add(c.members(), func(r members.Record) (members.Entry, error) { return r.Restore(s.clock()) }); err != nil {
			return err
		}
	}
	accounts, _ := a.File(accountsName)
	if err := c.put(archive.File{Name: accountsName, Data: accounts}); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "this is the registrar of %s as it was on %s. Codes of invitations that were made before are void: make others. Who was revoked, removed or given another secret after that has to be once more.\n",
		a.Name, a.Made.Local().Format("Mon 2 Jan 2006 15:04"))
	return c.putPlan(s)
}

// fits says before anything is written why a backup cannot be put here. What is here of the same registrar, as after half a restoration
// or on a disk that lost the accounts alone, is no reason.
func (c *restoreCmd) fits(a *archive.Archive) error {
	for _, name := range []string{accountsName, authorityName} {
		if _, is := a.File(name); !is {
			return fmt.Errorf("the backup has no %s; take another one", name)
		}
	}
	for _, f := range a.Files {
		rules, is := strings.CutPrefix(f.Name, rulesName+"/")
		if f.Name != accountsName && !slices.Contains(kept, f.Name) && (!is || strings.Contains(rules, "/")) {
			return fmt.Errorf("the backup has a file %.100q, which this program does not know; restore it with the version that made it, %.100q", f.Name, a.Program)
		}
		here, err := wholefile.Read(c.path(f.Name), archive.MaxSize)
		if errors.Is(err, fs.ErrNotExist) || err == nil && (bytes.Equal(here, f.Data) || c.newer(f, here)) {
			continue
		}
		return errors.Join(fmt.Errorf("%s is here, and is another than the backup's; nothing was written: move it away, or name another --state", c.path(f.Name)), err)
	}
	return nil
}

// sound looks at what a backup holds as the registrar will, in a directory of its own.
func sound(a *archive.Archive) (err error) {
	dir, err := os.MkdirTemp("", "ewindow-restore-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, f := range a.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			return err
		}
	}
	_, authority := pki.ReadCA(filepath.Join(dir, filepath.Dir(authorityName)))
	_, record := members.Read(filepath.Join(dir, members.FileName))
	return errors.Join(authority, record, store.Examine(context.Background(), filepath.Join(dir, accountsName)))
}

// newer is true for a record of members that has the backup's lines, and more.
func (c *restoreCmd) newer(f archive.File, here []byte) bool {
	return f.Name == members.FileName && bytes.HasPrefix(here, f.Data)
}

func (c *restoreCmd) path(name string) string {
	return filepath.Join(c.State, filepath.FromSlash(name))
}

// put writes a file of a backup, unless there is a newer one.
func (c *restoreCmd) put(f archive.File) error {
	path := c.path(f.Name)
	if here, err := wholefile.Read(path, archive.MaxSize); err == nil && c.newer(f, here) {
		return nil
	}
	if err := wholefile.MakeDir(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := wholefile.Deliver(path, f.Data, 0o600); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// putPlan writes the dialplan's files where somebody asked for them.
func (c *restoreCmd) putPlan(s streams) error {
	if c.Dialplan == "" {
		return nil
	}
	last, err := planfile.Last(c.State)
	if last == nil {
		return errors.Join(errors.New("the backup has no dialplan; leave --dialplan out"), err)
	}
	if err := wholefile.MakeDir(c.Dialplan, 0o755); err != nil {
		return fmt.Errorf("--dialplan: %w", err)
	}
	for _, f := range last.Files() {
		path := filepath.Join(c.Dialplan, filepath.Base(f.Name))
		if err := wholefile.Absent(path); err != nil {
			return fmt.Errorf("--dialplan: %w", err)
		}
		if err := wholefile.Deliver(path, f.Data, 0o644); err != nil {
			return fmt.Errorf("--dialplan: %w", err)
		}
		fmt.Fprintf(s.err, "%s, which was %s\n", path, f.Name)
	}
	return nil
}

func (s streams) terminal() *archive.Terminal {
	if s.in == nil {
		return archive.NewTerminal(strings.NewReader(""), s.err)
	}
	return archive.NewTerminal(s.in, s.err)
}
