package flow

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"time"
)

// A shared port is for networks that let out nothing but port 443. What a connection is for shows by its protocol of ALPN
// (RFC 7301), or without one by its first bytes, as RFC 7983 tells packets apart:
//
//	room? → first byte ─┬─ 0x16 → TLS handshake → ALPN, or the first bytes ─┬─ SIP  → Accept ⇢ SIP stack
//	                    ├─ STUN, in clear ──────────────────────────────────┼─ TURN → Inlet ⇢ relay
//	                    └─ anything else: closed                            └─ HTTP → Inlet ⇢ web
//
// All of that happens within the limits that hold for SIP alone: among strangers, who can be pushed out, and within Handshake and
// Idle. TURN then counts its connections itself; those of HTTP stay strangers until they end.

// The protocols of ALPN that a shared port knows (IANA's registry; stun.turn: RFC 7443). A client that offers others alone is
// refused (RFC 7301 §3.2), unless config's GetConfigForClient takes it: then it came for the handshake alone, as an authority
// does by acme-tls/1 (RFC 8737 §3).
const (
	alpnSIP  = "sip/2"
	alpnTURN = "stun.turn"
	alpnHTTP = "http/1.1"
)

// Others take what comes to a shared port and is not SIP; nil ones are not there.
type Others struct{ TURN, HTTP *Inlet }

// forHandshake says whether a client named a protocol in which nothing is said behind the handshake.
func (o *Others) forHandshake(protocol string) bool {
	return protocol != "" && protocol != alpnSIP && (o == nil || o.of(protocol) == nil)
}

// of is who takes a protocol; nil: nobody.
func (o *Others) of(protocol string) *Inlet {
	switch protocol {
	case alpnTURN:
		return o.TURN
	case alpnHTTP:
		return o.HTTP
	}
	return nil
}

// Share is Listen for a port that SIP over TLS shares with others. What config's GetConfigForClient gives for some clients, such as another
// certificate with its protocol, has to name its protocols itself.
func (t *Table) Share(l net.Listener, config *tls.Config, others Others) *Listener {
	s := t.Listen(l, TLS, config)
	s.others = &others
	s.config.NextProtos = []string{alpnSIP}
	for _, protocol := range []string{alpnTURN, alpnHTTP} {
		if others.of(protocol) != nil {
			s.config.NextProtos = append(s.config.NextProtos, protocol)
		}
	}
	return s
}

var (
	errNotTLS  = tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}
	errForeign = errors.New("neither SIP nor another protocol of this port")
)

// inClear reads how a connection begins. What it read is put back: raw is to be read next. stun says that it is STUN or TURN without TLS;
// what is neither that nor TLS is an error.
func (l *Listener) inClear(ctx context.Context, c *conn, s *said) (raw net.Conn, stun bool, err error) {
	b, err := peek(ctx, c.raw, c.raw, func(b []byte) bool { return b[0] > 3 || len(b) >= stunHead })
	s.note(b)
	switch {
	case err != nil:
		return nil, false, err
	case b[0] == recordHandshake:
	case isSTUN(b) && l.others.TURN != nil:
		stun = true
	default:
		return nil, false, errNotTLS
	}
	*s = said{} // whoever reads raw notes it again
	return &replay{c.raw, b}, stun, nil
}

// recordHandshake is the first byte of TLS (RFC 8446 §5.1).
const recordHandshake = 22

// protocol finds out what a connection over TLS is for where ALPN does not say it. What it read is put back.
func (l *Listener) protocol(ctx context.Context, c *conn, secure *tls.Conn) (name string, again net.Conn, err error) {
	if name = secure.ConnectionState().NegotiatedProtocol; name != "" {
		return name, secure, nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.table.limits.Idle)
	defer cancel()
	b, err := peek(ctx, secure, c.raw, func(b []byte) bool { name = spokenBy(b); return name != undecided })
	switch {
	case err != nil:
		return "", nil, err
	case name != alpnSIP && l.others.of(name) == nil:
		return "", nil, errForeign
	}
	return name, &replay{secure, b}, nil
}

// peek reads until enough says so, or maxFirst bytes have come. It ends with ctx; socket is what conn reads in the end.
func peek(ctx context.Context, conn, socket net.Conn, enough func([]byte) bool) ([]byte, error) {
	stop := context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	b := make([]byte, 0, maxFirst)
	for len(b) < cap(b) {
		n, err := conn.Read(b[len(b):cap(b)])
		if b = b[:len(b)+n]; err != nil {
			return b, err
		}
		if n > 0 && enough(b) {
			break
		}
	}
	return b, ctx.Err()
}

// give hands a connection to whoever takes its protocol, which has to come for it soon. over is the connection as it is to be read, state
// that of its TLS.
func (l *Listener) give(ctx context.Context, c *conn, over net.Conn, state tls.ConnectionState, protocol string) {
	to := l.others.of(protocol)
	if protocol == alpnHTTP {
		if !to.take(ctx, &guest{over, c, state}, l.table.limits.Handshake) {
			_ = c.Close()
		}
		return
	}
	if !to.take(ctx, &handed{over, c.raw}, l.table.limits.Handshake) {
		_ = c.Close()
		return
	}
	c.once.Do(func() {
		l.table.closed(c)
		l.table.released(c)
	})
}

// handed is a connection that is somebody else's. TLS would say goodbye for up to 5 s to a peer that does not read: it ends without.
type handed struct {
	net.Conn
	raw net.Conn
}

func (h *handed) Close() error { return h.raw.Close() }

// NetConn is the socket.
func (h *handed) NetConn() net.Conn { return h.raw }

// SetLinger is that of the socket.
func (h *handed) SetLinger(seconds int) error {
	if tcp, ok := h.raw.(*net.TCPConn); ok {
		return tcp.SetLinger(seconds)
	}
	return nil
}

// guest is a connection that stays among the strangers of the table until it ends.
type guest struct {
	net.Conn
	c     *conn
	state tls.ConnectionState
}

// ConnectionState is that of its TLS; net/http gives it to handlers.
func (g *guest) ConnectionState() tls.ConnectionState { return g.state }

func (g *guest) Close() error {
	err := g.Conn.Close()
	_ = g.c.Close()
	return err
}

// replay is a connection of which something was read already.
type replay struct {
	net.Conn
	head []byte
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.head) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.head)
	if r.head = r.head[n:]; len(r.head) == 0 {
		r.head = nil
	}
	return n, nil
}

// stunHead is how much of a STUN message tells that it is one: type, length, magic cookie (RFC 8489 §5).
const stunHead = 8

func isSTUN(b []byte) bool {
	return len(b) >= stunHead && b[0] <= 3 && binary.BigEndian.Uint32(b[4:]) == 0x2112a442
}
