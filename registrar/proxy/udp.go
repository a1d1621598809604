package proxy

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/flow"
	"ewindow/registrar/location"
)

// datagramFlow is the way back to the sender of a datagram: the address that it came from. Some phones send from one
// port and listen on another, which their Via names. They do not ask for symmetric responses (RFC 3581 §4: no rport),
// and know their own address: no NAT stands between, which would have another port for each.
func datagramFlow(req *sip.Request) location.Flow {
	f := location.Flow{Transport: flow.UDP, Remote: req.Source()}
	via := req.Via()
	from, err := netip.ParseAddrPort(f.Remote)
	if err != nil || via.Params.Has("rport") {
		return f
	}
	says, err := netip.ParseAddr(strings.Trim(via.Host, "[]"))
	if err != nil || says.Unmap() != from.Addr().Unmap() {
		return f
	}
	port := via.Port
	if port == 0 {
		port = 5060
	}
	f.Remote = strings.TrimSuffix(f.Remote, strconv.Itoa(int(from.Port()))) + strconv.Itoa(port)
	return f
}
