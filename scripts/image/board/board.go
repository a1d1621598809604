// Package board is a computer of arm64 in which a window's card is tried: QEMU's, with a screen, a keyboard, a console and a network, started by U-Boot from the
// card as a Raspberry Pi is. The card itself is not changed for it: the shell by which somebody looks around comes as a credential of systemd's, which a Pi has no way for.
//
//	serial: U-Boot, kernel ─▶ a log     hvc0: a shell ◀──▶ Do
//	monitor: Screen, Press              tap0 ◀──▶ a network namespace
package board

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"ewindow/scripts/stage"
)

// Config is what a board is made of.
type Config struct {
	Dir   string           // for its sockets and logs
	UBoot string           // QEMU's, a file
	Card  string           // the image of the card, which is written to
	Stick string           // another disk, read-only; empty for none
	On    *stage.Namespace // where its network card's other end, tap0, is; nil for no network
	IP    string           // its address there, as 10.77.0.2/24
}

// A Board is one that runs.
type Board struct {
	cfg     Config
	cmd     *exec.Cmd
	ended   chan struct{}
	monitor *line
	shell   *line
}

// A line is a socket on which one question at a time is asked.
type line struct {
	mu   sync.Mutex
	conn net.Conn
	in   *bufio.Reader
}

// shell is the unit that a board has beside those of its card.
const shell = `[Unit]
Description=A shell for tests
[Service]
ExecStart=/bin/sh -c "stty raw -echo; exec /bin/sh"
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/hvc0
Restart=always
RestartSec=1
`

// Start switches a board on. It goes off with Cut or with this process.
func Start(ctx context.Context, cfg Config) (*Board, error) {
	at := func(name string) string { return filepath.Join(cfg.Dir, name) }
	wants := "[Unit]\nWants=a.service\n"
	if err := errors.Join(os.MkdirAll(cfg.Dir, 0o755), os.WriteFile(at("shell.service"), []byte(shell), 0o644), os.WriteFile(at("wants"), []byte(wants), 0o644),
		os.WriteFile(at("network"), []byte("[Match]\nName=eth0\n[Network]\nAddress="+cfg.IP+"\n"), 0o644)); err != nil {
		return nil, err
	}
	// A name of fw_cfg has 55 letters at most: the shell is called "a", and pulled in by what has a name as short, the root.
	const credentials = "name=opt/io.systemd.credentials/"
	args := []string{"qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024", "-bios", cfg.UBoot,
		"-drive", "file=" + cfg.Card + ",if=none,id=card,format=raw,cache=writethrough", "-device", "virtio-blk-pci,drive=card,bootindex=0",
		"-device", "virtio-gpu-pci,xres=1280,yres=720", "-device", "virtio-keyboard-pci", "-display", "none",
		"-serial", "file:" + at("console.log"), "-monitor", "unix:" + at("monitor") + ",server=on,wait=off",
		"-device", "virtio-serial-pci", "-chardev", "socket,id=shell,path=" + at("shell") + ",server=on,wait=off", "-device", "virtconsole,chardev=shell",
		"-fw_cfg", credentials + "systemd.extra-unit.a.service,file=" + at("shell.service"),
		"-fw_cfg", credentials + "systemd.unit-dropin.-.mount,file=" + at("wants")}
	if cfg.Stick != "" {
		args = append(args, "-drive", "file="+cfg.Stick+",if=none,id=stick,format=raw,readonly=on", "-device", "virtio-blk-pci,drive=stick,serial=stick")
	}
	if cfg.On != nil {
		args = append(args, "-fw_cfg", credentials+"network.network.10-try,file="+at("network"))
		args = append(cfg.On.Enter(), append(args, "-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=net")...)
	} else {
		args = append(args, "-nic", "none")
	}
	b := &Board{cfg: cfg, ended: make(chan struct{})}
	b.cmd = exec.Command(args[0], args[1:]...)
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said strings.Builder
	b.cmd.Stderr = &said
	if err := b.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start QEMU: %w; make setup-image installs it", err)
	}
	go func() { defer close(b.ended); _ = b.cmd.Wait() }()
	var err error
	if b.monitor, err = b.connect(ctx, "monitor"); err == nil {
		_, err = b.monitor.until(prompt, time.Minute)
	}
	if err == nil {
		b.shell, err = b.connect(ctx, "shell")
	}
	if err != nil {
		b.Cut()
		return nil, fmt.Errorf("QEMU: %w: %s", err, said.String())
	}
	return b, nil
}

