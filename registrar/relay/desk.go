package relay

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"

	"ewindow/registrar/block"
)

// A desk sees what comes from clients before pion/turn does, and what that answers. There is one for the UDP socket and one
// for each TCP connection: both are read by one goroutine, which answers a request before it reads the next.
type desk struct {
	server  *Server
	request []byte // that was read last
}

const header = 20 // bytes of a STUN message before its attributes

// Channels have these numbers: data of others would be taken for something else. Since RFC 8656 (§12) it is 0x4fff at most; clients
// of RFC 5766 take all of them.
const minChannel, maxChannel = 0x4000, 0x7fff

// The types of messages that matter here (RFC 8656 §17).
var (
	allocateError     = stun.NewType(stun.MethodAllocate, stun.ClassErrorResponse).Value()
	refreshRequest    = stun.NewType(stun.MethodRefresh, stun.ClassRequest).Value()
	permissionRequest = stun.NewType(stun.MethodCreatePermission, stun.ClassRequest).Value()
	bindRequest       = stun.NewType(stun.MethodChannelBind, stun.ClassRequest).Value()
	bindError         = stun.NewType(stun.MethodChannelBind, stun.ClassErrorResponse).Value()
	dataIndication    = stun.NewType(stun.MethodData, stun.ClassIndication).Value()
	sendIndication    = stun.NewType(stun.MethodSend, stun.ClassIndication).Value()
)

// look says whether a frame is for pion/turn, or what it is answered without that. Data comes from those alone who have an
// allocation, and over UDP strangers are answered within their budget.
func (d *desk) look(frame []byte, from source) (answer []byte, take bool) {
	d.request = frame
	account, known := d.server.clients.account(from)
	switch {
	case len(frame) < 4:
		return nil, false
	case frame[0]>>6 == 1: // ChannelData (RFC 8656 §12.4)
		return nil, known
	case len(frame) < header || frame[0]>>6 != 0:
		return nil, false
	}
	kind := binary.BigEndian.Uint16(frame)
	switch {
	case kind == sendIndication:
		return nil, known
	case kind&0x0110 != 0: // no request
		return nil, false
	case !known && !from.tcp && !d.affords(from.at.Addr()):
		d.server.count(flood)
		return nil, false
	case !known && (kind == refreshRequest || kind == permissionRequest || kind == bindRequest):
		answer = d.refuse(stun.CodeAllocMismatch)
		return answer, answer == nil
	case (kind == refreshRequest || kind == permissionRequest || kind == bindRequest) && d.foreign(account):
		answer = d.refuse(stun.CodeWrongCredentials)
		return answer, answer == nil
	case kind != bindRequest:
		return nil, true
	}
	switch number := d.channel(); {
	case number < minChannel || number > maxChannel:
		answer = d.refuse(stun.CodeBadRequest)
	case !d.server.clients.binds(from, number):
		answer = d.refuse(stun.CodeInsufficientCapacity)
	}
	return answer, answer == nil
}

// affords takes an answer from the budgets of where it would go.
func (d *desk) affords(to netip.Addr) bool {
	now := time.Now()
	return d.server.houses.Spend(block.House(to), 1, now) || d.server.blocks.Spend(block.Of(to), 1, now)
}

// parsed is the request.
func (d *desk) parsed() (*stun.Message, error) {
	m := &stun.Message{Raw: d.request}
	return m, m.Decode()
}

// key is what the request was signed with, and by which account, if its credentials are good.
func (d *desk) key(m *stun.Message) (account string, key stun.MessageIntegrity, err error) {
	var name stun.Username
	var realm stun.Realm
	if err := errors.Join(name.GetFrom(m), realm.GetFrom(m)); err != nil {
		return "", nil, err
	}
	if realm.String() != d.server.realm {
		return "", nil, errRealm
	}
	return d.server.secret.key(name.String(), realm.String(), time.Now())
}

// foreign says whether the request has good credentials of another account than the one whose allocation is there (RFC 8656 §5), of which
// pion/turn says nothing: who sends it would wait.
func (d *desk) foreign(owner string) bool {
	m, err := d.parsed()
	if err != nil {
		return false
	}
	account, _, err := d.key(m)
	return err == nil && account != owner
}

