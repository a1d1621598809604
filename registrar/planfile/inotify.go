package planfile

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// An event is something that happened to a name in a watched directory.
type event struct {
	path    string // empty: so much happened that the system lost count
	writing bool   // somebody has it open, and has written: there may be more to come
	gone    bool   // it is a watched directory, and is not there any more, or not under this name
}

// A watch tells of what happens in directories (inotify(7)).
type watch struct {
	file   *os.File
	events chan event
	failed chan error // one, the last

	mu   sync.Mutex
	dirs map[int32]string // by the system's number
}

// mask is what may change a plan. Of a file that somebody writes the end alone says that it is whole.
const mask = unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB | unix.IN_CREATE | unix.IN_DELETE |
	unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// newWatch begins a watch of no directories. Close ends it, and then its events.
func newWatch() (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	return &watch{file: os.NewFile(uintptr(fd), "inotify"), dirs: map[int32]string{}, events: make(chan event, 64), failed: make(chan error, 1)}, nil
}

// add watches a directory; once more changes nothing.
func (w *watch) add(dir string) error {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	var n int
	controlErr := raw.Control(func(fd uintptr) { n, err = unix.InotifyAddWatch(int(fd), dir, mask) })
	if err == nil {
		err = controlErr
	}
	if err != nil {
		return &os.PathError{Op: "watch", Path: dir, Err: err}
	}
	w.mu.Lock()
	w.dirs[int32(n)] = dir
	w.mu.Unlock()
	return nil
}

func (w *watch) close() { _ = w.file.Close() }

// read tells of events until over, and close; or until reading fails.
func (w *watch) read(over <-chan struct{}) {
	tell := func(e event) {
		select {
		case w.events <- e:
		case <-over:
		}
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			w.failed <- fmt.Errorf("watch files: %w", err)
			return
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			// struct inotify_event: wd, mask, cookie, len, and a name padded with zeros.
			number, what := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00")
			b = b[end:]
			w.mu.Lock()
			dir := w.dirs[number]
			gone := what&(unix.IN_IGNORED|unix.IN_MOVE_SELF) != 0 // it was removed, or its file system, or renamed
			if gone {
				delete(w.dirs, number)
			}
			w.mu.Unlock()
			switch {
			case what&unix.IN_Q_OVERFLOW != 0:
				tell(event{})
			case dir != "":
				tell(event{path: filepath.Join(dir, name), writing: what&unix.IN_MODIFY != 0, gone: gone})
			}
		}
	}
}
