package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ewindow/dialplan/wholefile"
	"ewindow/endpoint/config"
	"ewindow/endpoint/join"
	"ewindow/endpoint/trust"
	"ewindow/registrar/signal/archive"
)

// What is in a window's backup. The plan comes from the registrar, and devices are found at each start.
const (
	windowName = "window.hcl"
	secretName = "secret"
)

// Of the state directory. Not every window has a certificate.
var (
	stateNames    = []string{trust.KeyFile, trust.PinsFile}
	optionalNames = []string{join.CertificateFile}
)

type backupCmd struct {
	File   string `arg:"" type:"path" help:"The file to write, which must not be there."`
	Config string `short:"c" required:"" type:"path" help:"The window's file, window.hcl."`
	State  string `type:"path" env:"STATE_DIRECTORY" help:"The state directory of the window, as for run."`
	archive.Lock
}

// Run is the command `ewindow backup`. The window may run meanwhile.
func (c *backupCmd) Run() error { return c.write(archive.NewTerminal(os.Stdin, os.Stderr), os.Stderr) }

func (c *backupCmd) write(t *archive.Terminal, out io.Writer) error {
	a, err := c.collect()
	if err != nil {
		return err
	}
	if err := c.Save(c.File, a, t); err != nil {
		return err
	}
	fmt.Fprintf(out, "the window %s is in %s; `ewindow restore` makes it on another machine. Keep the passphrase or key elsewhere: whoever has both can pretend to be this window\n", a.Name, c.File)
	return nil
}

func (c *backupCmd) collect() (*archive.Archive, error) {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(c.Config)
	if err != nil {
		return nil, err
	}
	a := &archive.Archive{Of: archive.Window, Name: cfg.Space, Made: time.Now().UTC().Truncate(time.Second), Program: version,
		Files: []archive.File{{Name: windowName, Data: text}, {Name: secretName, Data: []byte(cfg.Secret + "\n")}}}
	dir, err := stateDir(c.State)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(stateNames, optionalNames) {
		data, err := wholefile.Read(filepath.Join(dir, name), archive.MaxSize)
		if errors.Is(err, fs.ErrNotExist) && slices.Contains(optionalNames, name) {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("no window has kept its key in %s yet: is that its --state? %s is made at its first start", dir, name)
		}
		if err != nil {
			return nil, fmt.Errorf("back up: %w", err)
		}
		a.Files = append(a.Files, archive.File{Name: name, Data: data})
	}
	if err := sound(a); err != nil {
		return nil, fmt.Errorf("what is in %s would make no window: %w", dir, err)
	}
	return a, nil
}

// sound looks at what a backup has of the state directory as the window will, in a directory of its own.
func sound(a *archive.Archive) (err error) {
	dir, err := os.MkdirTemp("", "ewindow-backup-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, name := range slices.Concat(stateNames, optionalNames) {
		if data, is := a.File(name); is {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				return err
			}
		}
	}
	silent := slog.New(slog.DiscardHandler)
	key, pins, err := trust.Open(dir, silent)
	if err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), dir+"/", ""))
	}
	if _, is := a.File(join.CertificateFile); is && join.LoadCertificate(dir, a.Name, key.Signer(), silent).Leaf() == nil {
		err = fmt.Errorf("%s is no certificate of %s and its key; remove it, and have the window join again with a code", join.CertificateFile, a.Name)
	}
	return errors.Join(err, pins.Close())
}

type restoreCmd struct {
	File   string `arg:"" type:"path" help:"The backup."`
	Config string `short:"c" required:"" type:"path" help:"The window's file to write."`
	State  string `type:"path" env:"STATE_DIRECTORY" help:"The state directory of the window, as for run."`
	archive.Key
}

// Run is the command `ewindow restore`.
func (c *restoreCmd) Run() error { return c.read(archive.NewTerminal(os.Stdin, os.Stderr), os.Stderr) }

// read puts a backup back where no window is. The window's file comes last: without it there is none, and the same command may be given
// again.
func (c *restoreCmd) read(t *archive.Terminal, out io.Writer) error {
	if err := wholefile.Absent(c.Config); err != nil {
		return err
	}
	dir, err := stateDir(c.State)
	if err != nil {
		return err
	}
	a, err := c.Load(c.File, archive.Window, t)
	if err != nil {
		return err
	}
	files, err := c.places(a, dir)
	if err != nil {
		return err
	}
	if err := sound(a); err != nil {
		return fmt.Errorf("the backup cannot be used: %w; nothing was written: take another one", err)
	}
	for _, f := range files {
		here, err := wholefile.Read(f.path, archive.MaxSize)
		if err == nil && !bytes.Equal(here, f.data) || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("%s is here, and is another than the backup's; nothing was written: move it away, or name another place", f.path), err)
		}
	}
	for _, f := range files {
		if err := wholefile.MakeDir(filepath.Dir(f.path), f.dir); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		if err := wholefile.Deliver(f.path, f.data, f.mode); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	fmt.Fprintf(out, "this machine is the window %s now, as it was on %s; `ewindow run -c %q --state %q` starts it. Turn the other one off first: two machines with one key are one window to their partners. Look whether the devices in the file are those of this machine.\n",
		a.Name, a.Made.Local().Format("Mon 2 Jan 2006 15:04"), c.Config, dir)
	return nil
}

// placed is a file of a backup with its place on this machine.
type placed struct {
	path      string
	data      []byte
	mode, dir fs.FileMode // of the file, and of directories that are missing
}

// places says where everything goes: the secret beside the window's file, which is told so, wherever it was before.
func (c *restoreCmd) places(a *archive.Archive, state string) ([]placed, error) {
	var files []placed
	for _, name := range slices.Concat([]string{secretName}, stateNames, optionalNames) {
		data, is := a.File(name)
		if !is && slices.Contains(optionalNames, name) {
			continue
		}
		if !is {
			return nil, fmt.Errorf("the backup has no %s; take another one", name)
		}
		path := filepath.Join(state, name)
		if name == secretName {
			path = filepath.Join(filepath.Dir(c.Config), filepath.Base(a.Name)+".secret")
		}
		files = append(files, placed{path, data, 0o600, 0o700})
	}
	text, is := a.File(windowName)
	if !is {
		return nil, fmt.Errorf("the backup has no %s; take another one", windowName)
	}
	if known := len(files) + 1; len(a.Files) > known {
		return nil, fmt.Errorf("the backup has %d files, and this program knows %d; restore it with the version that made it, %.100q", len(a.Files), known, a.Program)
	}
	text, err := config.WithSecretFile(text, filepath.Base(files[0].path))
	if err != nil {
		return nil, fmt.Errorf("the backup: %w", err)
	}
	files[0].dir = 0o755 // beside the window's file, which everybody may read
	return append(files, placed{c.Config, text, 0o644, 0o755}), nil
}
