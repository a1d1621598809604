package flow

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const tlsName = "reg.example.org"

// issued is a certificate for tlsName, and who trusts it.
func issued(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	is := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{tlsName}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, is, is, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// What fails a handshake is told, in words by which the owner of a phone can mend it.
func TestHandshakeFailures(t *testing.T) {
	type peer func(t *testing.T, c net.Conn, trusts *x509.CertPool)
	// client is crypto/tls with a configuration of its own: what it says to its user does not matter here.
	client := func(edit func(*tls.Config, net.Conn)) peer {
		return func(t *testing.T, c net.Conn, trusts *x509.CertPool) {
			config := &tls.Config{ServerName: tlsName, RootCAs: trusts}
			edit(config, c)
			if err := tls.Client(c, config).HandshakeContext(t.Context()); err == nil {
				t.Error("the handshake did not fail for the peer")
			}
		}
	}
	says := func(text string) peer {
		return func(_ *testing.T, c net.Conn, _ *x509.CertPool) { _, _ = c.Write([]byte(text)) }
	}
	// inClear refuses the certificate as OpenSSL does in TLS 1.3, with an alert that is not encrypted.
	inClear := func(code byte) peer {
		return client(func(config *tls.Config, c net.Conn) {
			config.VerifyConnection = func(tls.ConnectionState) error {
				_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, code})
				_ = c.Close()
				return errors.New("refused")
			}
		})
	}
	opens := func(then func(*tls.Conn)) peer {
		return func(t *testing.T, c net.Conn, trusts *x509.CertPool) {
			secure := tls.Client(c, &tls.Config{ServerName: tlsName, RootCAs: trusts})
			if err := secure.HandshakeContext(t.Context()); err != nil {
				t.Error(err)
			}
			then(secure)
		}
	}
	const (
		authority = "refused by the peer: it does not know this registrar's authority: give it pki/ca.crt"
		distrusts = "refused by the peer: it does not accept the certificate: it does not know this registrar's authority (pki/ca.crt"
		hello     = "\x16\x03\x01\x00\xf0\x01\x00\x00"
	)
	for name, test := range map[string]struct {
		peer   peer
		config func(*tls.Config)
		kind   string
		reason string // with what it begins, or "" for nothing that is told
		ends   string // and ends
	}{
		"another authority, TLS 1.3": {client(func(c *tls.Config, _ net.Conn) { c.RootCAs = x509.NewCertPool() }), nil, Distrusted, distrusts, `calls this registrar "reg.example.org"`},
		"another authority, TLS 1.2": {client(func(c *tls.Config, _ net.Conn) { c.RootCAs, c.MaxVersion = x509.NewCertPool(), tls.VersionTLS12 }), nil, Distrusted, distrusts, `calls this registrar "reg.example.org"`},
		"another name":               {client(func(c *tls.Config, _ net.Conn) { c.ServerName = "sip.example.net" }), nil, Distrusted, distrusts, `calls this registrar "sip.example.net"`},
		"an address":                 {client(func(c *tls.Config, _ net.Conn) { c.ServerName = "10.0.0.1" }), nil, Distrusted, distrusts, "not in the certificate"},
		"OpenSSL, authority":         {inClear(48), nil, Distrusted, authority, `calls this registrar "reg.example.org"`},
		"OpenSSL, expired":           {inClear(45), nil, Distrusted, "refused by the peer: to it the certificate has expired", ""},
		"an alert of no known use":   {inClear(80), nil, Unsound, "refused by the peer: internal error", ""},
		"an alert that nobody knows": {inClear(222), nil, Unsound, "refused by the peer: alert(222)", ""},
		"behind the handshake":       {refusesLate, nil, Unsound, "refused by the peer: encrypted client hello required", ""},
		"TLS 1.0 and 1.1": {client(func(c *tls.Config, _ net.Conn) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), nil, NoCommon,
			"refused by this registrar: the peer speaks TLS 1.1 and TLS 1.0, this registrar TLS 1.2 and 1.3", ""},
		"no cipher suite": {client(func(c *tls.Config, _ net.Conn) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
		}), nil, NoCommon, "refused by this registrar: the peer has no cipher suite", ""},
		"no key exchange": {client(func(c *tls.Config, _ net.Conn) { c.CurvePreferences = []tls.CurveID{tls.CurveP384} }),
			func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} }, NoCommon, "refused by this registrar: the peer has no cipher suite", ""},
		"a broken ClientHello": {says("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), nil, Unsound, "refused by this registrar: the peer does not keep to TLS", ""},
		"SIP":                  {says("REGISTER sip:reg.example.org SIP/2.0\r\n"), nil, NotTLS, "the peer does not speak TLS: it speaks SIP", ""},
		"SIP's OPTIONS":        {says("OPTIONS sips:a SIP/2.0\r\n"), nil, NotTLS, "the peer does not speak TLS: it speaks SIP", ""},
		"HTTP":                 {says("GET / HTTP/1.1\r\n"), nil, NotTLS, "the peer does not speak TLS: it speaks HTTP", ""},
		"HTTP, a long path":    {says("GET /" + strings.Repeat("a", 100) + " HTTP/1.1\r\n"), nil, NotTLS, "the peer does not speak TLS: it speaks HTTP", ""},
		"SSL 2":                {says("\x80\x2e\x01\x00\x02\x00\x15\x00"), nil, NotTLS, "the peer does not speak TLS: it speaks SSL 2", ""},
		"pings":                {says("\r\n\r\n\r\n\r\n"), nil, NotTLS, "the peer does not speak TLS: what it speaks is not known", ""},
		"silence":              {says(""), nil, Overdue, "the peer said nothing", ""},
		"half a hello":         {says(hello), nil, Overdue, "the peer did not end its first message", ""},
		"nothing behind its hello": {func(_ *testing.T, c net.Conn, _ *x509.CertPool) {
			go func() { _ = tls.Client(deaf{c}, &tls.Config{ServerName: tlsName}).Handshake() }()
		}, nil, Overdue, "the peer fell silent when it had the certificate", ""},
		"hangs up without a word": {func(_ *testing.T, c net.Conn, _ *x509.CertPool) { _ = c.Close() }, nil, Untouched, "the peer hung up without a word", ""},
		"hangs up in its hello":   {func(_ *testing.T, c net.Conn, _ *x509.CertPool) { _, _ = c.Write([]byte(hello)); _ = c.Close() }, nil, Gone, "the peer hung up in the middle of its first message", ""},
		"hangs up at the certificate": {client(func(config *tls.Config, c net.Conn) {
			config.VerifyConnection = func(tls.ConnectionState) error { _ = c.Close(); return errors.New("refused") }
		}), nil, Gone, "the peer hung up in the middle of the handshake", ""},
		"hangs up behind the handshake": {opens(func(c *tls.Conn) { _ = c.Close() }), nil, Gone, "the peer hung up behind the handshake", ""},
		"hangs up behind a message":     {opens(func(c *tls.Conn) { _, _ = c.Write([]byte(message)); _ = c.Close() }), nil, "", "", ""},
		"stays silent":                  {opens(func(*tls.Conn) {}), nil, "", "", ""}, // until it is let go, as others without TLS are
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				certificate, trusts := issued(t)
				config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
				if test.config != nil {
					test.config(config)
				}
				s := start(t, Limits{}, config)
				c := s.dial("10.0.1.1")
				test.peer(t, c, trusts)
				time.Sleep(30 * time.Second)
				_ = c.Close()
				synctest.Wait()
				told := s.failures()
				switch {
				case test.reason == "" && len(told) > 0:
					t.Errorf("told %+v, want nothing", told)
				case test.reason == "":
				case len(told) != 1:
					t.Errorf("told %+v, want one failure", told)
				case told[0].Kind != test.kind || told[0].Err == nil || !strings.HasPrefix(told[0].Reason, test.reason) || !strings.HasSuffix(told[0].Reason, test.ends):
					t.Errorf("told %+v, want %s: %s … %s", told[0], test.kind, test.reason, test.ends)
				}
			})
		})
	}
}

