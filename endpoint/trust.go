package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ewindow/endpoint/trust"
	"ewindow/registrar/signal/ask"
	"ewindow/registrar/signal/mediakey"
)

type trustCmd struct {
	Peer   string `arg:"" optional:"" help:"The partner whose key is to be confirmed; without one, all are listed."`
	Words  string `placeholder:"\"SIX WORDS\"" help:"Confirm without a question: the six words that stand on the partner's screen as its own."`
	Forget bool   `help:"Forget the partner's key: the next one that it shows is pinned, and not confirmed."`
	State  string `type:"path" env:"STATE_DIRECTORY" help:"The state directory of the window, as for run."`
}

// Run is the command `ewindow trust`.
func (c *trustCmd) Run() error {
	dir, err := ownedState(c.State)
	if err != nil {
		return err
	}
	return c.talk(dir, os.Stdin, os.Stdout)
}

func (c *trustCmd) talk(dir string, in io.Reader, out io.Writer) error {
	if c.Peer == "" && (c.Forget || c.Words != "") {
		return errors.New("which partner? name it, as in: ewindow trust munich")
	}
	a, err := put(dir, trust.Question{})
	switch {
	case err != nil:
		return err
	case c.Peer == "":
		_, err = io.WriteString(out, list(a, time.Local))
		return err
	case c.Forget:
		if _, err := put(dir, trust.Question{Forget: c.Peer}); err != nil {
			return err
		}
		fmt.Fprintf(out, "The key of %s is forgotten. The next one that it shows is pinned, and not confirmed.\n", c.Peer)
		return nil
	}
	pin, known := a.Pins[c.Peer]
	if !known {
		return fmt.Errorf("no key of %s has been seen yet; `ewindow trust` lists whose have", c.Peer)
	}
	public, err := c.choose(a.Own, pin, in, out)
	if err != nil {
		return err
	}
	if _, err := put(dir, trust.Question{Confirm: c.Peer, Public: public, By: whoAmI()}); err != nil {
		return err
	}
	fmt.Fprintf(out, "Confirmed: the window of %s has the key %s.\n", c.Peer, mediakey.WordsOf(public))
	return nil
}

// choose is the key that somebody confirms: by the words that they give, or by their answer.
func (c *trustCmd) choose(own mediakey.Public, pin trust.Pin, in io.Reader, out io.Writer) (mediakey.Public, error) {
	shown := cmp.Or(pin.Offered, pin.Public)
	if c.Words != "" {
		typed, err := mediakey.ParseWords(c.Words)
		if err != nil {
			return "", fmt.Errorf("--words: %w", err)
		}
		for _, public := range []mediakey.Public{shown, pin.Public} {
			if mediakey.WordsOf(public) == typed {
				return public, nil
			}
		}
		return "", fmt.Errorf("these are not the words of the key that %s shows here: %s; if %s's own screen says what you typed, somebody is between the two windows: do not confirm",
			c.Peer, mediakey.WordsOf(shown), c.Peer)
	}
	fmt.Fprintf(out, "this window  %s\n", mediakey.WordsOf(own))
	if pin.Offered != "" {
		fmt.Fprintf(out, "%s was     %s\n%s is now  %s\n\nThe key of %s has changed: its window was set up anew, or somebody is between the two windows.\n",
			c.Peer, mediakey.WordsOf(pin.Public), c.Peer, mediakey.WordsOf(pin.Offered), c.Peer)
	} else {
		fmt.Fprintf(out, "%s       %s\n\n", c.Peer, mediakey.WordsOf(pin.Public))
	}
	fmt.Fprintf(out, "Call the people at %s, or let them read it out: do the words\n\n    %s\n\nstand on the screen there as its own? yes or no: ", c.Peer, mediakey.WordsOf(shown))
	line, err := bufio.NewReader(io.LimitReader(in, 1000)).ReadString('\n')
	fmt.Fprintln(out)
	switch answer := strings.ToLower(strings.TrimSpace(line)); {
	case answer == "yes":
		return shown, nil
	case err != nil && answer == "":
		return "", errors.New("nothing is confirmed: nobody answered; in a script give the words: --words \"six words\"")
	}
	return "", errors.New("nothing is confirmed; if the words there are others, somebody is between the two windows")
}

// put asks the window that runs, or where none does, its files.
func put(dir string, q trust.Question) (a trust.Answer, err error) {
	a, err = ask.Put[trust.Question, trust.Answer](dir, trust.Socket, "window", q)
	if errors.Is(err, ask.ErrNotRunning) {
		if !trust.Begun(dir) {
			return a, fmt.Errorf("no window keeps its key in %s: start the window, which makes one unless a copy of media.key is put back before, or name another state directory with --state", dir)
		}
		a, err = putFiles(dir, q)
	}
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a, err
}

func putFiles(dir string, q trust.Question) (a trust.Answer, err error) {
	frozen := errors.Is(unix.Access(dir, unix.W_OK), unix.EROFS)
	key, pins, err := trust.Open(dir, slog.New(slog.DiscardHandler))
	switch {
	case err != nil:
		return a, ofFrozen(dir, frozen, err)
	case frozen && (q.Confirm != "" || q.Forget != ""):
		return a, errors.Join(fmt.Errorf("nothing is changed: the disk of %s is read-only, and no window runs that could remember it; have the disk written again (a worn card has to be replaced)", dir), pins.Close())
	}
	return pins.Answer(key.Public(), q), pins.Close()
}

// ofFrozen explains why the files of a read-only disk cannot be taken up: there a window that runs has no socket by which it could be asked.
func ofFrozen(dir string, frozen bool, err error) error {
	if frozen && errors.Is(err, trust.ErrInUse) {
		return fmt.Errorf("the window runs, and cannot be asked: the disk of %s is read-only, so that there is no %s; its screen and log show the words; to confirm them have the disk written again (a worn card has to be replaced), and start the window anew",
			dir, trust.Socket)
	}
	return err
}

// whoAmI is who confirms, as far as the machine knows.
func whoAmI() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint("uid ", os.Getuid())
}

// list is how it stands with all keys, for people.
func list(a trust.Answer, zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "this window: %s\n", mediakey.WordsOf(a.Own))
	if len(a.Pins) == 0 {
		b.WriteString("\nno key of a partner has been seen yet\n")
	}
	for _, peer := range slices.Sorted(maps.Keys(a.Pins)) {
		pin := a.Pins[peer]
		fmt.Fprintf(&b, "\n%s: %s\n", peer, mediakey.WordsOf(pin.Public))
		switch pin.State() {
		case trust.Confirmed:
			fmt.Fprintf(&b, "  confirmed there, and here on %s by %s\n", pin.Confirmed.In(zone).Format("2 Jan 2006 15:04"), pin.By)
		case trust.Half:
			fmt.Fprintf(&b, "  confirmed here on %s by %s, not yet there\n", pin.Confirmed.In(zone).Format("2 Jan 2006 15:04"), pin.By)
		case trust.Changed:
			fmt.Fprintf(&b, "  changed on %s: %s\n  no picture until someone here confirms it: ewindow trust %s\n",
				pin.OfferedAt.In(zone).Format("2 Jan 2006 15:04"), mediakey.WordsOf(pin.Offered), peer)
		default:
			fmt.Fprintf(&b, "  not yet confirmed, first seen on %s: ewindow trust %s\n", pin.Since.In(zone).Format("2 Jan 2006 15:04"), peer)
		}
	}
	return b.String()
}
