package relay

import (
	"context"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenSocket opens a socket for media; an empty host is any address. It cannot send to all machines of a network at once: what the
// broadcast addresses of the networks around are nobody but the system knows.
func OpenSocket(host string, port int) (net.PacketConn, error) {
	narrow := func(_, _ string, raw syscall.RawConn) (err error) {
		if failed := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 0)
		}); failed != nil {
			return failed
		}
		return err
	}
	return (&net.ListenConfig{Control: narrow}).ListenPacket(context.Background(), "udp", net.JoinHostPort(host, strconv.Itoa(port)))
}
