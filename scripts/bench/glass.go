package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// glass is the program that draws and reads the time code.
type glass struct{ program string }

// picture is what glass read on a screen.
type picture struct {
	p50, p95, p99 float64 // latency, ms
	fps           float64
	frozen        float64 // percent of the time in gaps of more than 150 ms
	broken        float64 // percent of the pictures that are not what was drawn
}

// drawn is how often the display is drawn, a second. At exactly the camera's rate each picture would wait for the
// camera equally long, by luck of the start anything from 0 to 33 ms; so the phases pass each other every 4 s.
const drawn = fps + 0.25

// draw draws until the task is stopped.
func (g glass) draw(ctx context.Context, display string) (*task, error) {
	t, err := startTask(exec.CommandContext(ctx, g.program, "draw", display,
		strconv.Itoa(width), strconv.Itoa(height), strconv.FormatFloat(drawn, 'f', -1, 64), "3600"))
	if err != nil {
		return nil, fmt.Errorf("%w; make glass makes it", err)
	}
	return t, nil
}

// await waits until a screen shows the code, and goes on showing it.
func (g glass) await(ctx context.Context, display string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		p, err := g.read(ctx, display, 1)
		if err == nil && p.fps > fps/3 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			if err == nil {
				err = fmt.Errorf("only %.1f pictures a second", p.fps)
			}
			return fmt.Errorf("no moving picture on %s within %v: %w", display, limit, err)
		}
	}
}

// read measures what a screen shows.
func (g glass) read(ctx context.Context, display string, seconds int) (picture, error) {
	cmd := exec.CommandContext(ctx, g.program, "read", display, strconv.Itoa(seconds))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if line := strings.TrimSpace(string(out)); strings.HasPrefix(line, "no picture") {
		return picture{}, errors.New(line)
	}
	if err != nil {
		return picture{}, fmt.Errorf("glass read %s: %w: %s", display, err, stderr.Bytes())
	}
	return parseGlass(string(out))
}

// parseGlass reads the line that glass prints.
func parseGlass(line string) (picture, error) {
	var p picture
	missing := map[string]*float64{
		"p50": &p.p50, "p95": &p.p95, "p99": &p.p99, "fps": &p.fps, "frozen_pct": &p.frozen, "broken_pct": &p.broken,
	}
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		to := missing[key]
		if to == nil {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return p, fmt.Errorf("glass printed %q: %w", word, err)
		}
		*to = v
		delete(missing, key)
	}
	for key := range missing {
		return p, fmt.Errorf("glass printed no %s: %q", key, line)
	}
	return p, nil
}
