package phone

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// address is the only one in the tests' network beside the loopback's own, which baresip ignores.
const address = "10.99.0.1"

const sockets = "/tmp/.X11-unix" // where X servers listen

const insideEnv = "EWINDOW_PHONE_INSIDE" // marks the copy of this test that runs in a network of its own

// TestMain runs the tests again in namespaces of their own: a network, so that they need no address of this machine, and
// file systems, since X servers find a free display in the network but leave their sockets in a directory.
func TestMain(m *testing.M) {
	if os.Getenv(insideEnv) == "" {
		os.Exit(outside())
	}
	if err := raise(); err != nil {
		fmt.Fprintln(os.Stderr, "phone:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// outside starts the copy. Root may make namespaces, others need a user namespace for it, which some containers allow
// to nobody but root, and others to everybody but root.
func outside() int {
	own := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	group := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	const spaces = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS
	ways := []*syscall.SysProcAttr{
		{Cloneflags: spaces},
		{Cloneflags: spaces | syscall.CLONE_NEWUSER, UidMappings: own, GidMappings: group},
	}
	var errs []error
	for _, way := range ways {
		way.Pdeathsig = syscall.SIGKILL
		cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
		cmd.Env = append(os.Environ(), insideEnv+"=1", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin") // where ip is
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.SysProcAttr = way
		if err := cmd.Start(); err != nil {
			errs = append(errs, err)
			continue
		}
		err := cmd.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return max(exit.ExitCode(), 1)
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "phone:", err)
			return 1
		}
		return 0
	}
	fmt.Fprintf(os.Stderr, "phone: these tests need namespaces of their own, and this machine lets us make none: %v; "+
		"run them as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)\n", errors.Join(errs...))
	return 1
}

// raise furnishes the namespaces: an empty directory for the sockets of X servers, and an address that is no loopback address, on the interface that every machine has, and a
// route by which baresip finds it.
func raise() error {
	if err := os.MkdirAll(sockets, 0o777); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep our mounts to ourselves: %w", err)
	}
	if err := syscall.Mount("tmpfs", sockets, "tmpfs", 0, "mode=1777"); err != nil {
		return fmt.Errorf("mount %s: %w", sockets, err)
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"addr", "add", address + "/32", "dev", "lo"},
		{"route", "add", "default", "dev", "lo", "src", address},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s; ip is in Debian's package iproute2", args, err, out)
		}
	}
	return nil
}
