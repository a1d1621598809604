// Command try switches the image of a window's card on, in QEMU, and looks: what the screen shows, what the system is, and what becomes of a copy that does not come up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ewindow/scripts/image/board"
	"ewindow/scripts/stage"
	"ewindow/scripts/vm/machine"
)

// A trial is one card that scenes are played with.
type trial struct {
	dir   string // for all that is made
	made  string // where image.sh has left its work
	image string
	bin   string
	began time.Time
	ns    *stage.Namespace
	board *machine.Machine
}

// A scene is one thing that a card has to do.
type scene struct {
	name, what string
	play       func(context.Context, *trial) error
}

var scenes = []scene{
	{"choice", "which copy U-Boot starts, with kernels that are none", choice},
	{"first", "a card that nobody has written to: what the system is, and the screen that says how to join", first},
	{"card", "a file on the card: its mistakes on the screen, then the window joins by it, and the code is gone", byCard},
	{"slots", "an update that comes up, one that does not, one that somebody else has signed", slots},
}

func main() {
	made := flag.String("made", "bin/image", "where image.sh has left its work")
	only := flag.String("only", "", "the scenes to be played, with commas between; all unless given")
	keep := flag.String("keep", "", "leave pictures of the screen and consoles in this directory")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *made, *only, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "test-image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, made, only, keep string) error {
	images, err := filepath.Glob(filepath.Join(made, "ewindow-*-arm64.img"))
	if err != nil || len(images) == 0 {
		return fmt.Errorf("%s has no image; make image makes it", made)
	}
	slices.SortFunc(images, func(a, b string) int { return int(modified(a).Sub(modified(b)).Seconds()) })
	dir := keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "ewindow-image-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	for _, s := range scenes {
		if only != "" && !slices.Contains(strings.Split(only, ","), s.name) {
			continue
		}
		fmt.Printf("== %s: %s\n", s.name, s.what)
		t := &trial{dir: filepath.Join(dir, s.name), made: made, image: images[len(images)-1], bin: "bin", began: time.Now()}
		if err := t.play(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	fmt.Println("passed")
	return nil
}

func modified(path string) time.Time {
	if info, err := os.Stat(path); err == nil {
		return info.ModTime()
	}
	return time.Time{}
}

func (t *trial) play(ctx context.Context, s scene) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Minute)
	defer cancel()
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "--sparse=always", t.image, t.card()).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the image: %w: %s", err, out)
	}
	defer os.Remove(t.card())
	if t.ns, err = stage.NewNamespace(ctx); err != nil {
		return err
	}
	defer t.ns.Remove()
	if err := t.ns.IP(ctx, "tuntap add dev tap0 mode tap", "addr add 10.77.0.1/24 dev tap0", "link set tap0 up"); err != nil {
		return err
	}
	defer t.off()
	return s.play(ctx, t)
}

func (t *trial) card() string { return filepath.Join(t.dir, "card.img") }

// on switches the card on, and waits until its shell answers. stick is another disk.
func (t *trial) on(ctx context.Context, stick string) error {
	began := time.Now()
	b, err := board.Start(ctx, board.Config{Dir: t.dir, UBoot: filepath.Join(t.made, "u-boot-qemu.bin"), Card: t.card(), Stick: stick, Enter: t.ns.Enter(), IP: "10.77.0.2/24"})
	if err != nil {
		return err
	}
	t.board = b
	up, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := b.Up(up); err != nil {
		return fmt.Errorf("%w; its console ends with:\n%s", err, end(b.Console()))
	}
	t.say("up after %.0f s", time.Since(began).Seconds())
	return nil
}

// off cuts the power.
func (t *trial) off() {
	if t.board != nil {
		t.board.Cut()
		t.board = nil
	}
}

func end(text string) string { return text[max(0, len(text)-3000):] }

func (t *trial) say(format string, args ...any) {
	fmt.Printf("%6.0f s  %s\n", time.Since(t.began).Seconds(), fmt.Sprintf(format, args...))
}

// A check is a command on the board, and what it is to say.
type check struct {
	what, command string
	says          string // whole, or with * in front a part of it
}

// checks makes all of them, and says each.
func (t *trial) checks(ctx context.Context, all []check) error {
	var failed []error
	for _, c := range all {
		out, err := t.board.Do(ctx, c.command)
		part, some := strings.CutPrefix(c.says, "*")
		switch {
		case err == nil && (some && strings.Contains(out, part) || !some && out == c.says):
			t.say("ok    %s", c.what)
		default:
			t.say("FAIL  %s: %s: %q, not %q; %v", c.what, c.command, out, c.says, err)
			failed = append(failed, fmt.Errorf("%s", c.what))
		}
	}
	return errors.Join(failed...)
}

// until asks until the board says so.
func (t *trial) until(ctx context.Context, what, command, says string) error {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	for {
		out, err := t.board.Do(ctx, command)
		if strings.Contains(out, says) {
			t.say("ok    %s", what)
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := t.board.Do(context.Background(), "journalctl -b --no-pager -n 40")
			return fmt.Errorf("%s: %s says %q, not %q: %w; the journal ends with:\n%s", what, command, out, says, err, log)
		case <-time.After(2 * time.Second):
		}
	}
}
