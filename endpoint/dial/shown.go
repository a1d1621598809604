package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// ErrDenied says that the registrar let nobody in by the certificate that was shown. In TLS 1.3 it does so when the handshake is over for the
// window: then what is read first says it.
var ErrDenied = errors.New("the registrar does not let this window in by its certificate (media.crt in the state directory): the membership was revoked, or another machine has become this window; " +
	"ask whoever runs the registrar, whose log says more; `ewindow join` with another code gets another certificate, and without the file the window comes by its secret alone")

// introduced sets TLS up, as secure does, and puts the registrar's refusal of a certificate that was shown into words.
func introduced(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	own := config.GetClientCertificate
	if own == nil {
		return secure(ctx, conn, config)
	}
	showed := false
	config = config.Clone()
	config.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert, err := own(asked)
		showed = err == nil && len(cert.Certificate) > 0
		return cert, err
	}
	c, err := secure(ctx, conn, config)
	switch {
	case err != nil && showed:
		return nil, explained(err)
	case err != nil:
		return nil, err
	case showed:
		return &guest{Conn: c}, nil
	}
	return c, nil
}

// guest is a connection on which a certificate was shown.
type guest struct {
	net.Conn
	known atomic.Bool // something was read
}

func (g *guest) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if err != nil && !g.known.Load() {
		err = explained(err)
	}
	if n > 0 {
		g.known.Store(true)
	}
	return n, err
}

// lastWords is how long the refusal is waited for that came before the end.
const lastWords = 100 * time.Millisecond

// Write may find the connection closed before anybody has read why.
func (g *guest) Write(b []byte) (int, error) {
	n, err := g.Conn.Write(b)
	if err == nil || g.known.Load() {
		return n, err
	}
	if g.SetReadDeadline(time.Now().Add(lastWords)) == nil {
		if _, why := g.Conn.Read(make([]byte, 1)); why != nil && explained(why) == ErrDenied {
			err = ErrDenied
		}
	}
	return n, err
}

// badCertificate is the alert of who does not accept a certificate (RFC 8446 §6.2).
const badCertificate = tls.AlertError(42)

// explained is ErrDenied if the other side has refused a certificate. crypto/tls gives that alert as a type of its own.
func explained(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" && op.Err.Error() == badCertificate.Error() {
		return ErrDenied
	}
	return err
}
