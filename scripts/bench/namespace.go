package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// insideEnv marks the copy of this program that runs in a namespace of its own.
const insideEnv = "EWINDOW_BENCH_INSIDE"

// enterNamespace runs this program again as root of a user and network namespace of its own, unless it is root
// already: only root may join network namespaces by a cable. inside says that this is the one that has to do the work.
func enterNamespace() (status int, inside bool) {
	path := os.Getenv("PATH") + ":/usr/sbin:/sbin" // where ip is
	if err := os.Setenv("PATH", path); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1, false
	}
	if os.Getenv(insideEnv) != "" {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "bench: bring up the loopback interface: %v: %s\n", err, out)
			return 1, false
		}
		return 0, true
	}
	if os.Geteuid() == 0 {
		return 0, true
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGTERM,
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, false
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1), false
	}
	fmt.Fprintf(os.Stderr, "bench: make a network namespace: %v; run it as root\n", err)
	return 1, false
}

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
