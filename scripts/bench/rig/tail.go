package rig

import (
	"strings"
	"sync"
)

// tail keeps the last lines that programs print. Lines end in a newline or, as progress does, in a return.
type tail struct {
	mu     sync.Mutex
	lines  []string
	rest   string
	signal chan struct{} // holds one: there is more
}

const tailLines = 40

func newTail() *tail { return &tail{signal: make(chan struct{}, 1)} }

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rest += string(p)
	for {
		i := strings.IndexAny(t.rest, "\r\n")
		if i < 0 {
			break
		}
		t.add(t.rest[:i])
		t.rest = t.rest[i+1:]
	}
	if len(t.rest) > 4096 {
		t.add(t.rest)
		t.rest = ""
	}
	select {
	case t.signal <- struct{}{}:
	default:
	}
	return len(p), nil
}

// add is with mu held.
func (t *tail) add(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	if len(t.lines) == tailLines {
		t.lines = t.lines[1:]
	}
	t.lines = append(t.lines, line)
}

// more is readable when something was printed since it was last read.
func (t *tail) more() <-chan struct{} { return t.signal }

func (t *tail) has(text string) bool { return strings.Contains(t.String(), text) }

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, l := range t.lines {
		b.WriteString(l + "\n")
	}
	if t.rest != "" {
		b.WriteString(t.rest + "\n")
	}
	return b.String()
}
