package proxy

import (
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
	"ewindow/registrar/block"
	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/loglimit"
)

// A request is one on its way through the server, with what has been found out about it.
type request struct {
	*sip.Request
	tx    *sip.ServerTx
	flow  location.Flow
	asked string         // the Request-URI as it came: what digests are made for
	plan  *dialplan.Plan // in force when it came: whatever is decided about it goes by this one

	account string // that has proved to be the sender; empty before authenticate
	epoch   uint64 // of that account then, see epochs

	mine []token // of our own Route headers, in order; they have been counted in pop
	pop  int     // own Route headers, with or without a token
	far  bool    // a Route beyond us is left
}

// inDialog says whether the request belongs to a dialog that was set up through this server: both sides' tokens,
// which hold for its Call-ID alone, came back in its Route. A callee of RFC 2543 may have given no tag (RFC 3261 §12.1.2):
// its call is acknowledged and ended all the same, and nothing else, for that would pass as a new one.
func (r *request) inDialog() bool {
	return len(r.mine) >= 2 && (r.To().Params.Has("tag") || r.IsAck() || r.Method == sip.BYE)
}

// from is the side of the dialog that the request comes from, to the one it goes to.
func (r *request) from() token { return r.mine[0] }
func (r *request) to() token   { return r.mine[len(r.mine)-1] }

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
	says, err := header.Addr(via.Host)
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

// listeningAt is where a phone is called that has registered a contact: where datagramFlow has it, but at the contact's
// port if that names the very address that the phone sends from. Then no NAT stands between, and the phone knows best
// where it listens.
func listeningAt(r *request, contact string) location.Flow {
	var u sip.Uri
	if r.flow.Transport != flow.UDP || r.Via().Params.Has("rport") || sip.ParseUri(contact, &u) != nil {
		return r.flow
	}
	at, err := netip.ParseAddrPort(r.flow.Remote)
	says, err2 := header.Addr(u.Host)
	if err != nil || err2 != nil || says.Unmap() != at.Addr().Unmap() {
		return r.flow
	}
	if u.Port == 0 {
		u.Port = 5060
	}
	return location.Flow{Transport: flow.UDP, Remote: netip.AddrPortFrom(at.Addr(), uint16(u.Port)).String()}
}

// stranger marks a log line that whoever is at remote can cause without having proved who it is.
func stranger(remote string) slog.Attr {
	at, _ := netip.ParseAddrPort(remote)
	return loglimit.Stranger(block.Of(at.Addr()))
}

// scanners are tools that look for registrars to break into. Silence is the one answer that ends their interest.
var scanners = []string{"friendly-scanner", "sipvicious", "sipcli", "pplsip", "sip-scan", "sundayddr", "vaxsipuseragent"}

// scanner knows one by the whole name of its product (RFC 3261 §20.41): SIPClient is not sipcli, nor is sipcli-phone.
func scanner(req *sip.Request) bool {
	product := strings.TrimSpace(header.First(req, "User-Agent"))
	if end := strings.IndexAny(product, "/ \t("); end >= 0 {
		product = product[:end]
	}
	return slices.Contains(scanners, strings.ToLower(product))
}
