// Package stage sets up whole systems for the demo, the benchmark and tests: virtual screens, a network of a registrar
// and windows as separate processes in a directory of its own, and eyes and ears that judge them from outside.
package stage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Display is a virtual X screen.
type Display struct {
	Name string // as in $DISPLAY, such as ":101"
	cmd  *exec.Cmd
}

// displayTimeout is how long Xvfb may take to come up.
const displayTimeout = 15 * time.Second

// StartXvfb runs an X server without a screen, of the given size in pixels, under a number of its own choice.
// It ends with Close or with this process.
func StartXvfb(ctx context.Context, width, height int) (*Display, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start Xvfb: %w", err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", width, height),
		"-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return nil, fmt.Errorf("start Xvfb: %w; it is in Debian's package xvfb", err)
	}
	d := &Display{cmd: cmd}
	_ = r.SetReadDeadline(time.Now().Add(displayTimeout))
	line, err := bufio.NewReader(r).ReadString('\n')
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("no Xvfb came up: %w", err), d.Close())
	}
	d.Name = ":" + strings.TrimSpace(line)
	return d, nil
}

// Close ends the server.
func (d *Display) Close() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.cmd.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(2 * time.Second):
		_ = d.cmd.Process.Kill()
		<-ended
	}
	return nil
}
