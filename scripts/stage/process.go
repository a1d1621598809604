package stage

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Process is a program of ours that runs, with its children.
type Process struct {
	Name  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when it is gone
	err   error         // after ended
	last  string        // line that it printed; after ended
}

const (
	longestLine = 64 << 10
	farewell    = 5 * time.Second // from SIGTERM to SIGKILL
)

// startProcess runs a program; each line that it prints goes to lines.
func startProcess(name string, lines func(name string, line []byte), program string, args ...string) (*Process, error) {
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w; make build makes it", program, err)
	}
	p := &Process{Name: name, cmd: cmd, ended: make(chan struct{})}
	var readers sync.WaitGroup
	for _, r := range []io.Reader{stdout, stderr} {
		readers.Go(func() {
			s := bufio.NewScanner(r)
			s.Buffer(nil, longestLine)
			for s.Scan() {
				lines(name, s.Bytes())
				if r == stderr {
					p.last = s.Text()
				}
			}
			_, _ = io.Copy(io.Discard, r) // after a line that is too long
		})
	}
	go func() {
		readers.Wait()
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// PID is the program's process number; it leads a process group of that number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the program is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err is how the program ended, once Ended is closed.
func (p *Process) Err() error {
	if p.err == nil {
		return fmt.Errorf("%s ended by itself", p.Name)
	}
	return fmt.Errorf("%s ended: %w; it said last: %s", p.Name, p.err, p.last)
}

// Stop ends the program as a service manager would: SIGTERM, and SIGKILL for all that is left.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(farewell):
	}
	p.Kill()
}

// Kill ends the program and its children at once, as a power cut would.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.ended
}
