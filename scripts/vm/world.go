package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media/testcard"
	"ewindow/scripts/stage"
	"ewindow/scripts/vm/machine"
)

// The two windows: milano is in the machine, munich outside.
const inside, outside = "milano", "munich"

// The machine's network, as scripts/vm/root has it.
const hostAddress = "10.77.0.1"

// What the window in the machine sends: as much as a computed machine can. The pictures of the other side have its screen's size, halved.
const video = "video {\n  width  = 320\n  height = 180\n  fps    = 5\n  kbps   = 200\n}\n"

// world is everything around one scene.
type world struct {
	options
	say       func(string)
	namespace *stage.Namespace
	network   *stage.Network
	screen    *stage.Display // munich's
	machine   *machine.Machine
	clock     string // what the machine's clock says when it is switched on; empty: the time

	log  *os.File
	mu   sync.Mutex // of seen
	seen []string
}

// open has the registrar and the partner run; the machine is off. It has to be closed, also after an error.
func open(ctx context.Context, o options, say func(string)) (w *world, err error) {
	w = &world{options: o, say: say}
	if err := os.MkdirAll(o.logs, 0o755); err != nil {
		return w, err
	}
	if w.log, err = os.Create(filepath.Join(o.logs, "outside.log")); err != nil {
		return w, err
	}
	if err := w.overlay(ctx); err != nil {
		return w, err
	}
	if w.namespace, err = stage.NewNamespace(ctx); err != nil {
		return w, err
	}
	if err := w.namespace.IP(ctx, "tuntap add dev tap0 mode tap", "addr add "+hostAddress+"/24 dev tap0", "link set tap0 up"); err != nil {
		return w, err
	}
	if w.screen, err = stage.StartXvfb(ctx, 320, 180); err != nil {
		return w, err
	}
	w.network = &stage.Network{Dir: filepath.Join(o.logs, "outside"), Bin: o.bin, Host: hostAddress, TLS: 5061, SIP: 5060,
		Dialplan: stage.Open(outside, inside),
		Windows: []stage.Window{{Space: outside, Camera: "test", Microphone: "test", Speaker: "none", Screen: "x11:" + w.screen.Name,
			Width: 320, Height: 180, FPS: 10, Kbps: 300}},
		Lines: func(name string, line []byte) { fmt.Fprintf(w.log, "%s %s\n", name, line) },
		Enter: func(string) []string { return w.namespace.Enter() }}
	if err := w.network.Write(); err != nil {
		return w, err
	}
	if _, err := w.network.StartRegistrar(ctx); err != nil {
		return w, err
	}
	_, err = w.network.StartWindow(w.network.Windows[0])
	return w, err
}

func (w *world) close() {
	if w.machine != nil {
		w.machine.Cut()
	}
	if w.network != nil {
		w.network.Close()
	}
	if w.screen != nil {
		_ = w.screen.Close()
	}
	if w.namespace != nil {
		w.namespace.Remove()
	}
	if w.log != nil {
		_ = w.log.Close()
	}
	_ = os.Remove(w.card())
}

// card is the machine's disk in this scene: what is written goes there, and the one of disk.sh stays as it was made.
func (w *world) card() string { return filepath.Join(w.logs, "card.qcow2") }

func (w *world) overlay(ctx context.Context) error {
	base, err := filepath.Abs(filepath.Join(w.disk, "disk.img"))
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", w.card()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("a disk above %s: %w: %s; make vm makes it", base, err, out)
	}
	return nil
}

// power switches the machine on.
func (w *world) power(ctx context.Context) (err error) {
	pc := machine.PC{Kernel: filepath.Join(w.disk, "vmlinuz"), Initrd: filepath.Join(w.disk, "initrd"), Disk: w.card(), Tap: "tap0",
		Memory: 1024, Clock: w.clock, Width: 640, Height: 360}
	w.machine, err = machine.Start(ctx, machine.Config{Dir: w.logs, Hardware: pc.Hardware(), Enter: w.namespace.Enter()})
	return err
}

// boot switches the machine on and waits until somebody can log in.
func (w *world) boot(ctx context.Context) error {
	begin := time.Now()
	if err := w.power(ctx); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := w.machine.Up(within); err != nil {
		return err
	}
	state, _ := w.machine.Do(within, "systemctl is-system-running --wait")
	if state != "running" {
		failed, _ := w.machine.Do(within, "systemctl --no-legend --plain list-units --failed; systemctl list-jobs")
		return fmt.Errorf("the machine has come up %q: %s", state, failed)
	}
	w.say(fmt.Sprintf("the machine is up after %.0f s", time.Since(begin).Seconds()))
	return nil
}

