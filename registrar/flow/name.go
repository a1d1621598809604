package flow

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
)

// Destination is where the SIP stack sends what is for f. The stack finds connections by the address of the peer alone, and
// two may have the same: a window that holds one to each of two ports or addresses here may use one port for both, and so
// may its router. So the stack is shown a name instead of the address: one of the discard prefix (RFC 6666), with the number of
// the connection in it. Messages have it for their source; Find knows whose it is.
func Destination(f Flow) string {
	if f.Transport == UDP {
		return f.Remote
	}
	return nameOf(f).String()
}

// discard is 100::/64.
var discard = [8]byte{1}

func nameOf(f Flow) netip.AddrPort {
	number, _ := strconv.ParseUint(f.ID, 36, 64) // admit wrote it
	at, _ := netip.ParseAddrPort(f.Remote)
	var name [16]byte
	copy(name[:], discard[:])
	binary.BigEndian.PutUint64(name[8:], number)
	return netip.AddrPortFrom(netip.AddrFrom16(name), at.Port())
}

// RemoteAddr is the name of the connection, see Destination.
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(nameOf(c.flow)) }

// Peer is the address of the peer, without a zone.
func (c *conn) Peer() net.Addr { return c.remote }
