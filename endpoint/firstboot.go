package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	"ewindow/endpoint/card"
	"ewindow/endpoint/welcome"
	"ewindow/registrar/signal/watchdog"
)

// farewell is how long people have to read that the window has joined.
const farewell = 3 * time.Second

// joinOnScreen joins at the screen: after it there is a window's file, and the devices are free.
func (c *joinCmd) joinOnScreen(ctx context.Context, log *slog.Logger) error {
	if c.Code != "" || c.CodeFile != "" || c.AcceptRules != "" {
		return errors.New("--screen asks people at the screen; leave the code, --code-file and --accept-rules out")
	}
	if err := c.defaults(); err != nil {
		return err
	}
	written, broken := c.readCard()
	n, err := c.newcomer(log)
	if err != nil {
		return err
	}
	if broken != nil {
		log.Error("the card's file cannot be used; the window can be joined at its screen", "file", c.Card, "err", broken)
	}
	keys, restore, err := welcome.Keys(os.Stdin)
	if err != nil {
		return err
	}
	defer restore()
	s := welcome.New(welcome.Config{
		Program: c.Media, Camera: orAuto(c.Camera), Display: orAuto(c.Display), Rotate: c.Rotate, File: c.Config, Keys: keys, Out: os.Stdout, Log: log,
		Card: welcome.Card{Code: written.Code, AcceptRules: written.AcceptRules, Wrong: card.Brief(broken)},
	})
	shown, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(shown) }()
	err = n.Join(ctx, s)
	if errors.Is(err, welcome.ErrJoined) {
		fmt.Fprintf(os.Stdout, "\nThis window has joined in a terminal; its file is %s.\n", c.Config)
		err = nil
	}
	if err == nil && s.ByCard() {
		c.used(written, log)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case <-time.After(farewell):
		}
	}
	end()
	return errors.Join(err, <-ended)
}

func orAuto(word string) string {
	if word == "" {
		return "auto"
	}
	return word
}

// windowCmd is the command `ewindow run`.
type windowCmd struct {
	Join bool   `help:"Where the window's file is not there yet, join at the screen first."`
	Card string `type:"path" placeholder:"FILE" help:"With --join: what somebody wrote for the window beforehand, as ewindow-join.txt on its card. It need not be there."`
	runCmd
}

// Run is a window. A file that is not there is an error unless somebody has said that the window may be new: it may as well be a disk that is not there, or a
// mistyped name, and a camera that is on then would be a surprise.
func (w *windowCmd) Run(ctx context.Context, log *slog.Logger) error {
	_, err := os.Stat(w.Config)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return w.runCmd.Run(ctx, log)
	case !w.Join:
		return fmt.Errorf("read the window's file: %w; `ewindow join -c %s` makes it with the code of an invitation, and with --join the window joins at its screen", err, w.Config)
	}
	log.Info("the window has no file yet; it joins at its screen", "file", w.Config)
	go func() { // a window that waits for its code is what it is to be; nothing of it can hang but its devices, which are watched
		_ = watchdog.Run(ctx, func(context.Context) error { return nil }, log)
	}()
	c := joinCmd{runCmd: w.runCmd, Screen: true, Card: w.Card}
	switch err := c.joinOnScreen(ctx, log); {
	case ctx.Err() != nil:
		return nil // somebody has stopped it
	case err != nil:
		return err
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, os.Args, os.Environ()) // in its own place, as a window that was there before
	}
	return fmt.Errorf("begin as a window: %w; start ewindow again", err)
}
