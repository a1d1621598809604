package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
)

// cable is two network namespaces joined by a pair of virtual interfaces. They live as long as the processes that
// hold them.
type cable struct {
	holders [2]*exec.Cmd
}

// address is that of an end of the cable.
func address(end int) string { return fmt.Sprintf("10.77.0.%d", end+1) }

// layCable makes the namespaces.
func layCable(ctx context.Context) (_ *cable, err error) {
	c := &cable{}
	defer func() {
		if err != nil {
			c.remove()
		}
	}()
	for i := range c.holders {
		h := exec.Command("sleep", "infinity")
		h.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		if err := h.Start(); err != nil {
			return nil, fmt.Errorf("make a network namespace: %w; run it as root", err)
		}
		c.holders[i] = h
	}
	commands := []*exec.Cmd{exec.CommandContext(ctx, "ip", "link", "add", "name", "cable", "netns", c.pid(0),
		"type", "veth", "peer", "name", "cable", "netns", c.pid(1))}
	for i := range c.holders {
		commands = append(commands,
			c.command(ctx, i, "ip", "addr", "add", address(i)+"/24", "dev", "cable"),
			c.command(ctx, i, "ip", "link", "set", "cable", "up"),
			c.command(ctx, i, "ip", "link", "set", "lo", "up"))
	}
	for _, cmd := range commands {
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w: %s", cmd.Args, err, out)
		}
	}
	return c, nil
}

func (c *cable) pid(end int) string { return strconv.Itoa(c.holders[end].Process.Pid) }

// command runs a program at one end; its process number is that of the program itself.
func (c *cable) command(ctx context.Context, end int, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--net=/proc/" + c.pid(end) + "/ns/net", name}, args...)...)
}

// remove ends the namespaces.
func (c *cable) remove() {
	for _, h := range c.holders {
		if h != nil {
			_ = h.Process.Kill()
			_ = h.Wait()
		}
	}
}