// do runs a command of root's in the machine.
func (w *world) do(ctx context.Context, command string) (string, error) {
	within, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return w.machine.Do(within, command)
}

// join has the machine's window join with a code that is given to a command, with these devices, and starts it.
func (w *world) join(ctx context.Context, devices string) error {
	code, err := w.network.Invite(inside)
	if err != nil {
		return err
	}
	_, err = w.do(ctx, "echo "+strings.TrimSpace(code)+" | ewindow join --code-file - -c /etc/ewindow/window.hcl --accept-rules stage --no-start\n"+
		"sed -i '/^camera\\|^screen\\|^microphone\\|^speaker/d' /etc/ewindow/window.hcl\n"+
		"cat >>/etc/ewindow/window.hcl <<'END'\n"+devices+video+"END\n"+
		"ewindow check /etc/ewindow/window.hcl && systemctl start ewindow")
	return err
}

// notes remembers what was seen, for the table.
func (w *world) notes(format string, a ...any) {
	line := fmt.Sprintf(format, a...)
	w.say(line)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, line)
}

// until asks again and again until something is so. What lacks is said where it never is.
func until(ctx context.Context, within time.Duration, ask func() (lacks string)) error {
	deadline := time.Now().Add(within)
	for {
		lacks := ask()
		if lacks == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v: %s", within, lacks)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// patience is for everything in the machine that takes a second on a real one.
const patience = 3 * time.Minute

// shows waits until the machine's screen shows the partner's test picture, and two of them.
func (w *world) shows(ctx context.Context) error {
	var before uint32
	return until(ctx, patience, func() string {
		img, err := w.machine.Screen()
		if err != nil {
			return err.Error()
		}
		seed, counter, ok := machine.Seen(img)
		if !ok || seed != testcard.Seed(outside) {
			return "the machine's screen does not show the partner's picture"
		}
		if before == 0 || counter == before {
			before = counter
			return "the machine's screen shows one picture of the partner's, and no second"
		}
		return ""
	})
}

// partner is what munich says of the call with milano, once it fulfils a condition.
func (w *world) partner(ctx context.Context, is func(status.Status, status.Call) (lacks string)) error {
	return until(ctx, patience, func() string {
		s, err := w.network.Status(outside)
		if err != nil {
			return err.Error()
		}
		for _, c := range s.Calls {
			if c.Up && c.Peer == inside && !c.Leaving {
				return is(s, c)
			}
		}
		return "the partner has no call with the machine's window"
	})
}

// sees waits until so many more pictures have come to the partner.
func (w *world) sees(ctx context.Context, more uint64) error {
	id, from := "", uint64(0)
	return w.partner(ctx, func(_ status.Status, c status.Call) string {
		if c.ID != id {
			id, from = c.ID, c.Figures.PicturesIn
		}
		if c.Figures.PicturesIn < from+more {
			return fmt.Sprintf("the partner got %d pictures of %d", c.Figures.PicturesIn-from, more)
		}
		return ""
	})
}

// window is what the machine's window says of itself.
func (w *world) window(ctx context.Context) (s status.Status, err error) {
	out, err := w.do(ctx, "ewindow status --json")
	if err != nil {
		return s, err
	}
	return s, decode(out, &s)
}

// device waits until a device of the window's is as it should be.
func (w *world) device(ctx context.Context, role string, is func(status.Device) (lacks string)) error {
	return until(ctx, patience, func() string {
		s, err := w.window(ctx)
		if err != nil {
			return err.Error()
		}
		for _, d := range s.Devices {
			if d.Role == role {
				return is(d)
			}
		}
		return "the window has no " + role
	})
}

// picture keeps what the machine's screen shows now.
func (w *world) picture(name string) error {
	img, err := w.machine.Screen()
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(w.logs, name+".png"))
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, img), f.Close())
}

// said is what the machine's window has logged last, for who looks for a fault.
func (w *world) said(ctx context.Context) string {
	if w.machine == nil {
		return ""
	}
	within, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := w.machine.Do(within, "journalctl -u ewindow -o cat --no-pager -n 40; ewindow status")
	if err != nil {
		return err.Error()
	}
	return out
}
