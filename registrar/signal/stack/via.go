package stack

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// keyOf is the key of the server transaction that a request belongs to: what names it (RFC 3261 §17.2.3) in m, and where
// the request came from. Whoever received an INVITE knows the branch that its caller chose, and must not be able to
// cancel that call.
func keyOf(m sip.Message, req *sip.Request) (string, error) {
	key, err := sip.ServerTxKeyMake(m)
	if old, ok := oldKey(m); ok {
		key, err = old, nil
	}
	from := req.Source()
	if at, err := netip.ParseAddrPort(from); err == nil && !sip.IsReliable(req.Transport()) { // a NAT may give a sender another port
		from = at.Addr().String()
	}
	return key + " " + req.Transport() + " " + from, err
}

// oldKey names a transaction of RFC 2543, which knows no unique branch and need not have a tag in From. sipgo wants that.
func oldKey(m sip.Message) (string, bool) {
	via, from, callID, cseq := m.Via(), m.From(), m.CallID(), m.CSeq()
	if via == nil || from == nil || callID == nil || cseq == nil || len(via.Params.GetOr("branch", "")) > len(sip.RFC3261BranchMagicCookie) &&
		strings.HasPrefix(via.Params.GetOr("branch", ""), sip.RFC3261BranchMagicCookie) {
		return "", false
	}
	method := cseq.MethodName
	if method == sip.ACK {
		method = sip.INVITE
	}
	return strings.Join([]string{
		"2543", from.Params.GetOr("tag", ""), callID.Value(), string(method), strconv.FormatUint(uint64(cseq.SeqNo), 10),
		via.Transport, via.Host, strconv.Itoa(via.Port), via.Params.GetOr("branch", ""),
	}, " "), true
}
