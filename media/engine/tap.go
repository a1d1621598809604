package engine

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tap reads what a process writes, and knows whether anything of it is left to be read: a process must not be judged
// by what this one was too slow to take in.
type tap struct {
	r   io.Reader
	raw syscall.RawConn // nil for what is no descriptor: the connection of a fake, which holds nothing back

	mu  sync.Mutex
	dry bool // the reader has handled all that it took, and came back to find nothing
}

// newTap is a tap on a connection or a pipe, for one reader.
func newTap(r io.Reader) *tap {
	t := &tap{r: r}
	if c, ok := r.(syscall.Conn); ok {
		t.raw, _ = c.SyscallConn() // an error means that it is closed, as Read will say
	}
	return t
}

// Read is as io.Reader has it.
func (t *tap) Read(p []byte) (n int, err error) {
	if t.raw == nil {
		return t.r.Read(p)
	}
	var failed error
	err = t.raw.Read(func(fd uintptr) bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		for n, failed = unix.Read(int(fd), p); errors.Is(failed, unix.EINTR); n, failed = unix.Read(int(fd), p) {
		}
		t.dry = n <= 0
		return !errors.Is(failed, unix.EAGAIN)
	})
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, &net.OpError{Op: "read", Net: "device", Err: failed}
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// empty says whether all that was written so far has been read and handled.
func (t *tap) empty() bool {
	if t.raw == nil {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	left := 0
	err := t.raw.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ); err == nil {
			left = n
		}
	})
	return err != nil || t.dry && left == 0
}

// drain waits until the reader of t has ended, which done says, or has taken in all that there is. It is for the end
// of a process: nobody writes any more, unless somebody that it left behind holds the other end.
func (t *tap) drain(done <-chan struct{}) {
	for wait := drainPatience; ; wait = drainPatience / 10 {
		select {
		case <-done:
			return
		case <-time.After(wait):
			if t.empty() {
				return
			}
		}
	}
}
