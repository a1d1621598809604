package engine

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"time"
)

// What a device process may write to the log. A process that prints without end costs neither the log nor this process
// much: past these bounds what it prints is read only from time to time. Its end of the pipe does not block, so the rest
// is lost and the process goes on.
const (
	maxLine      = 512       // bytes; the rest of a line is left out
	maxLines     = 50        // in linesPer; the rest is counted
	maxPrinted   = 256 << 10 // bytes in linesPer
	linesPer     = 10 * time.Second
	floodPause   = 20 * time.Millisecond // between two reads of a flood
	forwardBytes = 64 << 10              // of one read
	pipeBytes    = 1 << 20               // that wait for us, if the system allows: what a driver says in one breath
)

// forward writes what a process prints to the log, line by line and within bounds, until r ends. A flood is read
// slowly until gone is closed, and then to its end.
func forward(r io.Reader, gone <-chan struct{}, log *slog.Logger) {
	p := printed{log: log}
	defer p.settle()
	b := make([]byte, forwardBytes)
	for {
		n, err := r.Read(b)
		flood := p.take(b[:n], time.Now())
		if err != nil {
			if len(p.line) > 0 {
				p.end()
			}
			return
		}
		if !flood {
			continue
		}
		select {
		case <-gone:
		case <-time.After(floodPause):
		}
	}
}

// printed is what a process prints, on its way to the log.
type printed struct {
	log   *slog.Logger
	line  []byte    // that has begun, at most maxLine of it
	since time.Time // when lines and bytes began to be counted
	lines int
	bytes int
	left  int // of them left out
}

// take takes in what was printed next and reports whether it is too much.
func (p *printed) take(b []byte, now time.Time) (flood bool) {
	if now.Sub(p.since) >= linesPer {
		p.settle()
		p.since, p.lines, p.bytes = now, 0, 0
	}
	p.bytes += len(b)
	if n := bytes.Count(b, []byte("\n")); n > 0 && p.lines >= maxLines { // there may be very many
		p.lines, p.left, p.line = p.lines+n, p.left+n, p.line[:0]
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	for {
		part, rest, whole := bytes.Cut(b, []byte("\n"))
		p.line = append(p.line, part[:min(len(part), maxLine-len(p.line))]...)
		if !whole {
			return p.lines > maxLines || p.bytes > maxPrinted
		}
		p.end()
		b = rest
	}
}

// end is the end of a line.
func (p *printed) end() {
	text := strings.TrimSpace(strings.ToValidUTF8(string(p.line), "?"))
	p.line = p.line[:0]
	if p.lines++; p.lines > maxLines {
		p.left++
	} else if text != "" {
		p.log.Info("device process prints", "line", text)
	}
}

// settle says how much was left out since it was last said; what the pipe did not hold is not known.
func (p *printed) settle() {
	if p.left > 0 {
		p.log.Warn("device process prints too much", "lines_left_out", p.left)
		p.left = 0
	}
}