func (b *Board) connect(ctx context.Context, name string) (*line, error) {
	for {
		c, err := net.Dial("unix", filepath.Join(b.cfg.Dir, name))
		if err == nil {
			return &line{conn: c, in: bufio.NewReader(c)}, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-b.ended:
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Cut takes its power away, whatever it is doing.
func (b *Board) Cut() {
	_ = b.cmd.Process.Kill()
	<-b.ended
	for _, l := range []*line{b.monitor, b.shell} {
		if l != nil {
			_ = l.conn.Close()
		}
	}
}

// Console is what U-Boot and the kernel have said since it was switched on.
func (b *Board) Console() string {
	text, _ := os.ReadFile(filepath.Join(b.cfg.Dir, "console.log"))
	return strings.ReplaceAll(string(text), "\r", "")
}

// prompt is what the monitor ends its answers with.
const prompt = "(qemu) "

// until reads until it has read end, for so long.
func (l *line) until(end string, most time.Duration) (string, error) {
	_ = l.conn.SetDeadline(time.Now().Add(most))
	var said strings.Builder
	for !strings.HasSuffix(said.String(), end) {
		c, err := l.in.ReadByte()
		if err != nil {
			return said.String(), err
		}
		said.WriteByte(c)
	}
	return strings.TrimSuffix(said.String(), end), nil
}

// ask has the monitor do something.
func (b *Board) ask(command string) error {
	b.monitor.mu.Lock()
	defer b.monitor.mu.Unlock()
	if _, err := fmt.Fprintln(b.monitor.conn, command); err != nil {
		return fmt.Errorf("QEMU's monitor: %w", err)
	}
	if _, err := b.monitor.until(prompt, time.Minute); err != nil {
		return fmt.Errorf("QEMU's monitor: %s: %w", command, err)
	}
	return nil
}

// Press presses keys of its keyboard, by QEMU's names, as "ret" or "a".
func (b *Board) Press(keys ...string) error {
	for _, k := range keys {
		if err := b.ask("sendkey " + k); err != nil {
			return err
		}
	}
	return nil
}

// Screen leaves a picture of what its screen shows, as PPM.
func (b *Board) Screen(path string) error { return b.ask("screendump " + path) }

// Up waits until the shell answers.
func (b *Board) Up(ctx context.Context) error {
	for {
		if out, err := b.do("echo here", 5*time.Second); err == nil && strings.HasSuffix(out, "here") {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the board does not come up: %w", ctx.Err())
		case <-b.ended:
			return errors.New("the board is off")
		case <-time.After(time.Second):
		}
	}
}

// Do runs a command in a shell of root's, and returns what it wrote. A status other than 0 is an error.
func (b *Board) Do(ctx context.Context, command string) (string, error) {
	most := 2 * time.Minute
	if deadline, ok := ctx.Deadline(); ok {
		most = time.Until(deadline)
	}
	return b.do(command, most)
}

func (b *Board) do(command string, most time.Duration) (string, error) {
	b.shell.mu.Lock()
	defer b.shell.mu.Unlock()
	tag := fmt.Sprintf("--answered-%d--", time.Now().UnixNano())
	_ = b.shell.conn.SetDeadline(time.Now().Add(most))
	if _, err := fmt.Fprintf(b.shell.conn, "{ %s\n} 2>&1 </dev/null; echo; echo %s $?.\n", command, tag); err != nil {
		return "", fmt.Errorf("the board's shell: %w", err)
	}
	out, err := b.shell.until(tag+" ", most)
	if err != nil {
		return out, fmt.Errorf("the board's shell: %q: %w", command, err)
	}
	status, err := b.shell.until(".", most)
	out = strings.Trim(strings.ReplaceAll(out, "\r", ""), "\n")
	if err == nil && status != "0" {
		err = fmt.Errorf("%q on the board: status %s: %s", command, status, out)
	}
	return out, err
}