// deaf hears nothing until its connection ends.
type deaf struct{ net.Conn }

func (d deaf) Read([]byte) (int, error) {
	time.Sleep(20 * time.Second)
	return 0, net.ErrClosed
}

// refusesLate refuses when the handshake has ended for the server: a client of TLS 1.3 that wanted its hello encrypted and
// finds that it was not (draft-ietf-tls-esni §6.1.6).
func refusesLate(t *testing.T, c net.Conn, trusts *x509.CertPool) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sized := func(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }
	ech := append([]byte{1, 0, 0x20}, sized(key.PublicKey().Bytes())...) // id, X25519
	ech = append(ech, sized([]byte{0, 1, 0, 1})...)                      // HKDF-SHA256, AES-128-GCM
	ech = append(ech, 32, byte(len(tlsName)))
	ech = append(append(ech, tlsName...), 0, 0)
	config := &tls.Config{ServerName: "inner.example.org", RootCAs: trusts, EncryptedClientHelloConfigList: sized(append([]byte{0xfe, 0x0d}, sized(ech)...))}
	var rejected *tls.ECHRejectionError
	if err := tls.Client(c, config).HandshakeContext(t.Context()); !errors.As(err, &rejected) {
		t.Errorf("the client says %v", err)
	}
}

// A handshake that ends because of us is nobody's failure: we end, or its place is needed. One for which there was no turn is
// ours.
func TestHandshakesOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		certificate, trusts := issued(t)
		var s *stack
		t.Cleanup(func() { // after Run
			if told := s.failures(); len(told) != 0 {
				t.Errorf("told %+v of one that was under way at the end", told)
			}
		})
		s = start(t, Limits{PerBlock: 1}, &tls.Config{Certificates: []tls.Certificate{certificate}})
		s.dial("10.0.1.1")
		time.Sleep(time.Second)
		s.dial("10.0.1.2") // takes its place
		time.Sleep(time.Second)
		if told := s.failures(); len(told) != 0 {
			t.Errorf("told %+v of one that had to go", told)
		}
		time.Sleep(time.Minute)
		_ = s.failures()
		for range cap(s.table.turns) { // as if others were computing
			s.table.turns <- struct{}{}
		}
		late := tls.Client(s.dial("10.0.2.2"), &tls.Config{ServerName: tlsName, RootCAs: trusts})
		_ = late.HandshakeContext(t.Context())
		synctest.Wait()
		if told := s.failures(); len(told) != 1 || told[0].Reason != "this registrar has too many handshakes to compute" {
			t.Errorf("told %+v", told)
		}
		s.dial("10.0.3.3") // in its handshake when Run ends
	})
}
