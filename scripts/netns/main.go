// Command netns is a lab of routers: the real registrar and two real windows, in network namespaces with the kernel's own
// address translation between them, in every way in which a café, a home or a carrier has it. Whether they see each other is
// judged from outside, by what X shows. It prints a table in Markdown, progress on stderr, and ends with 1 if a cell is not as
// it should be.
//
//	eyes ◀── X ◀── ewindow ══ LAN ══ router (nft) ══ internet ══ router ══ LAN ══ ewindow ──▶ X ──▶ eyes
//	                                                    ║
//	                                            ewindow-registrar
//
// All of that is in namespaces that end with this program: no packet leaves the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ewindow/scripts/stage"
)

// options are the flags.
type options struct {
	cells, bin, logs string
	list, relays     bool // relays: the registrar knows of relaying
}

func main() {
	var o options
	flag.StringVar(&o.cells, "cells", "", "only these `cells`, separated by commas or blanks, as often as they are named")
	flag.StringVar(&o.bin, "bin", "bin", "directory of the programs")
	flag.StringVar(&o.logs, "logs", "", "`directory` for what the programs print, what the screens show and what the routers translate, a directory for each cell")
	flag.BoolVar(&o.list, "list", false, "print the cells, and do nothing")
	flag.Parse()
	if o.list {
		for _, c := range cells {
			fmt.Printf("%-20s %s\n", c.name, what(c))
		}
		return
	}
	stage.Main("netns", func(ctx context.Context) error { return run(ctx, o, os.Stdout, os.Stderr) })
}

func run(ctx context.Context, o options, out, progress io.Writer) error {
	chosen, err := choose(o.cells)
	if err != nil {
		return err
	}
	for _, tool := range []string{"nft", "conntrack", "turnserver"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w; Debian has it in nftables, conntrack and coturn", err)
		}
	}
	if o.relays, err = relays(ctx, o.bin); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "netns")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	say := func(line string) { fmt.Fprintf(progress, "netns: %s\n", line) }
	begin, missed := time.Now(), 0
	var outcomes []outcome
	for i, c := range chosen {
		say(fmt.Sprintf("%s begins (%d of %d): %s", c.name, i+1, len(chosen), what(c)))
		ours := o
		if o.logs != "" {
			ours.logs = filepath.Join(o.logs, fmt.Sprintf("%02d-%s", i+1, c.name))
		}
		o, err := play(ctx, c, ours, filepath.Join(dir, "cell"), say)
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), write(out, outcomes))
		}
		if err != nil {
			o.miss("%v", err)
		}
		if len(o.missed) > 0 {
			missed++
		}
		say(fmt.Sprintf("%s: %s", c.name, verdict(o)))
		outcomes = append(outcomes, o)
	}
	say(fmt.Sprintf("took %v", time.Since(begin).Round(time.Second)))
	if err := write(out, outcomes); err != nil {
		return err
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d cells are not as they should be", missed, len(chosen))
	}
	return nil
}

// relays asks the registrar of this build whether it can relay.
func relays(ctx context.Context, bin string) (bool, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "ewindow-registrar"), "serve", "--help").Output()
	if err != nil {
		return false, fmt.Errorf("ask the registrar for its flags: %w; make build makes it", err)
	}
	return strings.Contains(string(out), "--turn"), nil
}

// serve are the registrar's further arguments.
func (o options) serve(c cell, address, dir string) []string {
	switch {
	case !o.relays:
		return nil
	case c.elsewhere:
		return coturn{}.serve(address, dir)
	case c.shared:
		return []string{"--turn", address + ":3478", "--relay-address", address, "--shared", address + ":443"}
	}
	return []string{"--turn", address + ":3478", "--relay-address", address}
}
