// Package machine is a computer with devices that are real to the programs on it: QEMU's, with a screen, a keyboard, a clock, a console and a disk, which lose
// their power when somebody wants it.
//
//	console: what the kernel says ─▶ a log     a second line: a shell ◀──▶ Do
//	monitor: Screen, Press, and power           tap ◀──▶ a network namespace
package machine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Config is what a machine is made of, and where it stands.
type Config struct {
	Dir      string   // for its sockets and logs; Hardware names its files too
	Hardware []string // QEMU's program and its arguments; see PC and Board
	Enter    []string // the command by which QEMU runs where the other end of its network card is; empty for here
}

// The sockets and logs of a machine, in its directory.
const consoleFile, shellSocket, monitorSocket, screenFile = "console.log", "shell", "monitor", "screen.ppm"

// A Machine is one that runs.
type Machine struct {
	cfg     Config
	cmd     *exec.Cmd
	ended   chan struct{}
	monitor *line
	shell   *line
}

// Start switches a machine on. It goes off with Cut or with this process.
func Start(ctx context.Context, cfg Config) (*Machine, error) {
	args := slices.Concat(cfg.Enter, cfg.Hardware, []string{"-device", "virtio-keyboard-pci", "-display", "none",
		"-serial", "file:" + filepath.Join(cfg.Dir, consoleFile),
		"-monitor", "unix:" + filepath.Join(cfg.Dir, monitorSocket) + ",server=on,wait=off",
		"-chardev", "socket,id=shell,path=" + filepath.Join(cfg.Dir, shellSocket) + ",server=on,wait=off"})
	m := &Machine{cfg: cfg, ended: make(chan struct{})}
	m.cmd = exec.Command(args[0], args[1:]...)
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	m.cmd.Stderr = &said
	if err := m.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start QEMU: %w; the set-up of make vm and make test-image installs it", err)
	}
	go func() { defer close(m.ended); _ = m.cmd.Wait() }()
	var err error
	if m.monitor, err = m.connect(ctx, monitorSocket); err == nil {
		_, err = m.monitor.until(prompt, time.Minute)
	}
	if err == nil {
		m.shell, err = m.connect(ctx, shellSocket)
	}
	if err != nil {
		m.Cut()
		return nil, fmt.Errorf("QEMU: %w: %s", err, &said)
	}
	return m, nil
}

func (m *Machine) connect(ctx context.Context, name string) (*line, error) {
	for {
		c, err := net.Dial("unix", filepath.Join(m.cfg.Dir, name))
		if err == nil {
			return &line{conn: c, in: bufio.NewReader(c)}, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-m.ended:
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Cut takes its power away, whatever it is doing.
func (m *Machine) Cut() {
	_ = m.cmd.Process.Kill()
	<-m.ended
	for _, l := range []*line{m.shell, m.monitor} {
		if l != nil {
			_ = l.conn.Close()
		}
	}
}

// Console is what its kernel, and what started that, have said since it was switched on.
func (m *Machine) Console() string {
	b, _ := os.ReadFile(filepath.Join(m.cfg.Dir, consoleFile))
	return strings.ReplaceAll(string(b), "\r", "")
}

// Press presses keys of its keyboard, by QEMU's names, as "ret" or "a".
func (m *Machine) Press(keys ...string) error {
	for _, k := range keys {
		if err := m.monitor.command("sendkey " + k); err != nil {
			return err
		}
	}
	return nil
}

// Up waits until its shell answers: what is written to the line before there is a shell is lost.
func (m *Machine) Up(ctx context.Context) error {
	for wait := 2 * time.Second; ; wait = min(2*wait, time.Minute) { // a slow one answers late each time
		_, err := m.shell.ask("true", time.Now().Add(wait))
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the machine does not come up: %w", errors.Join(ctx.Err(), err))
		case <-m.ended:
			return errors.New("the machine went off before it was up")
		default:
		}
	}
}

// Do runs a command in a shell of root's, and returns what it wrote. A status other than 0 is an error.
func (m *Machine) Do(ctx context.Context, command string) (string, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(2 * time.Minute)
	}
	return m.shell.ask(command, deadline)
}
