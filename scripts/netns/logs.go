package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"ewindow/scripts/stage"
)

// logs keeps what a cell leaves in a directory of its own; with no directory, nothing.
type logs struct {
	dir   string
	mu    sync.Mutex
	files map[string]*os.File
}

func openLogs(dir string) (*logs, error) {
	if dir == "" {
		return &logs{}, nil
	}
	l := &logs{dir: dir, files: map[string]*os.File{}}
	return l, errors.Join(os.RemoveAll(l.dir), os.MkdirAll(l.dir, 0o755))
}

func (l *logs) line(name string, line []byte) {
	if l.dir == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.files[name]
	if f == nil {
		var err error
		if f, err = os.Create(filepath.Join(l.dir, name+".log")); err != nil {
			return // the directory was there a moment ago
		}
		l.files[name] = f
	}
	_, _ = f.Write(append(line[:len(line):len(line)], '\n'))
}

func (l *logs) screen(space string, eyes *stage.Eyes) error {
	if l.dir == "" {
		return nil
	}
	return eyes.Save(filepath.Join(l.dir, space+".png"))
}

// routers keeps what each router translates at the end.
func (l *logs) routers(ctx context.Context, w *world) error {
	if l.dir == "" || ctx.Err() != nil {
		return nil
	}
	for _, side := range w.routers {
		for _, r := range side {
			out, err := r.Command(ctx, "sh", "-c", "ip addr; nft list ruleset; conntrack -L; conntrack -L -f ipv6").CombinedOutput()
			if err != nil {
				return fmt.Errorf("look into %s: %w: %s", r.name, err, out)
			}
			if err := os.WriteFile(filepath.Join(l.dir, r.name+".txt"), out, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *logs) close() (err error) {
	for _, f := range l.files {
		err = errors.Join(err, f.Close())
	}
	return err
}
