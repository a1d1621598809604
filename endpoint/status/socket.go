package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Socket is the name of the socket in a window's state directory.
const Socket = "status.sock"

const (
	patience = 2 * time.Second // for a reader or a window that is slow
	maxSize  = 1 << 20
)

// ErrNotRunning says that nobody answers at a socket.
var ErrNotRunning = errors.New("no window is running here")

// Listen makes the socket in a state directory, for this user alone. It is an error if a window that runs has it.
func Listen(dir string) (net.Listener, error) {
	path := filepath.Join(dir, Socket)
	if c, err := net.DialTimeout("unix", path, patience); err == nil {
		_ = c.Close()
		return nil, fmt.Errorf("another window runs with the state directory %s; end it, or give this one another with --state", dir)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // a crash leaves it
		return nil, fmt.Errorf("remove the status socket of an earlier run: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("make the status socket: %w; its path must have less than 108 characters: name another directory with --state", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect the status socket: %w", err), l.Close())
	}
	return l, nil
}

// Serve answers whoever connects with one JSON document, until ctx ends; it closes l.
func Serve(ctx context.Context, l net.Listener, now func() Status) error {
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	defer l.Close()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("status socket: %w", err)
		}
		_ = c.SetDeadline(time.Now().Add(patience)) // one after the other: nobody holds it up for long
		_ = json.NewEncoder(c).Encode(now())        // whoever asked has gone away otherwise
		_ = c.Close()
	}
}

// Read asks the window whose state directory it is.
func Read(dir string) (Status, error) {
	var s Status
	path := filepath.Join(dir, Socket)
	c, err := net.DialTimeout("unix", path, patience)
	if errors.Is(err, fs.ErrPermission) {
		return s, fmt.Errorf("ask the window at %s: %w; only the user it runs as may: try with sudo", path, err)
	}
	if err != nil {
		return s, fmt.Errorf("%w (%w); is it running, and is %s its state directory? Name it with --state", ErrNotRunning, err, dir)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if err := json.NewDecoder(io.LimitReader(c, maxSize)).Decode(&s); err != nil {
		return s, fmt.Errorf("the window at %s answers nothing useful: %w", path, err)
	}
	return s, nil
}
