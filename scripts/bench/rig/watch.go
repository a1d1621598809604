package rig

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Look is a picture that came onto a screen.
type Look struct {
	At   time.Time
	Age  time.Duration // since it was drawn
	PSNR float64       // dB, beside what was drawn
	Code uint32        // when it was drawn, in the glass's own time; 0: it could not be read, and has no age and PSNR
	Grid []byte        // luma of some places of it, always the same
}

// Places are where the grid of a Look is taken: at the corners of squares of 8 pixels, all but those in the code (glass.c).
var Places = places()

func places() (all []image.Point) {
	const apart, size, codeWidth, codeHeight = 24, 8, 320, 192
	for y := 0; y+size <= Height; y += apart {
		for x := 0; x+size <= Width; x += apart {
			if y >= codeHeight+size || x >= codeWidth+size {
				all = append(all, image.Pt(x, y))
			}
		}
	}
	return all
}

// Watch is the glass on a screen, picture by picture.
type Watch struct {
	cmd   *exec.Cmd
	first chan struct{} // closed with the first picture
	ended chan struct{} // closed when the glass is gone
	err   error         // after ended

	mu    sync.Mutex
	looks []Look
}

// Watch begins to read a screen, until Stop.
func (g Glass) Watch(ctx context.Context, display string) (*Watch, error) {
	cmd := exec.CommandContext(ctx, g.Program, "watch", display, "3600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w; make glass makes it", g.Program, err)
	}
	w := &Watch{cmd: cmd, first: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		w.err = w.read(out)
		_ = cmd.Wait()
	}()
	return w, nil
}

func (w *Watch) read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		l, err := parseLook(lines.Text())
		if err != nil {
			return err
		}
		w.mu.Lock()
		if w.looks = append(w.looks, l); len(w.looks) == 1 {
			close(w.first)
		}
		w.mu.Unlock()
	}
	return lines.Err()
}

// parseLook reads a line of glass watch: Unix time in seconds, age in ms, PSNR in dB, code, grid.
func parseLook(line string) (l Look, err error) {
	var at, age, psnr float64
	var grid string
	n, err := fmt.Sscanf(line, "%g %g %g %d %s", &at, &age, &psnr, &l.Code, &grid)
	if err == nil && n == 5 {
		l.Grid, err = hex.DecodeString(grid)
	}
	if err != nil {
		return Look{}, fmt.Errorf("glass printed %s", strconv.Quote(line[:min(len(line), 80)]))
	}
	l.At, l.Age, l.PSNR = time.UnixMicro(int64(at*1e6)), time.Duration(age*float64(time.Millisecond)), psnr
	return l, nil
}

// First waits for the first picture and returns when it came.
func (w *Watch) First(ctx context.Context, limit time.Duration) (time.Time, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-w.first:
		return w.Looks()[0].At, nil
	case <-w.ended:
		return time.Time{}, errors.Join(errors.New("the glass ended"), w.err)
	case <-timer.C:
		return time.Time{}, fmt.Errorf("no picture within %v", limit)
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// Looks are the pictures up to now.
func (w *Watch) Looks() []Look {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.looks)
}

// Stop ends it.
func (w *Watch) Stop() {
	_ = w.cmd.Process.Kill()
	<-w.ended
}
