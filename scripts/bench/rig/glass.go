package rig

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

// Glass is the program that draws and reads the time code.
type Glass struct{ Program string }

// Picture is what glass read on a screen.
type Picture struct {
	P50, P95, P99 float64 // latency, ms
	FPS           float64
	Frozen        float64 // percent of the time in gaps of more than 150 ms
	Broken        float64 // percent of the pictures that are not what was drawn
}

// drawn is how often the display is drawn, a second. At exactly the camera's rate each picture would wait for the
// camera equally long, by luck of the start anything from 0 to 33 ms; so the phases pass each other every 4 s.
const drawn = FPS + 0.25

// Draw draws until the task is stopped.
func (g Glass) Draw(ctx context.Context, display string) (*Task, error) {
	t, err := StartTask(exec.CommandContext(ctx, g.Program, "draw", display,
		strconv.Itoa(Width), strconv.Itoa(Height), strconv.FormatFloat(drawn, 'f', -1, 64), "3600"))
	if err != nil {
		return nil, fmt.Errorf("%w; make glass makes it", err)
	}
	return t, nil
}

// Await waits until a screen shows the code, and goes on showing it.
func (g Glass) Await(ctx context.Context, display string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		p, err := g.Read(ctx, display, 1)
		if err == nil && p.FPS > FPS/3 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			if err == nil {
				err = fmt.Errorf("only %.1f pictures a second", p.FPS)
			}
			return fmt.Errorf("no moving picture on %s within %v: %w", display, limit, err)
		}
	}
}

// Read measures what a screen shows.
func (g Glass) Read(ctx context.Context, display string, seconds int) (Picture, error) {
	cmd := exec.CommandContext(ctx, g.Program, "read", display, strconv.Itoa(seconds))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if line := strings.TrimSpace(string(out)); strings.HasPrefix(line, "no picture") {
		return Picture{}, errors.New(line)
	}
	if err != nil {
		return Picture{}, fmt.Errorf("glass read %s: %w: %s", display, err, stderr.Bytes())
	}
	return parseGlass(string(out))
}

// parseGlass reads the line that glass prints.
func parseGlass(line string) (Picture, error) {
	var p Picture
	missing := map[string]*float64{
		"p50": &p.P50, "p95": &p.P95, "p99": &p.P99, "fps": &p.FPS, "frozen_pct": &p.Frozen, "broken_pct": &p.Broken,
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
