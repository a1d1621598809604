// Package logbook keeps what a program logs, for tests that count it.
package logbook

import (
	"bytes"
	"sync"
)

// Lines is where a log is written to. The zero value is ready; it may be used from several goroutines.
type Lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write takes what is logged.
func (l *Lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// Take is what was logged since the last time.
func (l *Lines) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}
