package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/registrar/pki"
	"ewindow/registrar/pki/pin"
)

// carded is a lab whose windows show certificates, by a real authority.
type carded struct {
	*lab
	identity *pki.Identity
	gone     atomic.Bool // nobody's certificate is good any more
}

func simulateCards(t *testing.T, f func(l *carded)) {
	identity, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: domain}, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) // when simulated time begins
	if err != nil {
		t.Fatal(err)
	}
	l := &carded{identity: identity}
	simulateConfig(t, always, func(c *Config) {
		c.TLS = identity.ServerConfig()
		c.Shown = func(cert *x509.Certificate) (string, error) {
			if !identity.Made(cert) {
				return "", nil
			}
			if l.gone.Load() {
				return "", errors.New("the membership was revoked")
			}
			return cert.Subject.CommonName, nil
		}
	}, func(plain *lab) {
		l.lab = plain
		f(l)
	})
}

// come puts a peer on the network that shows a certificate of that account; of nobody's: none.
func (l *carded) come(name, account string, by *pki.Identity, protocols ...string) (p *peer, asked *atomic.Bool) {
	l.t.Helper()
	config, err := pin.Config(l.identity.Pin(), domain)
	if err != nil {
		l.t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		l.t.Fatal(err)
	}
	der, err := by.Device(account, &key.PublicKey, time.Now())
	if err != nil {
		l.t.Fatal(err)
	}
	asked = &atomic.Bool{}
	config.NextProtos = protocols
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked.Store(true)
		if account == "" {
			return &tls.Certificate{}, nil
		}
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
	}
	l.tls = config
	return l.join(name, "TLS"), asked
}

// A certificate binds its connection to its account: nobody else is let speak there, even who knows the secret.
func TestShownCertificate(t *testing.T) {
	simulateCards(t, func(l *carded) {
		milano, asked := l.come("milano", "milano", l.identity, "sip/2", pin.ALPN)
		milano.register()
		if !asked.Load() {
			t.Error("a window was not asked for its certificate")
		}
		munich, _ := l.come("munich", "milano", l.identity, pin.ALPN)
		for _, m := range []msg{
			{method: "REGISTER", uri: "sip:" + domain, to: "<sip:munich@" + domain + ">"},
			{method: "INVITE", uri: "sip:milano@" + domain, callID: "i", body: "v=0\n", extra: "Content-Type: application/sdp"},
			{method: "SUBSCRIBE", uri: "sip:munich@" + domain, callID: "s", extra: "Event: ua-profile"},
		} {
			munich.write(munich.text(m))
			if res := munich.response(403); res.Reason != "This connection is of milano by its certificate and of no other account" {
				t.Errorf("%s: %s", m.method, res.Reason)
			}
		}
		// Nor by a From that is right and a secret of another.
		liar := msg{method: "OPTIONS", uri: "sip:" + domain, from: "<sip:milano@" + domain + ">;tag=l", callID: "o"}
		munich.ask(liar)
		if res := munich.response(403); !strings.HasPrefix(res.Reason, "This connection is of milano") {
			t.Error(res.Reason)
		}
		if got := len(l.server.registrar.table.Lookup("munich", time.Now())); got != 0 {
			t.Errorf("munich has %d bindings", got)
		}
		if !strings.Contains(l.log.String(), "holder=milano") {
			t.Error("nothing is logged")
		}
	})
}

// Whoever has no certificate comes in by the secret, as does one of another authority; phones and browsers are not even asked.
func TestNoCertificate(t *testing.T) {
	other, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: domain}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	simulateCards(t, func(l *carded) {
		for _, c := range []struct {
			name, account string
			by            *pki.Identity
			protocols     []string
			asked         bool
		}{
			{"milano", "", l.identity, []string{"sip/2", pin.ALPN}, true}, // set up by hand
			{"munich", "milano", other, []string{"sip/2", pin.ALPN}, true},
			{"office", "milano", l.identity, []string{"sip/2"}, false},
			{"potsdam", "milano", l.identity, nil, false}, // of before
		} {
			p, asked := l.come(c.name, c.account, c.by, c.protocols...)
			p.register()
			if asked.Load() != c.asked {
				t.Errorf("%s: asked for a certificate: %v", c.name, asked.Load())
			}
		}
	})
}

// A certificate that is not good any more is refused in the handshake, and the log says why. Connections that are there by it end with the account,
// those too on which nothing was said yet.
func TestDeniedCertificate(t *testing.T) {
	simulateCards(t, func(l *carded) {
		silent, _ := l.come("milano", "milano", l.identity, pin.ALPN)
		time.Sleep(time.Second)
		p, _ := l.come("milano", "milano", l.identity, pin.ALPN)
		p.register()
		l.gone.Store(true)
		l.removeAccount("milano")
		silent.cutOff()
		p.cutOff()
		late, _ := l.come("milano", "milano", l.identity, pin.ALPN)
		late.cutOff()
		synctest.Wait()
		if !strings.Contains(l.log.String(), `reason="refused by this registrar: the membership was revoked"`) {
			t.Error("the log does not say why")
		}
		stays, _ := l.come("munich", "", l.identity, pin.ALPN)
		stays.register()
	})
}
