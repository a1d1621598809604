package engine

import (
	"bufio"
	"io"
	"log/slog"
	"strings"
	"time"
)

// What a device process may write to the log.
const (
	maxLine        = 512 // bytes; the rest of a line is left out
	maxLines       = 50  // in linesPer; the rest is counted
	linesPer       = 10 * time.Second
	lineBufferSize = 4096
)

// forward writes what a process prints to the log, line by line and within bounds, until r ends.
func forward(r io.Reader, log *slog.Logger) {
	in := bufio.NewReaderSize(r, lineBufferSize)
	var since time.Time
	var lines, left int
	defer func() {
		if left > 0 {
			log.Warn("device process prints too much", "lines_left_out", left)
		}
	}()
	for {
		line, prefix, err := in.ReadLine()
		if err != nil {
			return
		}
		text := strings.ToValidUTF8(string(line[:min(len(line), maxLine)]), "?")
		for prefix && err == nil {
			_, prefix, err = in.ReadLine()
		}
		if now := time.Now(); now.Sub(since) >= linesPer {
			if left > 0 {
				log.Warn("device process prints too much", "lines_left_out", left)
			}
			since, lines, left = now, 0, 0
		}
		if lines++; lines > maxLines {
			left++
			continue
		}
		if text = strings.TrimSpace(text); text != "" {
			log.Info("device process prints", "line", text)
		}
	}
}
