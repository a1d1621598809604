package main

import (
	"bufio"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"ewindow/dialplan/wholefile"
	"ewindow/endpoint/join"
	"ewindow/endpoint/trust"
	"ewindow/media/found"
	"ewindow/registrar/signal/joining"
)

type joinCmd struct {
	Code        string `arg:"" optional:"" help:"The code of the invitation. Others on this machine can see it in the list of processes: without it, it is asked for."`
	CodeFile    string `type:"path" placeholder:"FILE" help:"Read the code from this file; - is standard input."`
	AcceptRules string `placeholder:"VERSION" help:"Accept this version of the exchange rules without being asked."`
	Card        string `type:"path" placeholder:"FILE" help:"Read the code from this file as it stands on a window's card (ewindow-join.txt), and the version of the rules that is accepted and the words of devices, where they are not given here. A code that has been used is erased there."`
	Replace     bool   `help:"Write another window's file where one is."`
	NoStart     bool   `help:"Do not run the window afterwards."`
	Screen      bool   `help:"Join at the window's screen: it shows how, and its camera reads the QR of the invitation."`
	deviceWords
	runCmd
}

// deviceWords are the devices that a window's file is to name.
type deviceWords struct {
	Camera     string `placeholder:"WORD" help:"What the file is to say of the camera; auto unless given."`
	Display    string `placeholder:"WORD" help:"The same of the screen."`
	Microphone string `placeholder:"WORD" help:"The same of the microphone."`
	Speaker    string `placeholder:"WORD" help:"The same of the speaker."`
	Rotate     int    `placeholder:"DEGREES" help:"By how much the screen is turned clockwise: 90, 180 or 270."`
}

// Run is the command `ewindow join`.
func (c *joinCmd) Run(ctx context.Context, log *slog.Logger) error {
	var err error
	if c.State, err = ownedState(c.State); err != nil {
		return err
	}
	joins := func() error { return c.join(ctx, bufio.NewReader(os.Stdin), os.Stdout, log) }
	if c.Screen {
		joins = func() error { return c.joinOnScreen(ctx, log) }
	}
	if err := joins(); err != nil || c.NoStart {
		return err
	}
	return c.runCmd.Run(ctx, log)
}

// join joins: after it there is a window's file. Before the last step nothing is written but the window's own key.
func (c *joinCmd) join(ctx context.Context, in *bufio.Reader, out io.Writer, log *slog.Logger) error {
	if c.Code != "" && c.CodeFile != "" || c.Card != "" && c.Code+c.CodeFile != "" {
		return errors.New("give the code, or --code-file, or --card, not two of them")
	}
	written, err := c.takeCard()
	if err != nil {
		return err
	}
	n, err := c.newcomer(log)
	if err != nil {
		return err
	}
	err = n.Join(ctx, &atTerminal{joinCmd: c, in: in, out: out, asks: c.Code == "" && c.CodeFile == "", again: term.IsTerminal(int(os.Stdin.Fd()))})
	if err == nil && c.Card != "" {
		c.used(written, log)
	}
	return err
}

// newcomer is this window before it joins.
func (c *joinCmd) newcomer(log *slog.Logger) (n join.Newcomer, err error) {
	if err := join.Writable(c.Config, c.Replace); err != nil {
		return n, err
	}
	if c.State, err = stateDir(c.State); err != nil {
		return n, err
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return n, fmt.Errorf("make the state directory: %w; name another with --state", err)
	}
	d := join.Devices{Camera: c.Camera, Screen: c.Display, Microphone: c.Microphone, Speaker: c.Speaker, Rotate: c.Rotate, Found: found.Here().Look()}
	own := func(space string) (crypto.Signer, func() error, error) { return c.own(space, log) }
	return join.Newcomer{File: c.Config, State: c.State, Devices: d, Own: own}, d.Check()
}

// own takes up the key that this window is to have: not while a window runs with it, nor another join, nor if it is another window's.
func (c *joinCmd) own(space string, log *slog.Logger) (crypto.Signer, func() error, error) {
	if err := join.Writable(c.Config, c.Replace); err != nil { // somebody else may have been faster
		return nil, nil, err
	}
	if other := join.Holder(c.State); other != "" && other != space && !c.Replace {
		return nil, nil, fmt.Errorf("%s is the state directory of the window %s; name another one with --state, or have this machine be %s instead with --replace; the code can still be used", c.State, other, space)
	}
	key, pins, err := trust.Open(c.State, log)
	if errors.Is(err, trust.ErrInUse) {
		return nil, nil, fmt.Errorf("a window runs with the state directory %s, or another join is under way; end it, or name another directory with --state; the code can still be used", c.State)
	}
	if err != nil {
		return nil, nil, err
	}
	return key.Signer(), pins.Close, nil
}

// atTerminal is where people type what is asked, or a script gives it.
type atTerminal struct {
	*joinCmd
	in    *bufio.Reader
	out   io.Writer
	asks  bool // the code is asked for
	again bool // and another one, if it does not do
}

// Tell prints it.
func (t *atTerminal) Tell(w join.Words) {
	if w != (join.Words{}) {
		fmt.Fprintln(t.out, w)
	}
}

// Code is the code from wherever it is to come. Whoever types it may try again; a script may not.
func (t *atTerminal) Code(ctx context.Context, wrong error) (string, error) {
	switch {
	case wrong != nil && (!t.asks || !t.again || errors.Is(wrong, join.ErrNotAccepted)):
		return "", wrong
	case wrong != nil:
		t.Tell(join.Explain(wrong))
	}
	if t.joinCmd.Code != "" {
		return t.joinCmd.Code, nil
	}
	if t.CodeFile != "" && t.CodeFile != "-" {
		b, err := wholefile.Read(t.CodeFile, 4<<10)
		if err != nil {
			return "", fmt.Errorf("read the code: %w", err)
		}
		return string(b), nil
	}
	if t.CodeFile == "" {
		fmt.Fprint(t.out, "The code of the invitation: ")
	}
	line, err := t.line(ctx)
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return line, nil
}

// Accept shows the exchange rules, and has somebody accept them.
func (t *atTerminal) Accept(ctx context.Context, r joining.Rules) error {
	fmt.Fprintf(t.out, "\nThe exchange rules, %s:\n\n%s\n\n", join.Printable(r.Version), strings.TrimSpace(join.Printable(r.Text)))
	if t.AcceptRules != "" {
		if t.AcceptRules != r.Version {
			return fmt.Errorf("the rules are %s, and --accept-rules accepts %s; read them, and accept these", join.Printable(r.Version), t.AcceptRules)
		}
		return nil
	}
	fmt.Fprint(t.out, join.Asked+": ")
	line, err := t.line(ctx)
	if err != nil && line == "" {
		return fmt.Errorf("nobody accepted the exchange rules: %w; --accept-rules %s accepts them", err, join.Printable(r.Version))
	}
	if !strings.EqualFold(strings.TrimSpace(line), "yes") {
		return join.ErrNotAccepted
	}
	return nil
}

// line is the next line that is typed. Who gives up is not kept waiting for it.
func (t *atTerminal) line(ctx context.Context) (string, error) {
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := t.in.ReadString('\n')
		done <- read{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-done:
		return r.line, r.err
	}
}
