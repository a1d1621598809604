package pipeline

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A bell is rung by GStreamer's threads when there is something to fetch, and waited for by one goroutine at a time.
//
// A goroutine that waited inside GStreamer would hold a thread of Go's scheduler, whose monitor then wakes up a
// thousand times a second to see whether somebody else needs it. One that waits for a file descriptor costs nothing.
type bell struct {
	f  *os.File
	fd int // the same, for the C side to write to
}

func newBell() (*bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &bell{os.NewFile(uintptr(fd), "bell"), fd}, nil
}

// wait returns true when the bell was rung since the last wait, false at the deadline.
func (b *bell) wait(deadline time.Time) bool {
	if err := b.f.SetReadDeadline(deadline); err != nil {
		return false
	}
	var count [8]byte
	_, err := b.f.Read(count[:])
	return err == nil
}

func (b *bell) close() { _ = b.f.Close() }
