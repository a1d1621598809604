// Package machine is a computer with devices that are real to the programs on it: Debian in QEMU, with a screen, a keyboard, a clock, a serial
// console and a disk that lose their power when somebody wants it.
//
//	serial ttyS0: what the kernel says ─▶ a log     ttyS1: a shell ◀──▶ Do
//	monitor: Screen, Press, and power                tap ◀──▶ a network namespace
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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Config is what a machine is made of.
type Config struct {
	Dir    string // for its sockets and logs
	Kernel string // and Initrd, Disk: files
	Initrd string
	Disk   string   // qcow2
	Tap    string   // the other end of its network card, which is there already
	Enter  []string // the command by which QEMU runs where Tap is
	Memory int      // MB
	Clock  string   // what the clock says at the start, as 2015-01-01; empty: the time
	Width  int      // of its screen
	Height int
}

// A Machine is one that runs.
type Machine struct {
	cfg   Config
	cmd   *exec.Cmd
	ended chan struct{}

	mu      sync.Mutex // of the shell and the monitor, one question at a time
	shell   net.Conn
	answers *bufio.Reader
	asked   int // questions
	monitor net.Conn
	says    *bufio.Reader
}

// Start switches a machine on. It goes off with Cut or with this process.
func Start(ctx context.Context, cfg Config) (*Machine, error) {
	path, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		return nil, fmt.Errorf("%w; make vm installs it", err)
	}
	// Computed, and not by KVM: under that of some hosts a stock kernel hangs.
	args := []string{"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", strconv.Itoa(cfg.Memory),
		"-kernel", cfg.Kernel, "-initrd", cfg.Initrd, "-append", "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0",
		"-drive", "file=" + cfg.Disk + ",if=virtio,format=qcow2,cache=writethrough", // what the machine has written is there after a cut
		"-vga", "none", "-device", fmt.Sprintf("virtio-gpu-pci,xres=%d,yres=%d", cfg.Width, cfg.Height), "-device", "virtio-keyboard-pci",
		"-netdev", "tap,id=net,ifname=" + cfg.Tap + ",script=no,downscript=no", "-device", "virtio-net-pci,netdev=net",
		"-display", "none", "-no-reboot",
		"-serial", "file:" + filepath.Join(cfg.Dir, "console.log"),
		"-serial", "unix:" + filepath.Join(cfg.Dir, "shell") + ",server=on,wait=off",
		"-monitor", "unix:" + filepath.Join(cfg.Dir, "monitor") + ",server=on,wait=off"}
	if cfg.Clock != "" {
		args = append(args, "-rtc", "base="+cfg.Clock)
	}
	m := &Machine{cfg: cfg, ended: make(chan struct{})}
	command := slices.Concat(cfg.Enter, []string{path}, args)
	m.cmd = exec.Command(command[0], command[1:]...)
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	m.cmd.Stderr = &said
	if err := m.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start QEMU: %w", err)
	}
	go func() { defer close(m.ended); _ = m.cmd.Wait() }()
	if m.monitor, err = m.connect(ctx, "monitor"); err == nil {
		m.says = bufio.NewReader(m.monitor)
		_, err = m.untilPrompt()
	}
	if err == nil {
		m.shell, err = m.connect(ctx, "shell")
	}
	if err != nil {
		m.Cut()
		return nil, fmt.Errorf("QEMU: %w: %s", err, &said)
	}
	m.answers = bufio.NewReader(m.shell)
	return m, nil
}

func (m *Machine) connect(ctx context.Context, name string) (net.Conn, error) {
	for {
		c, err := net.Dial("unix", filepath.Join(m.cfg.Dir, name))
		if err == nil {
			return c, nil
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
	for _, c := range []net.Conn{m.shell, m.monitor} {
		if c != nil {
			_ = c.Close()
		}
	}
}

// Ended is closed when it is off.
func (m *Machine) Ended() <-chan struct{} { return m.ended }

// Console is what its kernel and its start have said.
func (m *Machine) Console() string {
	b, _ := os.ReadFile(filepath.Join(m.cfg.Dir, "console.log"))
	return string(b)
}

// prompt is what the monitor ends its answers with.
const prompt = "(qemu) "

func (m *Machine) untilPrompt() (string, error) {
	var said strings.Builder
	for !strings.HasSuffix(said.String(), prompt) {
		b, err := m.says.ReadByte()
		if err != nil {
			return said.String(), err
		}
		said.WriteByte(b)
	}
	return said.String(), nil
}

// ask has the monitor do something.
func (m *Machine) ask(command string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.monitor.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintln(m.monitor, command); err != nil {
		return "", fmt.Errorf("QEMU's monitor: %w", err)
	}
	said, err := m.untilPrompt()
	if err != nil {
		return "", fmt.Errorf("QEMU's monitor: %s: %w", command, err)
	}
	return said, nil
}

// Press presses keys of its keyboard, by QEMU's names, as "ret" or "a".
func (m *Machine) Press(keys ...string) error {
	for _, k := range keys {
		if _, err := m.ask("sendkey " + k); err != nil {
			return err
		}
	}
	return nil
}

// Up waits until its shell answers: what is written to the line before there is a shell is lost.
func (m *Machine) Up(ctx context.Context) error {
	for {
		within, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := m.Do(within, "true")
		cancel()
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
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	begin := fmt.Sprintf("--answer-%d--", m.asked)
	end := fmt.Sprintf("--end-of-answer-%d--", m.asked) // an earlier answer may still come
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Minute)
	}
	_ = m.shell.SetDeadline(deadline)
	if _, err := fmt.Fprintf(m.shell, "\necho %s; { %s\n} 2>&1 </dev/null; status=$?; echo; echo %s $status\n", begin, command, end); err != nil {
		return "", fmt.Errorf("the machine's shell: %w", err)
	}
	var said strings.Builder
	for {
		line, err := m.answers.ReadString('\n')
		if err != nil {
			return said.String(), fmt.Errorf("the machine's shell: %q: %w", command, err)
		}
		line = strings.ReplaceAll(line, "\r", "")
		if strings.TrimSpace(line) == begin {
			said.Reset() // what came before belongs to another question
			continue
		}
		if status, is := strings.CutPrefix(strings.TrimSpace(line), end+" "); is {
			out := strings.TrimRight(said.String(), "\n")
			if status != "0" {
				return out, fmt.Errorf("%q in the machine: status %s: %s", command, status, out)
			}
			return out, nil
		}
		said.WriteString(line)
	}
}
