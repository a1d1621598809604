package rig

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Task is a program that runs beside us; it dies with us.
type Task struct {
	cmd   *exec.Cmd
	out   *tail
	ended chan struct{} // closed when it is gone
}

// StartTask starts it.
func StartTask(cmd *exec.Cmd) (*Task, error) {
	t := &Task{cmd: cmd, out: newTail(), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = t.out, t.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(t.ended)
		_ = cmd.Wait()
	}()
	return t, nil
}

// Await waits until the program has printed a text.
func (t *Task) Await(ctx context.Context, text string, limit time.Duration) error {
	timeout := time.After(limit)
	for !t.out.has(text) {
		select {
		case <-t.out.more():
		case <-t.ended:
			return errors.New("it ended at once")
		case <-timeout:
			return fmt.Errorf("it has not said %q within %v", text, limit)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Last is what it printed last.
func (t *Task) Last() string { return t.out.String() }

// Stop ends it, and returns when it is gone.
func (t *Task) Stop() {
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-t.ended:
	case <-time.After(3 * time.Second):
		_ = t.cmd.Process.Kill()
		<-t.ended
	}
}

func processes(tasks []*Task) []int {
	var pids []int
	for _, t := range tasks {
		pids = append(pids, t.cmd.Process.Pid)
	}
	return pids
}

// stopAll ends them in their order and returns what they printed last.
func stopAll(tasks []*Task) string {
	var said strings.Builder
	for _, t := range tasks {
		t.Stop()
		said.WriteString(t.Last())
	}
	return said.String()
}
