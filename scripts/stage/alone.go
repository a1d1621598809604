package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

const (
	aloneEnv = "EWINDOW_ALONE"    // marks the copy of a program that runs in namespaces of its own
	xSockets = "/tmp/.X11-unix"   // where X servers leave their sockets
	adminBin = ":/usr/sbin:/sbin" // where ip is
)

// Main runs a program that measures: alone (see Alone), until it is done or interrupted. It exits with 1 after an error.
func Main(name string, run func(context.Context) error) {
	if status, inside := Alone(); !inside {
		os.Exit(status)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Alone runs this program again in namespaces of its own: a network, so that it needs no address of this machine and
// disturbs none, and file systems, since an X server finds any display free in an empty network but would leave its
// socket where others have theirs. Root may do so; anybody else needs a user namespace, in which it then is root.
//
// In the copy it returns inside, with the loopback interface up. Otherwise the work is done, and status is the copy's.
func Alone() (status int, inside bool) {
	if os.Getenv(aloneEnv) != "" {
		if err := furnish(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1, false
		}
		return 0, true
	}
	var errs []error
	for _, way := range waysToBeAlone() {
		cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
		cmd.Env = append(os.Environ(), aloneEnv+"=1", "PATH="+os.Getenv("PATH")+adminBin)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.SysProcAttr = way
		if err := cmd.Start(); err != nil {
			errs = append(errs, err)
			continue
		}
		err := cmd.Wait()
		var exit *exec.ExitError
		switch {
		case err == nil:
			return 0, false
		case errors.As(err, &exit):
			return max(exit.ExitCode(), 1), false
		}
		fmt.Fprintln(os.Stderr, err)
		return 1, false
	}
	fmt.Fprintf(os.Stderr, "this needs namespaces of its own, and the machine lets us make none: %v; "+
		"run it as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)\n", errors.Join(errs...))
	return 1, false
}

// waysToBeAlone are two: some containers allow user namespaces to nobody but root, others to everybody but root.
func waysToBeAlone() []*syscall.SysProcAttr {
	const spaces = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS
	return []*syscall.SysProcAttr{
		{Cloneflags: spaces, Pdeathsig: syscall.SIGTERM},
		{Cloneflags: spaces | syscall.CLONE_NEWUSER, Pdeathsig: syscall.SIGTERM,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}},
	}
}

func furnish() error {
	if err := os.MkdirAll(xSockets, 0o777); err != nil {
		return err
	}
	// EINVAL: in a chroot, where / is no mount point.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("keep our mounts to ourselves: %w", err)
	}
	if err := syscall.Mount("tmpfs", xSockets, "tmpfs", 0, "mode=1777"); err != nil {
		return fmt.Errorf("mount %s: %w", xSockets, err)
	}
	return IP("link", "set", "lo", "up")
}

// IP runs the command ip.
func IP(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %v: %w: %s; ip is in Debian's package iproute2", args, err, out)
	}
	return nil
}
