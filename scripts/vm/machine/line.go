package machine

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// A line is a socket on which one question at a time is asked.
type line struct {
	mu    sync.Mutex
	conn  net.Conn
	in    *bufio.Reader
	asked int // questions to a shell
}

// prompt is what QEMU's monitor ends its answers with.
const prompt = "(qemu) "

// until reads until it has read end, for so long at most.
func (l *line) until(end string, most time.Duration) (string, error) {
	_ = l.conn.SetDeadline(time.Now().Add(most))
	var said strings.Builder
	for !strings.HasSuffix(said.String(), end) {
		b, err := l.in.ReadByte()
		if err != nil {
			return said.String(), err
		}
		said.WriteByte(b)
	}
	return said.String(), nil
}

// command has QEMU's monitor do something.
func (l *line) command(words string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := fmt.Fprintln(l.conn, words); err != nil {
		return fmt.Errorf("QEMU's monitor: %w", err)
	}
	if _, err := l.until(prompt, time.Minute); err != nil {
		return fmt.Errorf("QEMU's monitor: %s: %w", words, err)
	}
	return nil
}

// ask has a shell run a command, and returns what that wrote. A status other than 0 is an error.
func (l *line) ask(command string, deadline time.Time) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++ // an answer to the question before may still come
	begin, end := fmt.Sprintf("--answer-%d--", l.asked), fmt.Sprintf("--end-of-answer-%d--", l.asked)
	_ = l.conn.SetDeadline(deadline)
	if _, err := fmt.Fprintf(l.conn, "\necho %s; { %s\n} 2>&1 </dev/null; status=$?; echo; echo %s $status\n", begin, command, end); err != nil {
		return "", fmt.Errorf("the machine's shell: %w", err)
	}
	var said strings.Builder
	for {
		text, err := l.in.ReadString('\n')
		if err != nil {
			return said.String(), fmt.Errorf("the machine's shell: %q: %w", command, err)
		}
		text = strings.ReplaceAll(text, "\r", "")
		if strings.TrimSpace(text) == begin {
			said.Reset() // what came before belongs to another question
			continue
		}
		status, over := strings.CutPrefix(strings.TrimSpace(text), end+" ")
		if !over {
			said.WriteString(text)
			continue
		}
		out := strings.Trim(said.String(), "\n")
		if status != "0" {
			return out, fmt.Errorf("%q in the machine: status %s: %s", command, status, out)
		}
		return out, nil
	}
}
