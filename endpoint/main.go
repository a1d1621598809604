// Command ewindow is one E-Window: it registers, keeps the plan, opens and closes by it and holds the call to its
// partner.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan/diagnostic"
	"ewindow/registrar/signal/loglimit"
)

// version is the tag and commit that this program was built from; the Makefile sets it.
var version = "unknown"

type cli struct {
	Version   kong.VersionFlag `help:"Print the version and end."`
	LogFormat string           `enum:"text,json" default:"text" help:"How log lines are written: text or json."`
	Run       windowCmd        `cmd:"" help:"Be a window, until stopped. SIGHUP has it read its file again."`
	Join      joinCmd          `cmd:"" help:"Join a network with the code of an invitation, write the window's file, and be a window."`
	Card      cardCmd          `cmd:"" help:"Take up what a window's card says beside the code (ewindow-join.txt): Wi-Fi; and erase what has been used of it."`
	Check     checkCmd         `cmd:"" help:"Check a window's file and say what is wrong in it."`
	Status    statusCmd        `cmd:"" help:"Say how the window on this machine is doing."`
	Backup    backupCmd        `cmd:"" help:"Write what makes this window the one that its partners know into one encrypted file."`
	Restore   restoreCmd       `cmd:"" help:"Make the window of a backup on this machine."`
	Doctor    doctorCmd        `cmd:"" help:"Look at each part of the window on this machine, and say what to do about those that are not well."`
	Trust     trustCmd         `cmd:"" help:"Say whose keys are known, and confirm that one is a partner's."`
}

func main() {
	var c cli
	k := kong.Parse(&c, kong.Name("ewindow"), kong.UsageOnError(), kong.Vars{"version": "ewindow " + version},
		kong.Description("A window between two spaces, open all day."))
	if k.Command() == "run" || strings.HasPrefix(k.Command(), "run ") {
		calm()
	}
	bounded := loglimit.New(os.Stderr, []string{"role"}, func(w io.Writer) slog.Handler {
		if c.LogFormat == "json" {
			return slog.NewJSONHandler(w, nil)
		}
		return slog.NewTextHandler(w, nil)
	})
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler)) // the agent reports what matters; sipgo adds raw bytes
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	said := make(chan struct{})
	go func() { defer close(said); _ = bounded.Run(ctx) }()
	err := k.Run(slog.New(bounded))
	stop()
	<-said
	var wrong diagnostic.List
	if errors.As(err, &wrong) {
		fmt.Fprint(os.Stderr, wrong.Text()) // file:line:column first, as editors want it
		os.Exit(1)
	}
	k.FatalIfErrorf(err)
}
