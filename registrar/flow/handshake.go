package flow

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"ewindow/registrar/pki/pin"
	"ewindow/registrar/signal/header"
)

// A HandshakeFailure is why TLS was not set up with a peer, for the owner of the phone that it was: one that does not know the
// registrar's authority, or speaks no TLS, is heard of nowhere else.
type HandshakeFailure struct {
	Kind   string // one of the constants, for counting
	Reason string // for people: who refused, and why
	Err    error  // what crypto/tls or the network says
}

// Kinds of failures.
const (
	Distrusted = "distrusted" // the peer refused the certificate
	NoCommon   = "no_common"  // no version, cipher suite or key exchange is known to both
	NotTLS     = "not_tls"    // the peer speaks something else
	Overdue    = "timeout"    //
	Gone       = "gone"       // the peer hung up
	Untouched  = "untouched"  // it did so without having said anything: it looked whether the port is open
	Unsound    = "unsound"    // one of the two found the other not to keep to TLS
	Denied     = "denied"     // a window's certificate that is not good any more
	Foreign    = "foreign"    // on a shared port: what the peer speaks within TLS is not served here
)

const distrust = "it does not accept the certificate: it does not know this registrar's authority (pki/ca.crt of the state directory; for a window the pin), " +
	"or calls it by a name that is not in the certificate"

// refusals are the alerts (RFC 8446 §6.2) whose meaning is known.
var refusals = map[tls.AlertError]HandshakeFailure{
	40: {Kind: NoCommon, Reason: "it shares no cipher suite with this registrar, or cannot use its certificate"},
	42: {Kind: Distrusted, Reason: distrust},
	43: {Kind: Distrusted, Reason: "it cannot use a certificate of this kind"},
	44: {Kind: Distrusted, Reason: distrust},
	45: {Kind: Distrusted, Reason: "to it the certificate has expired; is its clock right?"},
	46: {Kind: Distrusted, Reason: distrust},
	48: {Kind: Distrusted, Reason: "it does not know this registrar's authority: give it pki/ca.crt of the state directory, a window the pin"},
	70: {Kind: NoCommon, Reason: "it does not speak TLS 1.2 or 1.3"},
	71: {Kind: NoCommon, Reason: "the cipher suites of this registrar are not good enough for it"},
}

// said is what a peer has said in its handshake.
type said struct {
	first    []byte // the beginning
	last     []byte // the end
	hello    bool   // a whole ClientHello
	versions []uint16
	name     string // by which it calls us, made fit for a log; empty for an address
	holder   string // account whose certificate it has shown, see Shown
	denied   error  // why the certificate that it has shown is not good
	starved  bool   // it waited for its turn in vain
	done     bool   // the handshake had ended before it said no
}

const sslV3 = 0x0300

const (
	maxFirst  = 64 // enough of a request line to know SIP and HTTP by
	alertSize = 7  // of a record with an alert in clear: type, version, length, level, code
)

func (s *said) note(b []byte) {
	if room := maxFirst - len(s.first); room > 0 {
		s.first = append(s.first, b[:min(room, len(b))]...)
	}
	s.last = append(s.last, b[max(0, len(b)-alertSize):]...)
	s.last = s.last[max(0, len(s.last)-alertSize):]
}

// listening makes a configuration note each ClientHello, and ask windows for their certificates.
func listening(config *tls.Config, shown Shown) *tls.Config {
	config = config.Clone()
	next := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		t, ok := hello.Conn.(*turn)
		if ok {
			t.said.hello, t.said.versions, t.said.name = true, hello.SupportedVersions, header.Name(hello.ServerName)
		}
		if next != nil {
			if other, err := next(hello); other != nil || err != nil {
				return other, err
			}
		}
		if !ok || shown == nil || !slices.Contains(hello.SupportedProtos, pin.ALPN) {
			return nil, nil
		}
		return asking(config, t.said, shown), nil
	}
	return config
}

// asking is for one connection: a window is asked for its certificate, and may have none.
func asking(config *tls.Config, said *said, shown Shown) *tls.Config {
	config = config.Clone()
	config.GetConfigForClient = nil
	config.ClientAuth = tls.RequestClientCert // what is shown is judged here, also in a handshake that is resumed
	config.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) > 0 {
			said.holder, said.denied = shown(cs.PeerCertificates[0])
		}
		return said.denied
	}
	return config
}

// failed tells of a handshake that has come to nothing, unless that is our doing: we end, or have let the connection go.
func (t *Table) failed(ctx context.Context, f Flow, s *said, err error) {
	overdue := errors.Is(ctx.Err(), context.DeadlineExceeded)
	if !overdue && (ctx.Err() != nil || letGo(err)) {
		return
	}
	t.events.HandshakeFailed(f, s.failure(err, overdue))
}

// opened tells of a peer that says no when the handshake has ended for us: its alert, or that it hangs up, comes instead of
// its first message.
func (t *Table) opened(f Flow, s *said, err error) {
	if errors.Is(err, errForeign) {
		t.events.HandshakeFailed(f, HandshakeFailure{Kind: Foreign, Reason: "what the peer speaks within TLS is not served here", Err: err})
		return
	}
	if _, refused := s.alert(err); refused || hungUp(err) && !letGo(err) {
		s.done = true
		t.events.HandshakeFailed(f, s.failure(err, false))
	}
}

