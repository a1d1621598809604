// Package stack is what carries SIP at both ends: sipgo's transports and transactions, so that nothing is dialled and
// the messages of a flow (RFC 5626 §2) are taken in one after the other.
//
//	socket ─▶ sipgo reads and parses ─▶ take ─┬─ response ─▶ its client transaction ─▶ Responses ┐
//	          one goroutine a stream,          ├─ request ──▶ its server transaction, or Request  ├─▶ Taken
//	          one for all datagrams            └─ no transaction ─▶ Stray                         ┘     │
//	                     ▲                                                                             │
//	                     └───────── the flow's next message, not before that ◀─────────────────────────┘
//
// What a message names as its destination is whatever its sender wrote there. sipgo would open a connection to it,
// without pin or certificate, and ask the DNS for it. Here everything goes out over a flow that was handed in, or not
// at all.
package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/validate"
)

// ErrNoDial says that there is no flow over which a message could go.
var ErrNoDial = errors.New("no connection leads there, and none is opened")

// errBranch is a mistake of ours: a branch names one request.
var errBranch = errors.New("a request with this branch is under way")

// Config is whom a Stack tells. Each function runs in a goroutine of its own.
type Config struct {
	Request func(*sip.Request, *sip.ServerTx) // takes each request that begins a transaction, which ends when it returns; and each ACK to a 2xx
	Stray   func(*sip.Response)               // takes responses without a transaction; nil: they are dropped (RFC 6026 §8.9)
	Log     *slog.Logger                      // what sipgo says, for debugging; nil: nowhere
}

// A Stack is one side's transports and transactions.
type Stack struct {
	cfg          Config
	transport    *sip.TransportLayer
	transactions *transactions
	turns        *turns
	lines        *lines

	mu      sync.Mutex
	closed  bool
	closing sync.WaitGroup // connections whose transactions are being ended; added to under mu while not closed
}

// tuneSIP sets the variables of sipgo that no option reaches, once.
//
//   - It reads into 32 KB for each connection, as long as that is open. A datagram of more than half of it is no SIP.
//   - It refuses to send a datagram of more than 1,300 bytes and cannot fall back to TCP, nor can many phones: an
//     INVITE with video and keys is larger. IP fragments carry it.
//   - Its connections log to the default logger, every malformed packet whole.
var tuneSIP = sync.OnceFunc(func() {
	sip.TransportBufferReadSize = 16_384
	sip.UDPMTUSize = 65_507 + 200
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
})

// New makes a stack. It starts nothing: the Serve methods do.
func New(c Config) *Stack {
	tuneSIP()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	log := slog.New(demoted{c.Log.Handler()})
	tcp := func() *sip.TransportTCP {
		return &sip.TransportTCP{DialerCreate: func(net.Addr) net.Dialer {
			return net.Dialer{Control: func(string, string, syscall.RawConn) error { return ErrNoDial }}
		}}
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, ErrNoDial }}
	s := &Stack{cfg: c, transactions: newTransactions(log), turns: newTurns(), transport: sip.NewTransportLayer(
		resolver, validate.Parser(), nil,
		sip.WithTransportLayerLogger(log),
		sip.WithTransportLayerTransports(sip.TransportsConfig{TCP: tcp(), TLS: &sip.TransportTLS{TransportTCP: tcp()}}),
	)}
	s.lines = newLines(s.take)
	s.transport.OnMessage(s.read)
	return s
}

// ServeTLS serves the connections of l, on which TLS is set up already, until Accept fails.
func (s *Stack) ServeTLS(l net.Listener) error { return s.transport.ServeTLS(listener{l, s}) }

// ServeTCP serves the connections of l until Accept fails.
func (s *Stack) ServeTCP(l net.Listener) error { return s.transport.ServeTCP(listener{l, s}) }

// ServeUDP serves a socket until reading it fails.
func (s *Stack) ServeUDP(c net.PacketConn) error { return s.transport.ServeUDP(c) }

// Close ends all transactions and closes all connections.
func (s *Stack) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.transactions.close()
	err := s.transport.Close()
	s.closing.Wait()
	return err
}

// ended ends the transactions of a connection that has ended: nothing comes back over it.
func (s *Stack) ended(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closing.Go(func() { s.transactions.lost(c) })
	}
}

// Request begins a client transaction: it sends req over the flow that its transport and destination name, and over
// UDP from the socket in Laddr. ACK has none: use Write.
func (s *Stack) Request(req *sip.Request) (*ClientTx, error) {
	conn, err := s.way(req)
	if err != nil {
		return nil, err
	}
	tx, err := s.transactions.client(req, conn)
	if err != nil {
		_, _ = conn.TryClose()
		return nil, err
	}
	if err := tx.Init(); err != nil {
		tx.Terminate()
		return nil, err
	}
	return tx, nil
}

// Write sends a message without a transaction: an ACK, or a 2xx once more.
func (s *Stack) Write(m sip.Message) error {
	if req, ok := m.(*sip.Request); ok {
		conn, err := s.way(req)
		if err != nil {
			return err
		}
		defer conn.TryClose()
		return conn.WriteMsg(req)
	}
	return s.transport.WriteMsg(m)
}

// way is the connection for a request: one that there is.
func (s *Stack) way(req *sip.Request) (sip.Connection, error) {
	at := req.Destination()
	if req.Laddr.IP != nil {
		at = req.Laddr.String()
	}
	conn, err := s.transport.GetConnection(req.Transport(), at)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", req.Transport(), at, ErrNoDial)
	}
	_, _ = conn.TryClose()                                                // the other one counts
	return s.transport.ClientRequestConnection(context.Background(), req) // writes the Via's address, too
}

// demoted logs everything that sipgo says at the level of debugging: what it calls an error is a peer's mistake or a lost
// connection, which both ends log themselves.
type demoted struct{ slog.Handler }

func (d demoted) Enabled(ctx context.Context, _ slog.Level) bool {
	return d.Handler.Enabled(ctx, slog.LevelDebug)
}

func (d demoted) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return d.Handler.Handle(ctx, r)
}

func (d demoted) WithAttrs(attrs []slog.Attr) slog.Handler {
	return demoted{d.Handler.WithAttrs(attrs)}
}
func (d demoted) WithGroup(name string) slog.Handler { return demoted{d.Handler.WithGroup(name)} }
