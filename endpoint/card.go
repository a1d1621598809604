package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"ewindow/dialplan/wholefile"
	"ewindow/endpoint/card"
	"ewindow/endpoint/join"
)

// readCard reads the card, whose words hold where the command line has none. One that is not there says nothing. What is wrong with it is told and not
// the end: people can join without it. card is never nil.
func (c *joinCmd) readCard() (written *card.Card, broken error) {
	if c.Card == "" {
		return &card.Card{}, nil
	}
	written, err := card.Read(c.Card)
	if errors.Is(err, fs.ErrNotExist) {
		return &card.Card{}, nil
	}
	if err == nil {
		devices := deviceWords{Camera: written.Camera, Display: written.Screen, Microphone: written.Microphone, Speaker: written.Speaker, Rotate: written.Rotate}
		d := c.deviceWords.or(devices)
		if err = (join.Devices{Camera: d.Camera, Screen: d.Display, Microphone: d.Microphone, Speaker: d.Speaker, Rotate: d.Rotate}).Check(); err == nil {
			c.deviceWords = d
			return written, nil
		}
		err = fmt.Errorf("a device in %s: %w", filepath.Base(c.Card), err)
	}
	return &card.Card{}, err
}

// takeCard reads the card for who joins by it alone: without a code there is nothing to do.
func (c *joinCmd) takeCard() (*card.Card, error) {
	if c.Card == "" {
		return &card.Card{}, nil
	}
	if _, err := os.Stat(c.Card); err != nil {
		return nil, fmt.Errorf("read what the card says: %w", err)
	}
	written, err := c.readCard()
	if err != nil {
		return nil, err
	}
	if written.Code == "" {
		return nil, fmt.Errorf("%s has no code, or it has been used; write that of the invitation: code = reg.example.org/…", c.Card)
	}
	c.Code = written.Code
	if c.AcceptRules == "" {
		c.AcceptRules = written.AcceptRules
	}
	return written, nil
}

// or is d, and of other what d does not say.
func (d deviceWords) or(other deviceWords) deviceWords {
	for _, w := range []struct{ mine, theirs *string }{{&d.Camera, &other.Camera}, {&d.Display, &other.Display}, {&d.Microphone, &other.Microphone}, {&d.Speaker, &other.Speaker}} {
		if *w.mine == "" {
			*w.mine = *w.theirs
		}
	}
	if d.Rotate == 0 {
		d.Rotate = other.Rotate
	}
	return d
}

// used has the code of the card erased. A window that may not write to the card leaves a note for `ewindow card`, which may. That it has joined is not undone by either.
func (c *joinCmd) used(written *card.Card, log *slog.Logger) {
	err := card.BlankCode(c.Card)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		err = card.Note(c.State, written.Code)
	}
	if err != nil {
		log.Warn("the code on the card has been used and is still there; erase it", "file", c.Card, "err", err)
	}
}

type cardCmd struct {
	File  string `arg:"" type:"path" help:"The card's file, ewindow-join.txt. It need not be there."`
	WiFi  string `name:"wifi" type:"path" placeholder:"FILE" help:"Write what it says of the Wi-Fi to this file, as wpa_supplicant reads it, and erase it on the card."`
	State string `type:"path" env:"STATE_DIRECTORY" help:"The state directory of the window, as for run."`
}

// Run is the command `ewindow card`, which a machine gives at its start and once its window has joined. Nothing is erased that has not been taken up.
func (c *cardCmd) Run() error {
	written, err := card.Read(c.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.WiFi != "" && written.WiFi.Name != "" {
		if err := wholefile.Write(c.WiFi, []byte(written.WiFi.Supplicant()), 0o600); err != nil {
			return fmt.Errorf("keep the Wi-Fi that the card names: %w", err)
		}
		fmt.Println("The Wi-Fi of the card is this machine's now.")
		if err := card.BlankWiFi(c.File); err != nil {
			return err
		}
	}
	dir, err := stateDir(c.State)
	if err != nil {
		return err
	}
	if card.Used(dir, written.Code) {
		if err := card.BlankCode(c.File); err != nil {
			return err
		}
		fmt.Println("The window has joined with the card's code, which is erased there.")
	}
	return card.Forget(dir)
}