// refuse is the answer with that code to a request, if it proves who sent it; nil: pion/turn is to say what is wrong with it.
// Where it says nothing of what is wrong, a window waits: for half a minute after each restart of the registrar, for a 437 (RFC 8656 §5).
func (d *desk) refuse(code stun.ErrorCode) []byte {
	m, err := d.parsed()
	if err != nil {
		return nil
	}
	_, key, err := d.key(m)
	if err != nil || key.Check(m) != nil {
		return nil
	}
	return failure(m.TransactionID, m.Type.Method, code, key)
}

func failure(id [stun.TransactionIDSize]byte, method stun.Method, code stun.ErrorCode, key stun.MessageIntegrity) []byte {
	m, err := stun.Build(stun.NewTransactionIDSetter(id), stun.NewType(method, stun.ClassErrorResponse), code, key)
	if err != nil {
		return nil
	}
	return m.Raw
}

// mend corrects what pion/turn answers: 403 where a channel is to a peer that is not allowed (RFC 8656 §12.2; it says 401,
// which has a client doubt its credentials), and 442 where what is to be relayed is not UDP (§7.2; it says 508).
func (d *desk) mend(answer []byte) []byte {
	if len(answer) < header {
		return answer
	}
	kind := binary.BigEndian.Uint16(answer)
	if kind != bindError && kind != allocateError {
		return answer
	}
	m := &stun.Message{Raw: answer}
	var said stun.ErrorCodeAttribute
	if m.Decode() != nil || said.GetFrom(m) != nil {
		return answer
	}
	code := stun.ErrorCode(0)
	switch {
	case kind == bindError && said.Code == stun.CodeUnauthorized && !m.Contains(stun.AttrNonce):
		code = stun.CodeForbidden
	case kind == allocateError && said.Code == stun.CodeInsufficientCapacity && d.wantsTCP():
		code = stun.CodeUnsupportedTransProto
	default:
		return answer
	}
	asked, err := d.parsed()
	if err != nil || asked.TransactionID != m.TransactionID {
		return answer
	}
	_, key, err := d.key(asked)
	if err != nil {
		return answer
	}
	if mended := failure(m.TransactionID, m.Type.Method, code, key); mended != nil {
		return mended
	}
	return answer
}

// wantsTCP says whether the request asks for an allocation over TCP (RFC 6062).
func (d *desk) wantsTCP() bool {
	m, err := d.parsed()
	if err != nil {
		return false
	}
	transport, err := m.Get(stun.AttrRequestedTransport)
	return err == nil && len(transport) == 4 && transport[0] != 17
}

// channel is the number that the request wants to bind; 0 if it has none.
func (d *desk) channel() uint16 {
	m, err := d.parsed()
	if err != nil {
		return 0
	}
	number, err := m.Get(stun.AttrChannelNumber)
	if err != nil || len(number) != 4 {
		return 0
	}
	return binary.BigEndian.Uint16(number)
}

// port is that of the peer which the request binds a channel to. Permissions are for addresses (RFC 8656 §9).
func (d *desk) port() (uint16, bool) {
	if len(d.request) < header || binary.BigEndian.Uint16(d.request) != bindRequest {
		return 0, false
	}
	m, err := d.parsed()
	if err != nil {
		return 0, false
	}
	var peer stun.XORMappedAddress
	if err := peer.GetFromAs(m, stun.AttrXORPeerAddress); err != nil {
		return 0, false
	}
	return uint16(peer.Port), true
}

var errTooMany = errors.New("the allocation has as many permissions as it may have")

// permit says whether a client may send to an address: pion/turn asks, while it answers the request.
func (d *desk) permit(from net.Addr, to net.IP) bool {
	s, client, a := d.server, sourceOf(from), address(to)
	err := s.peers.address(a)
	if port, binds := d.port(); err == nil && binds {
		err = s.peers.at(netip.AddrPortFrom(a, port))
	}
	if err == nil && !s.clients.permits(client, a) {
		err = errTooMany
	}
	if err != nil {
		s.count(peer)
		account, _ := s.clients.account(client)
		s.log.Debug("relay refused: peer", "aor", account, "peer", client.at, "addr", to, "err", err)
	}
	return err == nil
}
