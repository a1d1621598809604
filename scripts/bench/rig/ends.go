package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Ends are two network namespaces, to be joined. They live as long as the processes that hold them.
type Ends struct {
	holders [2]*exec.Cmd
}

// Address is that of an end, once they are joined.
func (e *Ends) Address(end int) string { return fmt.Sprintf("10.77.0.%d", end+1) }

// MakeEnds makes the namespaces; nothing joins them yet.
func MakeEnds() (*Ends, error) {
	e := &Ends{}
	for i := range e.holders {
		h := exec.Command("sleep", "infinity")
		h.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		if err := h.Start(); err != nil {
			e.Remove()
			return nil, fmt.Errorf("make a network namespace: %w; run it as root", err)
		}
		e.holders[i] = h
	}
	return e, nil
}

// LayCable joins the ends by a pair of virtual interfaces.
func (e *Ends) LayCable(ctx context.Context) error {
	err := output(exec.CommandContext(ctx, "ip", "link", "add", "name", "cable", "netns", e.pid(0),
		"type", "veth", "peer", "name", "cable", "netns", e.pid(1)))
	for i := range e.holders {
		err = errors.Join(err, e.up(ctx, i, "cable"))
	}
	return err
}

// LayLine gives each end a device (TUN). What one end sends is read from its device, a packet at a time, and whoever reads it
// decides what is written to the other's.
func (e *Ends) LayLine(ctx context.Context) (devices [2]*os.File, err error) {
	for i := range devices {
		if devices[i], err = e.tun(i, "line"); err == nil {
			err = e.up(ctx, i, "line")
		}
		if err != nil {
			for _, d := range devices {
				if d != nil {
					d.Close()
				}
			}
			return devices, err
		}
	}
	return devices, nil
}

// up gives an end its address.
func (e *Ends) up(ctx context.Context, end int, device string) error {
	return errors.Join(
		output(e.Command(ctx, end, "ip", "addr", "add", e.Address(end)+"/24", "dev", device)),
		output(e.Command(ctx, end, "ip", "link", "set", device, "up")),
		output(e.Command(ctx, end, "ip", "link", "set", "lo", "up")))
}

// tun makes the device in an end's namespace: in the one that the thread is in while it asks (tun.h of Linux).
func (e *Ends) tun(end int, name string) (device *os.File, err error) {
	err = e.within(end, func() (err error) { device, err = openTUN(name); return err })
	if err != nil {
		return nil, fmt.Errorf("make a network device (TUN): %w", err)
	}
	return device, nil
}

// Dial makes a connection within an end's namespace, to an IP address and port.
func (e *Ends) Dial(ctx context.Context, end int, address string) (c net.Conn, err error) {
	err = e.within(end, func() (err error) { c, err = (&net.Dialer{}).DialContext(ctx, "tcp", address); return err })
	return c, err
}

// within does something with the thread in an end's namespace.
func (e *Ends) within(end int, do func() error) error {
	there, err := os.Open("/proc/" + e.pid(end) + "/ns/net")
	if err != nil {
		return err
	}
	defer there.Close()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer here.Close()
	// The thread has to come back: if it ended, so would the programs that it has started (prctl(2), PR_SET_PDEATHSIG).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter a network namespace: %w", err)
	}
	defer func() {
		if err := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(fmt.Sprintf("a thread cannot leave a network namespace: %v", err))
		}
	}()
	return do()
}

func openTUN(name string) (*os.File, error) {
	const path = "/dev/net/tun"
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

func output(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", cmd.Args, err, out)
	}
	return nil
}

func (e *Ends) pid(end int) string { return strconv.Itoa(e.holders[end].Process.Pid) }

// Enter is the command by which a program runs at an end; the process number stays that of the program itself.
func (e *Ends) Enter(end int) []string {
	return []string{"nsenter", "--net=/proc/" + e.pid(end) + "/ns/net"}
}

// Command runs a program at an end.
func (e *Ends) Command(ctx context.Context, end int, name string, args ...string) *exec.Cmd {
	command := append(append(e.Enter(end), name), args...)
	return exec.CommandContext(ctx, command[0], command[1:]...)
}

// Remove ends the namespaces, and with them all devices in them.
func (e *Ends) Remove() {
	for _, h := range e.holders {
		if h != nil {
			_ = h.Process.Kill()
			_ = h.Wait()
		}
	}
}
