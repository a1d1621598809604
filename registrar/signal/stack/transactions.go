package stack

import (
	"log/slog"
	"net"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// transactions matches messages with sipgo's transactions (RFC 3261 §17.1.3, §17.2.3). sipgo's own layer does that in a
// goroutine for each message, so that the order in which they came is lost before anybody can look.
type transactions struct {
	log *slog.Logger

	mu      sync.Mutex
	closed  bool
	clients map[string]*ClientTx
	servers map[string]*sip.ServerTx
}

func newTransactions(log *slog.Logger) *transactions {
	return &transactions{log: log, clients: map[string]*ClientTx{}, servers: map[string]*sip.ServerTx{}}
}

// A ClientTx is a client transaction. Of each response that comes out of Responses one says Taken, or Terminate: until
// then what else comes over the response's flow waits for a while.
type ClientTx struct {
	*sip.ClientTx
	left  chan struct{} // closed by Terminate
	leave func()

	mu      sync.Mutex
	decided bool // a final response has come: what comes after it is not passed up
	accepts bool // it was the 2xx of an INVITE, which may be repeated over another connection
}

// Terminate ends the transaction.
func (t *ClientTx) Terminate() {
	t.leave()
	t.ClientTx.Terminate()
}

// passesUp says whether the transaction gives res to its user: everything up to the first final response. Later ones
// are repetitions; sipgo acknowledges them, or tells OnRetransmission.
func (t *ClientTx) passesUp(res *sip.Response) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.decided {
		return false
	}
	t.decided = !res.IsProvisional()
	t.accepts = res.IsSuccess() && t.Origin().IsInvite()
	return true
}

// outlives says whether the transaction goes on when its connection has ended (RFC 6026 §7.2).
func (t *ClientTx) outlives() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepts
}

// client makes a client transaction; Init begins it.
func (t *transactions) client(req *sip.Request, conn sip.Connection) (*ClientTx, error) {
	key, err := sip.ClientTxKeyMake(req)
	if err != nil {
		return nil, err
	}
	tx := &ClientTx{ClientTx: sip.NewClientTx(key, req, conn, t.log), left: make(chan struct{})}
	tx.leave = sync.OnceFunc(func() { close(tx.left) })
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return nil, net.ErrClosed
	case t.clients[key] != nil:
		return nil, errBranch
	}
	t.clients[key] = tx
	tx.OnTerminate(func(string, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.clients, key)
	})
	return tx, nil
}

// answered is the client transaction of a response, or nil.
func (t *transactions) answered(res *sip.Response) *ClientTx {
	key, err := sip.ClientTxKeyMake(res)
	if err != nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.clients[key]
}

// server is the server transaction of a request: one that there is, or a new one, or none at all once closed.
func (t *transactions) server(req *sip.Request, key string, conn sip.Connection) (tx *sip.ServerTx, fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tx := t.servers[key]; tx != nil || t.closed {
		return tx, false
	}
	tx = sip.NewServerTx(key, req, conn, t.log)
	if err := tx.Init(); err != nil {
		return nil, false
	}
	t.servers[key] = tx
	tx.OnTerminate(func(string, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.servers, key)
	})
	return tx, true
}

// begun is a server transaction that there is, or nil.
func (t *transactions) begun(key string) *sip.ServerTx {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.servers[key]
}

// lost ends the transactions of a connection that has ended.
func (t *transactions) lost(c net.Conn) {
	of := func(conn sip.Connection) bool {
		tcp, ok := conn.(*sip.TCPConnection)
		return ok && tcp.Conn == c
	}
	t.end(func(tx *ClientTx) bool { return of(tx.Connection()) && !tx.outlives() },
		func(tx *sip.ServerTx) bool { return of(tx.Connection()) })
}

// close ends all of them, and lets no new ones begin.
func (t *transactions) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.end(func(*ClientTx) bool { return true }, func(*sip.ServerTx) bool { return true })
}

func (t *transactions) end(client func(*ClientTx) bool, server func(*sip.ServerTx) bool) {
	var over []interface{ Terminate() }
	t.mu.Lock()
	for _, tx := range t.clients {
		if client(tx) {
			over = append(over, tx.ClientTx) // its user is still there, and takes what it has got
		}
	}
	for _, tx := range t.servers {
		if server(tx) {
			over = append(over, tx)
		}
	}
	t.mu.Unlock()
	for _, tx := range over {
		tx.Terminate()
	}
}
