package memnet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"testing"
	"testing/synctest"
	"time"
)

// certificate makes one for name, valid in the bubble's year.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(3)
		n.Default(Conditions{Latency: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.05})
		own, pool := certificate(t, "reg.example.org")
		inner, err := n.Listen(addressB)
		if err != nil {
			t.Fatal(err)
		}
		l := tls.NewListener(inner, &tls.Config{Certificates: []tls.Certificate{own}})
		served := make(chan error)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, err = io.Copy(c, c)
				c.Close()
			}
			served <- err
		}()
		begun := time.Now()
		plain, err := n.Dial(t.Context(), hostA, addressB)
		if err != nil {
			t.Fatal(err)
		}
		c := tls.Client(plain, &tls.Config{ServerName: "reg.example.org", RootCAs: pool})
		if err := c.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(begun); d < 80*time.Millisecond {
			t.Errorf("two round trips took %v", d)
		}
		write(t, c, "through the tunnel")
		read(t, c, "through the tunnel")

		// A handshake with a silent server ends with its context.
		silent, _ := n.Listen("10.0.0.2:5062")
		defer silent.Close()
		plain, err = n.Dial(t.Context(), hostA, "10.0.0.2:5062")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun = time.Now()
		if err := tls.Client(plain, &tls.Config{ServerName: "x"}).HandshakeContext(ctx); err == nil {
			t.Error("a silent server shook hands")
		}
		took(t, begun, 10*time.Second)

		c.Close()
		l.Close()
		if err := <-served; err != nil {
			t.Errorf("the server read: %v", err)
		}
	})
}
