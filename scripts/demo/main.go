// Command demo runs the main job on this machine: a registrar and two windows, milano and munich, as separate processes
// that see and hear each other. With -seconds it ends by itself and says whether all went well, judged from outside: by
// what X shows and what the speakers play, not by what the programs say.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"ewindow/endpoint/status"
	"ewindow/scripts/stage"
)

const (
	width, height = 1280, 720
	startLimit    = 30 * time.Second // until both screens show something of the other space
	leastWatch    = 3 * time.Second
)

// options are what the demo can be asked for. A device that is not named is a test source.
type options struct {
	seconds    time.Duration // 0: until interrupted
	dir, bin   string
	camera     string // of milano
	microphone string // of milano
	speaker    string // of milano

	// For the test of the check, which must see these: sources by space instead of the test sources, and eyes and
	// ears at the wrong window.
	cameras, microphones map[string]string
	exchange             bool
}

func main() {
	var o options
	flag.DurationVar(&o.seconds, "seconds", 0, "end after so long and check what was seen and heard; 0: run until interrupted")
	flag.StringVar(&o.camera, "camera", "", "milano's camera, as in window.hcl or a device such as /dev/video0; else a test picture")
	flag.StringVar(&o.microphone, "microphone", "", "milano's microphone, as in window.hcl; else a tone")
	flag.StringVar(&o.speaker, "speaker", "", "milano's speaker, as in window.hcl; else one that nobody but the check hears")
	flag.StringVar(&o.dir, "dir", "demo", "directory for everything that is written")
	flag.StringVar(&o.bin, "bin", "bin", "directory of the programs")
	flag.Parse()
	if strings.HasPrefix(o.camera, "/dev/") {
		o.camera = "v4l2:" + o.camera
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, func(line string) { fmt.Println(line) }); err != nil {
		fmt.Fprintf(os.Stderr, "demo: failed:\n%v\n", err)
		os.Exit(1)
	}
}

// window is one window of the demo with those who look at it and listen to it.
type window struct {
	space, other string
	wav          string // what its speaker plays; empty if that is a real one
	eyes         *stage.Eyes
	real         bool // the other side's camera or microphone is a real one, and carries no code
}

