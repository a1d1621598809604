package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"ewindow/scripts/stage"
)

// Ends are two network namespaces, to be joined.
type Ends [2]*stage.Namespace

// Address is that of an end, once they are joined.
func (e *Ends) Address(end int) string { return fmt.Sprintf("10.77.0.%d", end+1) }

// MakeEnds makes the namespaces; nothing joins them yet.
func MakeEnds(ctx context.Context) (*Ends, error) {
	e := &Ends{}
	for i := range e {
		var err error
		if e[i], err = stage.NewNamespace(ctx); err != nil {
			e.Remove()
			return nil, err
		}
	}
	return e, nil
}

// LayCable joins the ends by a pair of virtual interfaces.
func (e *Ends) LayCable(ctx context.Context) error {
	err := stage.Cable(ctx, e[0], "cable", e[1], "cable")
	for i := range e {
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

// What Part lays between the first end and the namespace that it makes. Both nets are in partedRange.
const (
	partedRange = "10.77.0.0/16"
	partedNear  = "10.77.1.1"
	partedFar   = "10.77.1.2"
)

// Part makes a namespace for the first window, behind the first end, which lets no UDP through: only a relay there brings media from one
// window to the other. The ends have to be joined.
func (e *Ends) Part(ctx context.Context) (*stage.Namespace, error) {
	n, err := stage.NewNamespace(ctx)
	if err != nil {
		return nil, err
	}
	err = stage.Cable(ctx, e[0], "apart", n, "cable")
	err = errors.Join(err, e[0].IP(ctx, "addr add "+partedNear+"/24 dev apart"),
		n.IP(ctx, "addr add "+partedFar+"/24 dev cable", "route add default via "+partedNear),
		e[1].IP(ctx, "route add default via "+e.Address(0)),
		e[0].Within(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) }),
		e[0].Run(ctx, "nft", `table inet parted {
	chain through {
		type filter hook forward priority filter
		meta l4proto udp drop
	}
}`))
	if err != nil {
		n.Remove()
		return nil, err
	}
	return n, nil
}

// up gives an end its address.
func (e *Ends) up(ctx context.Context, end int, device string) error {
	return e[end].IP(ctx, "addr add "+e.Address(end)+"/24 dev "+device, "link set "+device+" up")
}

// tun makes the device in an end's namespace: in the one that the thread is in while it asks (tun.h of Linux).
func (e *Ends) tun(end int, name string) (device *os.File, err error) {
	err = e[end].Within(func() (err error) { device, err = openTUN(name); return err })
	if err != nil {
		return nil, fmt.Errorf("make a network device (TUN): %w", err)
	}
	return device, nil
}

// Dial makes a connection within an end's namespace, to an IP address and port.
func (e *Ends) Dial(ctx context.Context, end int, address string) (c net.Conn, err error) {
	err = e[end].Within(func() (err error) { c, err = (&net.Dialer{}).DialContext(ctx, "tcp", address); return err })
	return c, err
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

// Enter is the command by which a program runs at an end; the process number stays that of the program itself.
func (e *Ends) Enter(end int) []string { return e[end].Enter() }

// Command runs a program at an end.
func (e *Ends) Command(ctx context.Context, end int, name string, args ...string) *exec.Cmd {
	return e[end].Command(ctx, name, args...)
}

// Remove ends the namespaces, and with them all devices in them.
func (e *Ends) Remove() {
	for _, n := range e {
		if n != nil {
			n.Remove()
		}
	}
}
