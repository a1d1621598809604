package newcomer

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is for anything that takes a second or two on an idle machine.
const patience = 40 * time.Second

// A terminal in which a program runs, as somebody sees it who sits there.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	keys   *os.File
	typed  int    // keys that were pressed
	missed func() // nil, or what to look at when something was not said

	mu   sync.Mutex
	said strings.Builder // and was not read yet
	ever strings.Builder
	news chan struct{} // something was said
	end  chan struct{} // the program has ended; err is set
	err  error
}

// sit runs a program in a terminal of its own.
func sit(t *testing.T, program string, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	c := exec.Command(program, args...)
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatalf("%v; make build makes the programs", err)
	}
	s := &terminal{t: t, cmd: c, keys: master, news: make(chan struct{}, 1), end: make(chan struct{})}
	heard := make(chan struct{})
	go func() { defer close(heard); _, _ = io.Copy(s, master) }() // until the last process has closed its side
	go func() {
		s.err = c.Wait()
		select {
		case <-heard:
		case <-time.After(time.Second):
		}
		close(s.end)
	}()
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.end:
		case <-time.After(patience):
			_ = c.Process.Kill()
		}
		master.Close()
		if t.Failed() {
			t.Logf("the terminal:\n%s", s.text())
		}
	})
	return s
}

// Write takes what the program says.
func (s *terminal) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said.Write(b)
	s.ever.Write(b)
	select {
	case s.news <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.said.String(), "\r\n", "\n")
}

// settings are those of the terminal: whether it shows what is typed, and so on.
func (s *terminal) settings() unix.Termios {
	s.t.Helper()
	now, err := unix.IoctlGetTermios(int(s.keys.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return *now
}

// all is everything that was ever said.
func (s *terminal) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ever.String()
}

// line is the rest of the line that was read last.
func (s *terminal) line() string {
	s.t.Helper()
	for {
		if rest, _, ok := strings.Cut(s.text(), "\n"); ok {
			return rest
		}
		select {
		case <-s.news:
		case <-time.After(patience):
			s.t.Fatal("the line does not end")
		}
	}
}

// types presses keys.
func (s *terminal) types(keys string) {
	s.t.Helper()
	s.typed += len(keys)
	if _, err := io.WriteString(s.keys, keys); err != nil {
		s.t.Fatal(err)
	}
}

// reads waits until the program has said a text, and forgets what came up to it.
func (s *terminal) reads(want string) {
	s.t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		all := s.said.String()
		if _, rest, ok := strings.Cut(all, want); ok {
			s.said.Reset()
			s.said.WriteString(rest)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		select {
		case <-s.news:
		case <-s.end:
			if !strings.Contains(s.text(), want) {
				s.t.Fatalf("the program has ended (%v) without saying %q", s.err, want)
			}
		case <-late:
			if s.missed != nil {
				s.missed()
			}
			s.t.Fatalf("the terminal does not say %q", want)
		}
	}
}

// ended waits for the program's end, and returns how it ended.
func (s *terminal) ended() error {
	s.t.Helper()
	select {
	case <-s.end:
	case <-time.After(patience):
		s.t.Fatal("the program does not end")
	}
	return s.err
}
