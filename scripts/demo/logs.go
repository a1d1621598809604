package main

import (
	"os"
	"path/filepath"
)

// logs are the programs' logs, one file for each.
type logs struct {
	dir   string
	files map[string]*os.File // nil where it could not be made
}

// line is for stage.Network, which calls it one at a time.
func (l *logs) line(name string, line []byte) {
	f, known := l.files[name]
	if !known {
		f, _ = os.Create(filepath.Join(l.dir, name+".log")) // the directory is the demo's own, and there
		l.files[name] = f
	}
	if f != nil {
		_, _ = f.Write(append(line[:len(line):len(line)], '\n'))
	}
}

func (l *logs) close() {
	for _, f := range l.files {
		if f != nil {
			_ = f.Close()
		}
	}
}
