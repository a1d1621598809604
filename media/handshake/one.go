package handshake

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"

	"ewindow/media/negotiate"
)

// one is a single try with the library.
type one struct {
	a     *Association
	pipe  *pipe
	conn  *dtls.Conn
	begun time.Time
	stop  context.CancelFunc
	done  chan error // takes what became of it
	gone  sync.WaitGroup

	numbered uint64 // records that came

	mu      sync.Mutex
	refused error // why Verify or SDP refuse the certificate that was shown
}

// begin begins a try: whoever is active speaks.
func (a *Association) begin(ctx context.Context) (*one, error) {
	o := &one{a: a, pipe: newPipe(a.cfg.Send), begun: time.Now(), done: make(chan error, 1)}
	var err error
	if a.cfg.Terms.Active {
		o.conn, err = dtls.ClientWithOptions(o.pipe, nobody{}, o.client()...)
	} else {
		o.conn, err = dtls.ServerWithOptions(o.pipe, nobody{}, o.server()...)
	}
	if err != nil {
		return nil, fmt.Errorf("begin a handshake: %w", err)
	}
	ctx, o.stop = context.WithCancel(ctx)
	o.gone.Go(func() { o.done <- o.why(o.conn.HandshakeContext(ctx)) })
	return o, nil
}

// options are those of both roles.
func (o *one) options() []dtls.Option {
	cfg := &o.a.cfg
	return []dtls.Option{
		dtls.WithCertificates(cfg.Identity.certificate), dtls.WithInsecureSkipVerify(true), // certificates are known by their fingerprints alone
		dtls.WithVerifyPeerCertificate(o.named), dtls.WithVerifyConnection(o.verified),
		dtls.WithSRTPProtectionProfiles(profiles(cfg.Terms.Suites)...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret), // RFC 7627
		dtls.WithFlightInterval(flight), dtls.WithMTU(mtu),
		dtls.WithLoggerFactory(&logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}),
	}
}

func (o *one) client() (options []dtls.ClientOption) {
	for _, option := range o.options() {
		options = append(options, option)
	}
	return options
}

func (o *one) server() (options []dtls.ServerOption) {
	for _, option := range o.options() {
		options = append(options, option)
	}
	return append(options, dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerifyHello(o.a.cfg.Checked))
}

// named says whether a certificate is one that SDP names.
func (o *one) named(certificates [][]byte, _ [][]*x509.Certificate) error {
	if len(certificates) > 0 && slices.ContainsFunc(o.a.cfg.Terms.Fingerprints, func(f negotiate.Fingerprint) bool { return f.Of(certificates[0]) }) {
		return nil
	}
	return o.refuse(ErrCertificate)
}

// verified asks about the key of a certificate, once the other side has shown that it is its own.
func (o *one) verified(s *dtls.State) error {
	public, err := publicKey(s)
	if err == nil && o.a.cfg.Verify != nil {
		if why := o.a.cfg.Verify(public); why != nil {
			err = &Refusal{why}
		}
	}
	if err != nil {
		return o.refuse(err)
	}
	return nil
}

func (o *one) refuse(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = err
	return err
}

// publicKey is the other side's.
func publicKey(s *dtls.State) ([]byte, error) {
	if len(s.PeerCertificates) == 0 {
		return nil, errors.New("the other side shows no certificate")
	}
	certificate, err := x509.ParseCertificate(s.PeerCertificates[0])
	if err != nil {
		return nil, fmt.Errorf("read the other side's certificate: %w", err)
	}
	return certificate.RawSubjectPublicKeyInfo, nil
}

// why is what became of a try, in our words where they are ours.
func (o *one) why(err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		return nil
	case o.refused != nil:
		return o.refused
	}
	return fmt.Errorf("no keys were agreed on: %w", err)
}

// push gives the library what came.
func (o *one) push(datagram []byte) {
	if datagram == nil {
		return
	}
	o.numbered = number(datagram, o.numbered)
	select {
	case o.pipe.in <- datagram:
	default:
	}
}

// agree hands the keys over.
func (o *one) agree() error {
	state, ok := o.conn.ConnectionState()
	profile, found := o.conn.SelectedSRTPProtectionProfile()
	if !ok || !found {
		return errors.New("the handshake agreed on no SRTP (RFC 5764)")
	}
	suite, known := suiteOf(profile)
	if !known {
		return fmt.Errorf("the handshake agreed on SRTP profile %d, which is not ours", profile)
	}
	public, err := publicKey(&state)
	if err != nil {
		return err
	}
	client, server, err := export(&state, suite)
	if err != nil {
		return err
	}
	agreement := Agreement{Send: client, Receive: server, Public: public, Took: time.Since(o.begun)}
	if !o.a.cfg.Terms.Active {
		agreement.Send, agreement.Receive = server, client
	}
	o.a.cfg.Agreed(agreement)
	return nil
}

// export takes the keys of both sides (RFC 5764 §4.2).
func export(s *dtls.State, suite negotiate.Suite) (client, server negotiate.Keys, err error) {
	key, salt := suite.Lengths()
	b, err := s.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(key+salt))
	if err != nil {
		return client, server, fmt.Errorf("take the keys of a handshake: %w", err)
	}
	cut := func(n int) (part []byte) {
		part, b = b[:n:n], b[n:]
		return part
	}
	client.Suite, server.Suite = suite, suite
	client.Key, server.Key = cut(key), cut(key)
	client.Salt, server.Salt = cut(salt), cut(salt)
	return client, server, nil
}

var suites = []struct {
	suite   negotiate.Suite
	profile dtls.SRTPProtectionProfile
}{
	{negotiate.AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_128_GCM},
	{negotiate.AES_CM_128_HMAC_SHA1_80, dtls.SRTP_AES128_CM_HMAC_SHA1_80},
}

// profiles are suites in the words of the handshake, the best first.
func profiles(of []negotiate.Suite) (out []dtls.SRTPProtectionProfile) {
	for _, s := range suites {
		if slices.Contains(of, s.suite) {
			out = append(out, s.profile)
		}
	}
	return out
}

func suiteOf(p dtls.SRTPProtectionProfile) (negotiate.Suite, bool) {
	for _, s := range suites {
		if s.profile == p {
			return s.suite, true
		}
	}
	return "", false
}

// end ends it without a word, and waits for all that it began.
func (o *one) end() {
	o.pipe.mute.Store(true)
	o.stop()
	_ = o.conn.Close() // there is nothing that could be lost
	o.gone.Wait()
}
