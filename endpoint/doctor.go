package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"ewindow/endpoint/config"
	"ewindow/endpoint/doctor"
	"ewindow/endpoint/join"
	"ewindow/endpoint/status"
	"ewindow/endpoint/trust"
	"ewindow/registrar/signal/ask"
)

type doctorCmd struct {
	Config string `short:"c" required:"" type:"path" help:"The window's file, window.hcl."`
	State  string `type:"path" env:"STATE_DIRECTORY" help:"The state directory of the window, as for run."`
	Media  string `type:"path" help:"The program ewindow-media. Default: beside this one."`
	JSON   bool   `name:"json" help:"For programs: the findings as one JSON array."`
}

// errUnwell ends the program with 1 after the findings have said why.
var errUnwell = errors.New("something does not work; what to do stands beside the arrows")

// Run is the command `ewindow doctor`.
func (c *doctorCmd) Run(ctx context.Context) error { return c.examine(ctx, os.Stdout, os.Stderr) }

// examine writes findings to out, as they are found, and to progress what it is doing.
func (c *doctorCmd) examine(ctx context.Context, out, progress io.Writer) error {
	found, unwell := []doctor.Finding{}, false
	tell := func(f doctor.Finding) {
		found = append(found, f)
		unwell = unwell || f.Verdict == doctor.Fail
		if !c.JSON {
			fmt.Fprintln(out, f)
		}
	}
	checks, err := c.checks(tell)
	if err != nil {
		return err
	}
	doctor.Examine(ctx, checks, func(doing string) { fmt.Fprintln(progress, doing, "…") }, tell)
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.JSON {
		text, err := json.MarshalIndent(found, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintln(out, string(text))
	}
	if unwell {
		return errUnwell
	}
	return nil
}

// checks are those that can be made: what a running window has is asked of it.
func (c *doctorCmd) checks(tell func(doctor.Finding)) ([]doctor.Check, error) {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return nil, err
	}
	tell(doctor.Finding{Part: "file", Verdict: doctor.Pass, Text: c.Config + ", for " + cfg.Space})
	dir, err := stateDir(c.State)
	if err != nil {
		return nil, err
	}
	machine := doctor.Machine{Sys: "/sys", State: dir}.Check()
	if _, err := os.Stat(filepath.Join(dir, trust.KeyFile)); errors.Is(err, fs.ErrNotExist) { // nothing is made here: it would be another window
		tell(doctor.Finding{Part: "key", Verdict: doctor.Fail, Text: "no window keeps its key in " + dir,
			Remedy: "name the window's state directory with --state; a window makes its key when it is first started"})
		return []doctor.Check{machine}, nil
	}
	r := &runCmd{Config: c.Config, State: dir, Media: c.Media}
	if err := r.defaults(); err != nil {
		return nil, err
	}
	silent := slog.New(slog.DiscardHandler)
	if r.key, err = trust.LoadKey(r.State, silent); err != nil {
		return nil, err
	}
	if other := join.Holder(r.State); other != "" && other != cfg.Space {
		return nil, fmt.Errorf("%s is the state directory of the window %s, and %s is of %s; name the right one with --state", r.State, other, c.Config, cfg.Space)
	}
	if _, err := os.Stat(filepath.Join(dir, join.CertificateFile)); err == nil {
		tell(doctor.Certificate(join.LoadCertificate(dir, cfg.Space, r.key.Signer(), silent).Leaf(), time.Now()))
	}
	p, err := r.parts(cfg, "", silent)
	if err != nil {
		return nil, err
	}
	checks := []doctor.Check{
		machine,
		doctor.Registrar{Host: cfg.Host, Domain: cfg.Domain, Pin: cfg.Pin, Dial: p.dial, Now: time.Now,
			Lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
				return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
			}}.Check(),
	}
	now, err := ask.Read[status.Status](r.State, "window")
	switch {
	case err == nil:
		return append(checks, doctor.Beside(now)), nil
	case !errors.Is(err, ask.ErrNotRunning):
		return nil, err
	}
	return append(checks,
		doctor.Account{Agent: p.agent, Gather: p.window.Gather, Now: time.Now}.Check(),
		doctor.Devices{Config: p.window.Devices, Video: p.window.Video}.Check()), nil
}
