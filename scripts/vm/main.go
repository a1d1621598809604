// Command vm is a lab with real devices: Debian with the installed package boots in QEMU, with a camera that is V4L2, a sound card that is ALSA, a
// screen that is KMS and a keyboard; the registrar and the partner run outside. What happens there is judged by what the machine's screen shows, by
// what the partner sees, and by what the kernel says. It prints a table in Markdown, progress on stderr, and ends with 1 if something is not as it should be.
//
//	registrar, partner ◀── tap0 in a network namespace ──▶ QEMU: ewindow.service ──▶ vivid, snd-aloop, virtio-gpu
//	      │ X                                                     ▲ keys, power, clock  │
//	    status ◀──────────────── scene ──────────────────────────────────────────┘ ◀──┘ screendump
//
// Everything is computed, at a tenth of the speed of the machine that it runs on or less: it wants that machine for itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ewindow/scripts/stage"
)

// options are the flags.
type options struct {
	scenes, bin, disk, logs string
	cuts                    int
	list                    bool
}

func main() {
	var o options
	flag.StringVar(&o.scenes, "scenes", "", "only these `scenes`, separated by commas or blanks")
	flag.StringVar(&o.bin, "bin", "bin", "directory of the programs that run outside")
	flag.StringVar(&o.disk, "disk", "bin/vm", "`directory` of disk.img, vmlinuz and initrd, as disk.sh makes it")
	flag.StringVar(&o.logs, "logs", "", "`directory` for what the programs print and the screen shows")
	flag.IntVar(&o.cuts, "cuts", 3, "how often the scene power takes the power away")
	flag.BoolVar(&o.list, "list", false, "print the scenes, and do nothing")
	flag.Parse()
	if o.list {
		for _, s := range scenes {
			fmt.Printf("%-10s %s\n", s.name, s.what)
		}
		return
	}
	stage.Main("vm", func(ctx context.Context) error { return run(ctx, o, os.Stdout, os.Stderr) })
}

// outcome is how a scene ended.
type outcome struct {
	scene
	seen []string // what was seen, for the table
	err  error
}

func run(ctx context.Context, o options, out, progress io.Writer) error {
	chosen, err := choose(o.scenes)
	if err != nil {
		return err
	}
	if o.logs == "" {
		dir, err := os.MkdirTemp("", "vm")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.logs = dir
	}
	begin := time.Now()
	var outcomes []outcome
	for i, s := range chosen {
		say := func(line string) {
			fmt.Fprintf(progress, "vm: %4.0f s  %s: %s\n", time.Since(begin).Seconds(), s.name, line)
		}
		say(fmt.Sprintf("begins (%d of %d): %s", i+1, len(chosen), s.what))
		done := play(ctx, s, o, say)
		if done.err != nil {
			say(done.err.Error())
		}
		outcomes = append(outcomes, done)
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Fprint(out, table(outcomes))
	bad := slices.DeleteFunc(outcomes, func(o outcome) bool { return o.err == nil })
	if len(bad) > 0 {
		return errors.Join(ctx.Err(), fmt.Errorf("%d of %d scenes are not as they should be", len(bad), len(chosen)))
	}
	return ctx.Err()
}

// play plays one scene in a world of its own.
func play(ctx context.Context, s scene, o options, say func(string)) outcome {
	done := outcome{scene: s}
	o.logs = filepath.Join(o.logs, s.name)
	w, err := open(ctx, o, say)
	defer w.close()
	if err == nil {
		err = s.play(ctx, w)
	}
	done.seen = w.seen
	if err != nil {
		if w.machine != nil {
			_ = w.picture("at-the-end")
		}
		done.err = fmt.Errorf("%w\n%s", err, w.said(ctx))
	}
	return done
}

func choose(names string) ([]scene, error) {
	words := strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
	if len(words) == 0 {
		return scenes, nil
	}
	var chosen []scene
	for _, word := range words {
		i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == word })
		if i < 0 {
			return nil, fmt.Errorf("there is no scene %q; -list names them", word)
		}
		chosen = append(chosen, scenes[i])
	}
	return chosen, nil
}

func table(outcomes []outcome) string {
	var b strings.Builder
	b.WriteString("| scene | what | seen |\n|---|---|---|\n")
	for _, o := range outcomes {
		seen := strings.Join(o.seen, "; ")
		if o.err != nil {
			first, _, _ := strings.Cut(o.err.Error(), "\n")
			seen += "; **" + first + "**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", o.name, o.what, strings.ReplaceAll(strings.TrimPrefix(seen, "; "), "|", "\\|"))
	}
	return b.String()
}