func run(ctx context.Context, o options, say func(string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	logs := logs{dir: dir, files: map[string]*os.File{}}
	defer logs.close()
	n := &stage.Network{Dir: dir, Bin: o.bin, Dialplan: stage.Open("milano", "munich"), Lines: logs.line, Codes: true}
	var room *stage.Room // where the speakers are listened to
	if o.seconds > 0 {
		if room, err = stage.OpenRoom(ctx); err != nil {
			return err
		}
		defer room.Close()
	}
	windows := []*window{
		{space: "milano", other: "munich"},
		{space: "munich", other: "milano", real: o.camera != "" || o.microphone != ""},
	}
	for i, w := range windows {
		spec, err := w.prepare(ctx, room, o, i)
		if err != nil {
			return err
		}
		defer w.eyes.Close()
		n.Windows = append(n.Windows, spec)
	}
	if a, b := windows[0], windows[1]; o.exchange {
		a.eyes, b.eyes, a.wav, b.wav = b.eyes, a.eyes, b.wav, a.wav
	}
	if err := n.Write(); err != nil {
		return err
	}
	defer n.Close()
	return play(ctx, n, windows, o, say)
}

// prepare chooses a window's devices and opens the eyes that look at it.
func (w *window) prepare(ctx context.Context, room *stage.Room, o options, i int) (stage.Window, error) {
	spec := stage.Window{Space: w.space, Camera: "test", Microphone: "test"}
	if c := o.cameras[w.space]; c != "" {
		spec.Camera = c
	}
	if m := o.microphones[w.space]; m != "" {
		spec.Microphone = m
	}
	if w.space == "milano" {
		spec.Camera, spec.Microphone = orElse(o.camera, spec.Camera), orElse(o.microphone, spec.Microphone)
		spec.Speaker = o.speaker
	}
	if spec.Speaker == "" && room != nil {
		var err error
		if spec.Speaker, w.wav, err = room.Speaker(ctx, w.space); err != nil {
			return spec, err
		}
	}
	spec.Speaker = orElse(spec.Speaker, "none")

	display, title := os.Getenv("DISPLAY"), "E-Window "+w.space
	if display == "" {
		x, err := stage.StartXvfb(ctx, width, height)
		if err != nil {
			return spec, err
		}
		context.AfterFunc(ctx, func() { _ = x.Close() })
		display, title = x.Name, ""
		spec.Screen = "x11:" + display
	} else {
		spec.Screen = fmt.Sprintf("x11:%s,640x360+%d+60", display, 40+660*i)
	}
	var err error
	w.eyes, err = stage.OpenEyes(display, title)
	return spec, err
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// play runs the programs until the time is over, somebody interrupts, or one of them ends.
func play(ctx context.Context, n *stage.Network, windows []*window, o options, say func(string)) error {
	registrar, err := n.StartRegistrar(ctx)
	if err != nil {
		return err
	}
	say(fmt.Sprintf("registrar listens with TLS on %s:%d, for phones with UDP and TCP on %s:%d, pin %s", n.Host, n.TLS, n.Host, n.SIP, n.Pin))
	processes := []*stage.Process{registrar}
	tellCtx, silence := context.WithCancel(ctx)
	var tellers sync.WaitGroup
	defer func() { silence(); tellers.Wait() }()
	for _, spec := range n.Windows {
		p, err := n.StartWindow(spec)
		if err != nil {
			return err
		}
		processes = append(processes, p)
		tellers.Go(func() {
			tell(tellCtx, func() (status.Status, error) { return n.Status(spec.Space) },
				func(format string, args ...any) { say(fmt.Sprintf("%-9s ", spec.Space) + fmt.Sprintf(format, args...)) })
		})
	}
	say(fmt.Sprintf("demo      %s shows what each screen shows now, %s what the programs say",
		filepath.Join(n.Dir, "{milano,munich}.png"), filepath.Join(n.Dir, "{registrar,milano,munich}.log")))
	if o.seconds == 0 {
		say(fmt.Sprintf("demo      edit %s: write open = \"off\" for milano and save, and the windows close;\n"+
			"demo      write open = \"24/7\" again, and they open. Ctrl-C ends the demo.", n.DialplanPath()))
	}
	ended := make(chan error, len(processes))
	for _, p := range processes {
		go func() {
			<-p.Ended()
			ended <- p.Err()
		}()
	}
	photographed := make(chan struct{})
	photoCtx, enough := context.WithCancel(ctx)
	go func() {
		defer close(photographed)
		photograph(photoCtx, n.Dir, windows)
	}()
	defer func() { enough(); <-photographed }()
	if o.seconds == 0 {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		}
	}
	checked := make(chan error, 1)
	checkCtx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { checked <- check(checkCtx, windows, o.seconds, say) }()
	select {
	case err := <-checked:
		return err
	case err := <-ended:
		stop()
		<-checked
		return err
	}
}

// check waits until both windows are open, watches them for the rest of the time, and judges.
func check(ctx context.Context, windows []*window, d time.Duration, say func(string)) error {
	deadline := time.Now().Add(d)
	if err := waitOpen(ctx, windows); err != nil {
		return err
	}
	watching := max(time.Until(deadline), leastWatch)
	var wg sync.WaitGroup
	errs := make([]error, len(windows))
	for i, w := range windows {
		wg.Go(func() {
			ev, err := watch(ctx, w.space, w.eyes, w.wav, watching)
			if err == nil && !w.real {
				err = judge(ev, w.other)
			}
			if errs[i] = err; err == nil && w.real {
				say(fmt.Sprintf("demo      %s: not checked: %s's devices are real ones", w.space, w.other))
			} else if err == nil {
				say(fmt.Sprintf("demo      %s: %s", w.space, praise(ev, w.other)))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// waitOpen returns when each screen has shown a picture of any test camera, or none will.
func waitOpen(ctx context.Context, windows []*window) error {
	limit := time.Now().Add(startLimit)
	for _, w := range windows {
		for !w.real && time.Now().Before(limit) {
			if _, _, ok, _ := w.eyes.Code(); ok {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil // judge says what is missing
}

// photograph keeps a picture of each screen on disk.
func photograph(ctx context.Context, dir string, windows []*window) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, w := range windows {
			_ = w.eyes.Save(filepath.Join(dir, w.space+".png")) // the window may be minimised; the next second is another try
		}
	}
}
