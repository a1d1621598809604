// Command ewindow-registrar knows where windows and phones are, and decides by the dialplan who calls whom.
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"ewindow/registrar/answers"
	"ewindow/registrar/signal/loglimit"
)

// version is the tag and commit that this program was built from; the Makefile sets it.
var version = "unknown"

// commands is the command line.
type commands struct {
	Version kong.VersionFlag `help:"Print the version and end."`

	Serve    serveCmd    `cmd:"" help:"Run the registrar."`
	Check    checkCmd    `cmd:"" help:"Check a dialplan and say what is wrong in it."`
	Fmt      fmtCmd      `cmd:"" help:"Align the files of a dialplan."`
	Explain  explainCmd  `cmd:"" help:"Say what a space sees at a moment, and why."`
	Week     weekCmd     `cmd:"" help:"Draw a week: who sees whom, and when."`
	Holidays holidaysCmd `cmd:"" help:"Say which public holidays a calendar has in a year."`
	Diff     diffCmd     `cmd:"" help:"Say which windows another plan changes in the next two weeks."`
	Account  accountCmd  `cmd:"" help:"Add, list, rotate and remove accounts."`
	Invite   inviteCmd   `cmd:"" help:"Make a code with which a new window joins, once, and print it."`
	Member   memberCmd   `cmd:"" help:"Admit, list, confirm and revoke members."`
	Test     testCmd     `cmd:"" help:"Run the expect blocks of a dialplan."`
	Status   statusCmd   `cmd:"" help:"Say who is registered, and in a call with whom."`
	Backup   backupCmd   `cmd:"" help:"Write all that cannot be made anew into one encrypted file."`
	Restore  restoreCmd  `cmd:"" help:"Make the registrar of a backup on this machine."`
	Pin      pinCmd      `cmd:"" help:"Print the pin by which windows know this registrar."`
}

// streams are where commands write, and the clock that they look at.
type streams struct {
	out io.Writer
	err io.Writer
	in  io.Reader        // nil: nobody types
	now func() time.Time // nil: the clock on the wall
}

func (s streams) clock() time.Time {
	if s.now == nil {
		return time.Now()
	}
	return s.now()
}

// ink is colour for a terminal, unless it or its user wants none (https://no-color.org).
func (s streams) ink() answers.Ink {
	f, ok := s.out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return answers.Plain
	}
	info, err := f.Stat()
	return answers.Ink(err == nil && info.Mode()&os.ModeCharDevice != 0)
}

// An exitError ends the program with another status than 1. Its text has been printed if it is empty.
type exitError struct {
	status int
	text   string
}

func (e *exitError) Error() string { return e.text }

func main() {
	os.Exit(run(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// run carries out a command line and returns the exit status.
func run(args []string, s streams) (status int) {
	var c commands
	parser, err := kong.New(&c,
		kong.Name("ewindow-registrar"),
		kong.Description("SIP registrar, proxy and dialplan of E-Window."),
		kong.Writers(s.out, s.err),
		kong.Exit(func(code int) { panic(&exitError{status: code}) }), // --help
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ValueFormatter(withDefault),
		kong.Vars{"version": "ewindow-registrar " + version},
		kong.Bind(s),
	)
	if err != nil {
		panic(err) // a mistake in the tags above
	}
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(*exitError)
			if !ok {
				panic(p)
			}
			status = e.status
		}
	}()
	ctx, err := parser.Parse(args)
	if err == nil {
		err = ctx.Run()
	}
	return report(err, s)
}

// withDefault is the help of a flag, with what holds where it is not given: a placeholder would hide that.
func withDefault(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	if v.Flag != nil && v.Flag.PlaceHolder != "" && v.Default != "" {
		help += " Default: " + v.Default
	}
	return help
}

// report says what went wrong and chooses the exit status.
func report(err error, s streams) int {
	if err == nil {
		return 0
	}
	status := 1
	var exit *exitError
	if errors.As(err, &exit) {
		status = exit.status
	}
	var plan *planError
	switch {
	case errors.As(err, &plan):
		fmt.Fprintln(s.err, plan) // file:line:column first, as editors want it
	case err.Error() != "":
		fmt.Fprintf(s.err, "ewindow-registrar: %v\n", err)
	}
	return status
}

// newLogger makes the log, and what keeps it within bounds: its Run says what was left out.
func newLogger(w io.Writer, format, level string) (*slog.Logger, *loglimit.Handler) {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // kong has checked it
	opts := &slog.HandlerOptions{Level: l}
	bounded := loglimit.New(w, []string{"aor"}, func(w io.Writer) slog.Handler {
		if format == "json" {
			return slog.NewJSONHandler(w, opts)
		}
		return slog.NewTextHandler(w, opts)
	})
	return slog.New(bounded), bounded
}
