package obtained

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

func newTest(t *testing.T) *Certificates {
	t.Helper()
	o, err := New(Config{Hosts: []string{"reg.example.test"}, Directory: "https://127.0.0.1:1/dir", Dir: filepath.Join(t.TempDir(), "acme")})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// pair is what autocert keeps of a certificate.
func pair(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"reg.example.test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: text}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
}

// An away is an authority that is not there, and when it was asked.
type away struct {
	begun time.Time
	at    []time.Duration
}

func (a *away) RoundTrip(*http.Request) (*http.Response, error) {
	a.at = append(a.at, time.Since(a.begun))
	return nil, errors.New("no route to host")
}

// An authority that is not there is asked ever more seldom, and that is said each time; nothing else of the registrar waits for it.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o := newTest(t)
		o.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		there := &away{begun: time.Now()}
		o.trips.next = there
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- o.Run(ctx) }()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if o.Good() {
			t.Error("it is good")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := len(there.at); n < 10 || n > 14 || there.at[1] != firstPause || there.at[2] != 4*firstPause || there.at[n-1]-there.at[n-2] != lastPause {
			t.Errorf("asked after %v", there.at)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != len(there.at) || !strings.Contains(log.String(), "phones get the registrar's own authority's") || !strings.Contains(log.String(), "no route to host") {
			t.Errorf("%d lines: %s", n, &log)
		}
	})
}

// What is damaged is as good as not there, and made anew; answers to challenges are never looked for on the disk.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	c := cache{autocert.DirCache(dir)}
	good := pair(t)
	for name, test := range map[string]struct {
		data []byte
		want error
	}{
		"reg.example.test":       {good, nil},
		"half.example.test":      {good[:len(good)/2], autocert.ErrCacheMiss},
		"zeros.example.test":     {make([]byte, 300), autocert.ErrCacheMiss},
		"acme_account+key":       {good, nil},
		"acme_account.key":       {[]byte("x"), autocert.ErrCacheMiss},
		"reg.example.test+token": {good, autocert.ErrCacheMiss},
		"dG9rZW4+http-01":        {[]byte("x"), autocert.ErrCacheMiss},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), test.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), name); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, passing := range []string{"new+token", "new+http-01"} {
		if err := c.Put(t.Context(), passing, good); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dir, passing)); err == nil {
			t.Errorf("%s is on the disk", passing)
		}
	}
}

// Strangers who ask as an authority would get nothing, wait for nobody, and have no certificate ordered.
func TestStrangers(t *testing.T) {
	o := newTest(t)
	handler := o.Handler()
	for path, host := range map[string]string{"/": "reg.example.test", "/.well-known/acme-challenge/x": "reg.example.test:80", "/.well-known/acme-challenge/../../x": "evil.example"} {
		q := httptest.NewRequest("GET", "http://x/", nil)
		q.URL.Path, q.Host = path, host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, q)
		if w.Code != http.StatusNotFound && w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, hello := range []*tls.ClientHelloInfo{
		{ServerName: "reg.example.test", SupportedProtos: []string{"acme-tls/1"}},
		{ServerName: "evil.example", SupportedProtos: []string{"acme-tls/1"}},
		{ServerName: "", SupportedProtos: []string{"acme-tls/1"}},
		{ServerName: "reg.example.test", SupportedProtos: []string{"acme-tls/1", "http/1.1"}},
		{ServerName: "reg.example.test"},
	} {
		if o.Challenge(hello) != nil {
			t.Errorf("%q %v is answered", hello.ServerName, hello.SupportedProtos)
		}
	}
	for _, source := range o.Sources() {
		if source() != nil {
			t.Error("there is a certificate")
		}
	}
	if !o.NotAfter().IsZero() {
		t.Error("it expires")
	}
}

// What the authority said of a name is in the error, once, and within bounds.
func TestExplain(t *testing.T) {
	trips := newTrips(nil)
	trips.note([]byte(`{"identifier":{"value":"reg.example.test"},"challenges":[{"type":"http-01","error":{"detail":"no route\nto host"}},{"type":"dns-01"}]}`))
	trips.note([]byte(`{"identifier":{"value":"other.example.test"},"challenges":[{"type":"http-01","error":{"detail":"` + strings.Repeat("x", 5000) + `"}}]}`))
	none := errors.New("no viable challenge type found")
	if err := trips.explain("reg.example.test", none); !errors.Is(err, none) || !strings.Contains(err.Error(), `"http-01": "no route\nto host"`) || !strings.Contains(err.Error(), "port 443 or 80") {
		t.Error(err)
	}
	if err := trips.explain("reg.example.test", none); err != none {
		t.Errorf("said again: %v", err)
	}
	if err := trips.explain("other.example.test", none); len(err.Error()) > 700 {
		t.Errorf("%d bytes", len(err.Error()))
	}
}

// When Run ends so do requests that are under way.
func TestTripsEnd(t *testing.T) {
	asked := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() }))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trips := newTrips(roots)
	ctx, cancel := context.WithCancel(t.Context())
	defer trips.end(ctx)()
	go func() { <-asked; cancel() }()
	client := &http.Client{Transport: trips}
	for range 2 {
		if _, err := client.Get(server.URL); err == nil {
			t.Error("answered")
		}
	}
}

func FuzzNote(f *testing.F) {
	f.Add([]byte(`{"identifier":{"value":"a"},"challenges":[{"type":"http-01","error":{"detail":"b"}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		trips := newTrips(nil)
		for range 3 {
			trips.note(body)
		}
		if len(trips.reason) > 16 {
			t.Error("without bounds")
		}
		if err := trips.explain("a", errors.New("x")); strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%q", err)
		}
	})
}