// letGo says whether an error is that we have closed the connection.
func letGo(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}

// hungUp says whether an error is that the peer has closed the connection: what the network says, and not TLS.
func hungUp(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) && op.Op != "local error" && op.Op != "remote error"
}

// failure is what an error of a handshake means; overdue says that its time was up.
func (s *said) failure(err error, overdue bool) HandshakeFailure {
	var record tls.RecordHeaderError
	alert, refused := s.alert(err)
	f := HandshakeFailure{Err: err}
	switch {
	case overdue:
		f.Kind, f.Reason = Overdue, s.overdue()
	case s.denied != nil:
		f.Kind, f.Reason = Denied, "refused by this registrar: "+s.denied.Error()
	case refused:
		f = refusals[alert]
		if f.Err = fmt.Errorf("alert %d: %w", alert, alert); f.Reason == "" {
			f.Kind, f.Reason = Unsound, strings.TrimPrefix(alert.Error(), "tls: ")
		}
		if f.Reason = "refused by the peer: " + f.Reason; f.Kind == Distrusted && s.name != "" {
			f.Reason += fmt.Sprintf("; it calls this registrar %q", s.name)
		}
	case errors.As(err, &record):
		f.Kind, f.Reason = NotTLS, "the peer does not speak TLS: "+s.language()
	case hungUp(err):
		f.Kind, f.Reason = s.gone()
	default:
		f.Kind, f.Reason = s.unacceptable(err.Error())
		f.Reason = "refused by this registrar: " + f.Reason
	}
	return f
}

// alert is the alert by which the peer has refused, if it did. In TLS 1.3 OpenSSL and others refuse a certificate before they
// have changed their keys: for crypto/tls that alert is a forged record.
func (s *said) alert(err error) (tls.AlertError, bool) {
	var op *net.OpError
	if !errors.As(err, &op) {
		return 0, false
	}
	if l := s.last; op.Op == "local error" && len(l) == alertSize && l[0] == 21 && l[1] == 3 && l[3] == 0 && l[4] == 2 {
		return tls.AlertError(l[6]), true
	}
	if op.Op != "remote error" {
		return 0, false
	}
	for code := range 256 { // crypto/tls gives it as a type of its own
		if a := tls.AlertError(code); a.Error() == op.Err.Error() {
			return a, true
		}
	}
	return 0, false
}

func (s *said) overdue() string {
	switch {
	case s.starved:
		return "this registrar has too many handshakes to compute"
	case s.hello:
		return "the peer fell silent when it had the certificate; does it ask its user whether to trust that?"
	case len(s.first) > 0:
		return "the peer did not end its first message; do large packets get lost on the way?"
	}
	return "the peer said nothing"
}

func (s *said) gone() (kind, reason string) {
	switch {
	case s.done:
		return Gone, "the peer hung up behind the handshake, before any message; some do that if they do not accept the certificate"
	case s.hello:
		return Gone, "the peer hung up in the middle of the handshake; some do that if they do not accept the certificate"
	case len(s.first) > 0:
		return Gone, "the peer hung up in the middle of its first message"
	}
	return Untouched, "the peer hung up without a word"
}

// unacceptable is why we could not go on: crypto/tls says it in words alone.
func (s *said) unacceptable(err string) (kind, reason string) {
	has := func(part string) bool { return strings.Contains(err, part) }
	switch {
	case has("unsupported versions"):
		return NoCommon, "the peer speaks " + spoken(s.versions) + ", this registrar TLS 1.2 and 1.3"
	case has("no cipher suite"), has("no key exchanges"), has("signature algorithms"), has("point formats"):
		return NoCommon, "the peer has no cipher suite, key exchange or kind of signature in common with it; its TLS is too old"
	case has("application protocols"):
		return NoCommon, "none of the protocols that the peer names (ALPN) is served here"
	}
	return Unsound, "the peer does not keep to TLS"
}

// spoken is the versions in a ClientHello, for people.
func spoken(versions []uint16) string {
	var names []string
	for _, v := range versions {
		if v >= sslV3 && v <= tls.VersionTLS13 && len(names) < 4 {
			names = append(names, tls.VersionName(v))
		}
	}
	if len(names) == 0 {
		return "no version that is known here"
	}
	return strings.Join(names, " and ")
}

// language is what a peer speaks that does not speak TLS.
func (s *said) language() string {
	line, _, _ := bytes.Cut(bytes.ToLower(s.first), []byte("\r\n"))
	has := func(parts ...string) bool {
		for _, p := range parts {
			if bytes.Contains(line, []byte(p)) {
				return true
			}
		}
		return false
	}
	switch {
	case has(" sip:", " sips:", " tel:", "sip/2.0"):
		return "it speaks SIP in clear; let it use TLS, or the port for TCP"
	case has("http/", "get /", "post /"):
		return "it speaks HTTP"
	case len(s.first) > 2 && s.first[0]&0x80 != 0 && s.first[2] == 1:
		return "it speaks SSL 2"
	}
	return "what it speaks is not known here"
}
