package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
)

// process is a running device program.
type process struct {
	conn net.Conn
	pid  int
	done chan struct{} // closed when it is gone
	err  error         // valid then

	waits  map[string]wait // of its threads and those of its server, at the last look of Queued
	server atomic.Int64    // the process that draws for it; 0 for none

	mu   sync.Mutex
	gone bool // its pid may belong to someone else
}

// StartProcess runs a device program for a role: in a process group of its own, with one end of a stream socketpair
// as file descriptor 3, "program: role" as its name in lists of processes, and what it writes to standard error and
// output in the log. It is killed when this process dies.
func StartProcess(program string, role protocol.Role, log *slog.Logger) (Child, error) {
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, fmt.Errorf("start the %s process: %w", role, err)
	}
	defer theirs.Close()
	said, says, err := pipe()
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("start the %s process: %w", role, err)
	}
	defer says.Close()

	cmd := exec.Command(program)
	cmd.Args = []string{program + ": " + string(role)}
	cmd.Stdout, cmd.Stderr = says, says
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	p := &process{conn: ours, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// PDEATHSIG is sent when the thread that forked ends, so it must not end before the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.reap(cmd, said, log.With("role", role, "pid", p.pid))
		}
	}()
	if err := <-started; err != nil {
		ours.Close()
		said.Close()
		return nil, fmt.Errorf("start the %s process: %w (is it installed? make build makes it)", role, err)
	}
	return p, nil
}

// socketpair is a connected pair: our end for Go's poller, the other to be inherited.
func socketpair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	mine, theirs := os.NewFile(uintptr(fds[0]), "device"), os.NewFile(uintptr(fds[1]), "device")
	conn, err := net.FileConn(mine) // a duplicate
	mine.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return conn, theirs, nil
}

// pipe is a pipe for what a process prints. The process's end does not block: a driver that prints more than we read
// loses output and does not wait.
func pipe() (said, says *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, nil, fmt.Errorf("pipe: %w", err)
	}
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeBytes) // else it holds 64 KiB
	return os.NewFile(uintptr(fds[0]), "printed"), os.NewFile(uintptr(fds[1]), "printed"), nil
}

// reap waits for the process, takes its children with it, and ends its log.
func (p *process) reap(cmd *exec.Cmd, said *os.File, log *slog.Logger) {
	in, gone, forwarded := newTap(said), make(chan struct{}), make(chan struct{})
	go func() { defer close(forwarded); forward(in, gone, log) }()

	// Not yet collected, the process keeps its pid, so that the group that is killed is surely its own.
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	_ = syscall.Kill(-p.pid, syscall.SIGKILL) // ESRCH: it left nobody behind
	p.gone = true
	p.mu.Unlock()
	p.err = cmd.Wait()

	close(gone)
	in.drain(forwarded)
	said.Close()
	<-forwarded
	close(p.done)
}

func (p *process) Conn() net.Conn { return p.conn }

func (p *process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL) // ESRCH: it has just ended
	}
}

// Exited says whether it has ended, also before Wait says so: on a busy machine that takes a while.
func (p *process) Exited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return true
	}
	var ended unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.pid, &ended, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return err == nil && ended.Signo != 0
}

func (p *process) Wait() error {
	<-p.done
	return p.err
}
