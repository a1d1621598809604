// Package stack is sipgo's transports and transactions as both ends of SIP use them: it never dials, asks no DNS, and
// says nothing but to a debugger.
//
// What a message names as its destination is whatever its sender wrote there. sipgo would open a connection to it,
// without pin or certificate, and ask the DNS for it. Here everything goes out over a flow (RFC 5626 §2) that was
// handed in, or not at all.
package stack

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/validate"
)

// ErrNoDial says that there is no flow over which a message could go.
var ErrNoDial = errors.New("no connection leads there, and none is opened")

// Config is what a Stack tells.
type Config struct {
	Request func(*sip.Request, *sip.ServerTx) // takes each request that begins a transaction, in a goroutine of its own
	Stray   func(*sip.Response)               // takes responses without a transaction; nil: they are dropped (RFC 6026 §8.9)
	Log     *slog.Logger                      // what sipgo says, for debugging; nil: nowhere
}

// A Stack is one side's transports and transactions.
type Stack struct {
	transport    *sip.TransportLayer
	transactions *sip.TransactionLayer
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
	if c.Stray == nil {
		c.Stray = func(*sip.Response) {}
	}
	log := slog.New(demoted{c.Log.Handler()})
	tcp := func() *sip.TransportTCP {
		return &sip.TransportTCP{DialerCreate: func(net.Addr) net.Dialer {
			return net.Dialer{Control: func(string, string, syscall.RawConn) error { return ErrNoDial }}
		}}
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, ErrNoDial }}
	s := &Stack{transport: sip.NewTransportLayer(resolver, validate.Parser(), nil,
		sip.WithTransportLayerLogger(log),
		sip.WithTransportLayerTransports(sip.TransportsConfig{TCP: tcp(), TLS: &sip.TransportTLS{TransportTCP: tcp()}}),
	)}
	s.transactions = sip.NewTransactionLayer(s.transport,
		sip.WithTransactionLayerLogger(log),
		sip.WithTransactionLayerTerminateOnConnClose(),
		sip.WithTransactionLayerUnhandledResponseHandler(c.Stray),
	)
	s.transactions.OnRequest(c.Request)
	return s
}

// ServeTLS serves the connections of l, on which TLS is set up already, until Accept fails.
func (s *Stack) ServeTLS(l net.Listener) error { return s.transport.ServeTLS(l) }

// ServeTCP serves the connections of l until Accept fails.
func (s *Stack) ServeTCP(l net.Listener) error { return s.transport.ServeTCP(l) }

// ServeUDP serves a socket until reading it fails.
func (s *Stack) ServeUDP(c net.PacketConn) error { return s.transport.ServeUDP(c) }

// Close ends all transactions and closes all connections.
func (s *Stack) Close() error {
	s.transactions.Close()
	return s.transport.Close()
}

// Request begins a client transaction: it sends req over the flow that its transport and destination name. ACK has
// none: use Write.
func (s *Stack) Request(ctx context.Context, req *sip.Request) (*sip.ClientTx, error) {
	return s.transactions.Request(ctx, req)
}

// Write sends a message without a transaction: an ACK, or a 2xx once more.
func (s *Stack) Write(m sip.Message) error { return s.transport.WriteMsg(m) }

// demoted makes everything that sipgo says a matter for debugging: what it calls an error is a peer's mistake or a lost
// connection, of which both ends speak themselves.
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
