package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"ewindow/dialplan/wholefile"
	"ewindow/endpoint/join"
	"ewindow/endpoint/trust"
	"ewindow/registrar/signal/joining"
)

type joinCmd struct {
	Code        string `arg:"" optional:"" help:"The code of the invitation. Others on this machine can see it in the list of processes: without it, it is asked for."`
	CodeFile    string `type:"path" placeholder:"FILE" help:"Read the code from this file; - is standard input."`
	AcceptRules string `placeholder:"VERSION" help:"Accept this version of the exchange rules without being asked."`
	Replace     bool   `help:"Write another window's file where one is."`
	NoStart     bool   `help:"Do not run the window afterwards."`
	runCmd
}

// Run is the command `ewindow join`.
func (c *joinCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := c.join(ctx, bufio.NewReader(os.Stdin), os.Stdout, log); err != nil || c.NoStart {
		return err
	}
	return c.runCmd.Run(ctx, log)
}

// join joins: after it there is a window's file. Before the last step nothing is written but the window's own key.
func (c *joinCmd) join(ctx context.Context, in *bufio.Reader, out io.Writer, log *slog.Logger) (err error) {
	if err := join.Writable(c.Config, c.Replace); err != nil {
		return err
	}
	if c.State, err = stateDir(c.State); err != nil {
		return err
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("make the state directory: %w; name another with --state", err)
	}
	key, err := trust.LoadKey(c.State, log)
	if err != nil {
		return err
	}
	code, err := c.code(in, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Asking the registrar %s …\n", code.Host)
	offer, err := join.Ask(ctx, code)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The registrar of %s has proven that it made this code, for %s.\n", offer.Domain, offer.Space)
	if off := time.Until(offer.Now); off.Abs() > 24*time.Hour {
		fmt.Fprintf(out, "This machine's clock is wrong: it says %s, the registrar %s. Opening hours need the right one.\n",
			time.Now().Format("2 Jan 2006 15:04"), offer.Now.Local().Format("2 Jan 2006 15:04"))
	}
	if err := c.accept(offer, in, out); err != nil {
		return err
	}
	m, err := offer.Redeem(ctx, key.Signer())
	if err != nil {
		return err
	}
	if err := join.Write(c.Config, m); err != nil {
		return err
	}
	fmt.Fprintf(out, "Welcome. This window is %s now; its file is %s.\n", m.Space, c.Config)
	if offer.Sponsor != "" {
		fmt.Fprintf(out, "Until your event it sees %s alone.\n", offer.Sponsor)
	}
	return nil
}

// code is the code from wherever it is to come.
func (c *joinCmd) code(in *bufio.Reader, out io.Writer) (joining.Code, error) {
	text := c.Code
	switch {
	case c.Code != "" && c.CodeFile != "":
		return joining.Code{}, errors.New("give the code, or --code-file, not both")
	case c.CodeFile != "" && c.CodeFile != "-":
		b, err := wholefile.Read(c.CodeFile, 4<<10)
		if err != nil {
			return joining.Code{}, fmt.Errorf("read the code: %w", err)
		}
		text = string(b)
	case c.Code == "":
		if c.CodeFile == "" {
			fmt.Fprint(out, "The code of the invitation: ")
		}
		line, err := in.ReadString('\n')
		if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
			return joining.Code{}, fmt.Errorf("read the code: %w", err)
		}
		text = line
	}
	return joining.Parse(text)
}

// accept shows the exchange rules, and has somebody accept them.
func (c *joinCmd) accept(o *join.Offer, in *bufio.Reader, out io.Writer) error {
	version := o.Rules.Version
	fmt.Fprintf(out, "\nThe exchange rules, %s:\n\n%s\n\n", version, strings.TrimSpace(join.Printable(o.Rules.Text)))
	if c.AcceptRules != "" {
		if c.AcceptRules != version {
			return fmt.Errorf("the rules are %s, and --accept-rules accepts %s; read them, and accept these", version, c.AcceptRules)
		}
		return nil
	}
	fmt.Fprint(out, "Do you accept them? Type yes: ")
	line, err := in.ReadString('\n')
	if err != nil && line == "" {
		return fmt.Errorf("nobody accepted the exchange rules: %w; --accept-rules %s accepts them", err, version)
	}
	if !strings.EqualFold(strings.TrimSpace(line), "yes") {
		return errors.New("the exchange rules were not accepted; nothing was changed, and the code can still be used")
	}
	return nil
}
