package stack

import (
	"net"
	"strconv"
	"sync"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// read is where sipgo hands in each message, in the goroutine that reads its socket.
func (s *Stack) read(m sip.Message) {
	if sip.IsReliable(m.Transport()) {
		s.take(m)
		return
	}
	s.lines.put(m)
}

// take gives a message to its transaction, or to whoever handles those that have none, and returns when the flow's next one
// may be taken in.
func (s *Stack) take(m sip.Message) {
	switch m := m.(type) {
	case *sip.Request:
		s.takeRequest(m)
	case *sip.Response:
		s.takeResponse(m)
	}
}

// inTurn runs f for m, and waits until it returns or m is taken.
func (s *Stack) inTurn(m sip.Message, f func()) {
	over := s.turns.begin(m)
	go func() {
		defer s.turns.end(m)
		f()
	}()
	s.turns.wait(m, over, nil)
}

func (s *Stack) takeResponse(res *sip.Response) {
	tx := s.transactions.answered(res)
	switch {
	case tx == nil && s.cfg.Stray == nil:
	case tx == nil:
		s.inTurn(res, func() { s.cfg.Stray(res) })
	case !tx.passesUp(res):
		go tx.Receive(res)
	default:
		over := s.turns.begin(res)
		go tx.Receive(res) // returns when it is read, or never will be
		s.turns.wait(res, over, tx.left)
	}
}

func (s *Stack) takeRequest(req *sip.Request) {
	if via := req.Via(); via != nil {
		header.Stamp(via, s.from(req))
	}
	key, err := keyOf(req, req)
	if err != nil { // no Via or CSeq: it can't be matched, but may be answered (RFC 3261 §16.3)
		if !req.IsAck() {
			s.inTurn(req, func() {
				_ = s.transport.WriteMsg(sip.NewResponseFromRequest(req, sip.StatusBadRequest, "Bad Request", nil))
			})
		}
		return
	}
	if req.IsCancel() && s.takeCancel(req) {
		return
	}
	if tx := s.transactions.begun(key); tx != nil {
		s.inTurn(req, func() { _ = tx.Receive(req) })
		return
	}
	conn, err := s.back(req)
	if err != nil {
		return // it has ended meanwhile
	}
	var tx *sip.ServerTx
	if req.IsAck() { // to a 2xx: it has no transaction (RFC 3261 §13.3.1.4), this one only knows the connection
		tx = sip.NewServerTx(key, req, conn, s.transactions.log)
	} else if known, fresh := s.transactions.server(req, key, conn); fresh {
		tx = known
	} else {
		_, _ = conn.TryClose()
		return
	}
	s.inTurn(req, func() {
		defer tx.TerminateGracefully() // sipgo leaves that to whoever handles the request
		s.cfg.Request(req, tx)
	})
}

// from is the address that a request came from. A connection may go by a name here, and say by Peer who is at its other end.
func (s *Stack) from(req *sip.Request) string {
	if !sip.IsReliable(req.Transport()) {
		return req.Source()
	}
	c, err := s.transport.GetConnection(req.Transport(), req.Source())
	if err != nil {
		return req.Source()
	}
	defer func() { _, _ = c.TryClose() }()
	if tcp, ok := c.(*sip.TCPConnection); ok {
		if ours, ok := tcp.Conn.(*conn); ok {
			if named, ok := ours.Conn.(interface{ Peer() net.Addr }); ok {
				return named.Peer().String()
			}
		}
	}
	return req.Source()
}

// takeCancel gives a CANCEL to the INVITE that it names (RFC 3261 §9.2), if there is one: sipgo answers that with 487.
func (s *Stack) takeCancel(req *sip.Request) bool {
	as := sip.NewRequest(sip.INVITE, req.Recipient) // all that makes the key
	as.AppendHeader(req.Via())
	as.AppendHeader(&sip.CSeqHeader{SeqNo: req.CSeq().SeqNo, MethodName: sip.INVITE})
	if req.From() != nil && req.CallID() != nil {
		as.AppendHeader(req.From())
		as.AppendHeader(req.CallID())
	}
	key, err := keyOf(as, req)
	if err != nil {
		return false
	}
	tx := s.transactions.begun(key)
	if tx == nil {
		return false
	}
	s.inTurn(req, func() {
		if tx.Connection().WriteMsg(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)) == nil {
			_ = tx.Receive(req)
		}
	})
	return true
}

// back is the connection that a request has come on: its answers go there and nowhere else.
func (s *Stack) back(req *sip.Request) (sip.Connection, error) {
	conn, err := s.transport.GetConnection(req.Transport(), req.Source())
	if err != nil || sip.IsReliable(req.Transport()) {
		return conn, err
	}
	to := req.Source()
	if via := req.Via(); via != nil && !via.Params.Has("rport") {
		// The sender listens where it says, which need not be where it sends from (RFC 3261 §18.2.2, RFC 3581 §4).
		if host, _, err := net.SplitHostPort(to); err == nil {
			port := via.Port
			if port == 0 {
				port = sip.DefaultPort("UDP")
			}
			to = net.JoinHostPort(host, strconv.Itoa(port))
		}
	}
	return datagrams{conn, to}, nil
}

// datagrams is the socket with the address that answers to one request go to.
type datagrams struct {
	sip.Connection
	to string
}

// WriteMsg sends an answer.
func (d datagrams) WriteMsg(m sip.Message) error {
	m.SetDestination(d.to)
	return d.Connection.WriteMsg(m)
}

// listener is one whose connections say when they end: nothing comes back then.
type listener struct {
	net.Listener
	s *Stack
}

// Accept returns the next connection.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, s: l.s}, nil
}

type conn struct {
	net.Conn
	s    *Stack
	once sync.Once
}

// Close is called by sipgo when reading has failed, with its table of connections locked.
func (c *conn) Close() error {
	c.once.Do(func() { c.s.ended(c) })
	return c.Conn.Close()
}
