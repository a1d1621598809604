// Package ask lets a program of this machine say how it is doing: it answers on a socket in its state directory,
// which its own user alone can open, with one JSON document for each who connects. On another socket it takes questions.
//
//	Status() ──▶ Serve ──▶ status.sock ──▶ Read ──▶ tests, demo; Print ──▶ `ewindow status`, `ewindow-registrar status`
//	do(question) ──▶ Take ──▶ NAME.sock ◀──▶ Put ──▶ `ewindow trust`
package ask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// socket is its name in the state directory.
const socket = "status.sock"

const (
	patience = 2 * time.Second // for a reader or a program that is slow
	maxSize  = 16 << 20        // bytes of an answer

	maxQuestion = 64 << 10 // bytes
)

// ErrNotRunning says that nobody answers at a socket.
var ErrNotRunning = errors.New("nobody answers")

// Listen makes the socket in a state directory. It is an error if a running program, which is called what in messages,
// has it. Where there can be no socket that is logged, and the Listener is nil: a program does without.
func Listen(dir, what string, log *slog.Logger) (net.Listener, error) {
	return ListenAt(dir, socket, what, log)
}

// ListenAt is Listen for a socket of another name.
func ListenAt(dir, name, what string, log *slog.Logger) (net.Listener, error) {
	path := filepath.Join(dir, name)
	if c, err := net.DialTimeout("unix", path, patience); err == nil {
		_ = c.Close()
		return nil, fmt.Errorf("another %s runs with the state directory %s; end it, or give this one another with --state", what, dir)
	}
	l, err := listen(path)
	if err != nil {
		log.Warn("nobody can ask this program", "socket", name, "err", err)
		return nil, nil
	}
	return l, nil
}

func listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // a crash leaves it
		return nil, fmt.Errorf("remove the socket of an earlier run: %w", err)
	}
	l, err := net.Listen("unix", path)
	switch {
	case errors.Is(err, syscall.EINVAL):
		return nil, fmt.Errorf("make the socket: %w; its path must have less than 108 characters: name another directory with --state", err)
	case err != nil:
		return nil, fmt.Errorf("make the socket: %w; name another directory with --state", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect the socket: %w", err), l.Close())
	}
	return l, nil
}

// Serve answers whoever connects until ctx ends; it closes l, which may be nil. Nothing that happens to the socket is
// worth ending a program for: while too many files are open, say, it waits.
func Serve[Status any](ctx context.Context, l net.Listener, now func() Status) {
	each(ctx, l, func(c net.Conn) { _ = json.NewEncoder(c).Encode(now()) }) // whoever asked has gone away otherwise
}

// Take is Serve for those who ask something. What cannot be read has no answer.
func Take[Question, Answer any](ctx context.Context, l net.Listener, do func(Question) Answer) {
	each(ctx, l, func(c net.Conn) {
		var q Question
		if json.NewDecoder(io.LimitReader(c, maxQuestion)).Decode(&q) == nil {
			_ = json.NewEncoder(c).Encode(do(q))
		}
	})
}

// each talks to whoever connects, one after the other.
func each(ctx context.Context, l net.Listener, talk func(net.Conn)) {
	if l == nil {
		return
	}
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	defer l.Close()
	for {
		c, err := l.Accept()
		if err != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(patience):
				continue
			}
		}
		_ = c.SetDeadline(time.Now().Add(patience)) // one after the other: nobody holds it up for long
		talk(c)
		_ = c.Close()
	}
}

// Read asks the program whose state directory it is, which is called what in messages.
func Read[Status any](dir, what string) (s Status, err error) {
	err = ask(filepath.Join(dir, socket), what, dir, nil, &s)
	return s, err
}

// Put asks the program whose state directory it is a question, at the socket of that name.
func Put[Question, Answer any](dir, name, what string, q Question) (a Answer, err error) {
	err = ask(filepath.Join(dir, name), what, dir, &q, &a)
	return a, err
}

// ask connects, asks a question unless it is nil, and reads the answer.
func ask(path, what, dir string, question, answer any) error {
	c, err := net.DialTimeout("unix", path, patience)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("ask the %s at %s: %w; only the user that it runs as may ask: try with sudo", what, path, err)
	}
	if err != nil {
		return fmt.Errorf("%w (%w); start the %s, or name its state directory with --state if that is not %s", ErrNotRunning, err, what, dir)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if question != nil {
		if err := json.NewEncoder(c).Encode(question); err != nil {
			return fmt.Errorf("ask the %s at %s: %w", what, path, err)
		}
	}
	if err := json.NewDecoder(io.LimitReader(c, maxSize)).Decode(answer); err != nil {
		return fmt.Errorf("read the answer of the %s at %s: %w; is it of the same version as this program?", what, path, err)
	}
	return nil
}

// Print writes what Read gives: as text for people, or as JSON for programs.
func Print[Status interface{ Text(*time.Location) string }](w io.Writer, dir, what string, asJSON bool) error {
	s, err := Read[Status](dir, what)
	if err != nil {
		return err
	}
	return Write(w, s, asJSON)
}

// Write writes what a program knows, for people or as JSON.
func Write[Status interface{ Text(*time.Location) string }](w io.Writer, s Status, asJSON bool) error {
	if !asJSON {
		_, err := io.WriteString(w, s.Text(time.Local))
		return err
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(s)
}
