package relay

import (
	"context"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// openSocket opens the socket of a relayed address. It cannot send to all machines of a network at once: what the broadcast
// addresses of the networks around are nobody but the system knows.
func openSocket(at netip.AddrPort) (net.PacketConn, error) {
	narrow := func(_, _ string, raw syscall.RawConn) (err error) {
		if failed := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 0)
		}); failed != nil {
			return failed
		}
		return err
	}
	return (&net.ListenConfig{Control: narrow}).ListenPacket(context.Background(), "udp", at.String())
}
