package pki

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/registrar/pki/pin"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func load(t *testing.T, dir string, now time.Time) *Identity {
	t.Helper()
	id, err := Load(Config{Dir: dir, Domain: "window.example", Extra: []string{"192.0.2.1", "reg.local"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// shake lets a client with a pin meet a server, at a time, and returns what the client says to it.
func shake(t *testing.T, server *tls.Config, known, name string, now time.Time) error {
	t.Helper()
	client, err := pin.Config(known, name)
	if err != nil {
		t.Fatal(err)
	}
	client.Time = func() time.Time { return now }
	return meet(t, server, client)
}

// meet is what a client says to a server.
func meet(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a pipe has no buffer: an alert and a flight would wait for one another
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if b, err := l.Accept(); err == nil {
			tls.Server(b, server).Handshake()
			io.Copy(io.Discard, b)
			b.Close()
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return tls.Client(c, client).Handshake()
}

func TestFirstStartAndNext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	id := load(t, dir, start)
	for name, mode := range map[string]os.FileMode{"ca.pem": 0o600, "server.pem": 0o600, "server-rsa.pem": 0o600, "ca.crt": 0o644} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil || fi.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, fi, err)
		}
	}
	if fi, _ := os.Stat(dir); fi.Mode().Perm() != 0o700 {
		t.Errorf("directory has mode %v", fi.Mode())
	}
	if es, _ := os.ReadDir(dir); len(es) != 4 {
		t.Errorf("left behind: %v", es)
	}
	leaf := id.own[0].cert.Load().Leaf
	if got := id.CA().NotAfter.Sub(start); got != caLife || id.NotAfter().Sub(start) != serverLife {
		t.Errorf("valid for %v and %v", got, id.NotAfter().Sub(start))
	}
	if want := []string{"window.example", "localhost", "192.0.2.1", "reg.local"}; !slices.Equal(leaf.DNSNames, want) || len(leaf.IPAddresses) != 3 {
		t.Errorf("for %v, %v", leaf.DNSNames, leaf.IPAddresses)
	}
	crt, _ := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if b, _ := pem.Decode(crt); b == nil || !bytes.Equal(b.Bytes, id.CA().Raw) {
		t.Error("ca.crt is not the authority's certificate")
	}
	os.Chmod(filepath.Join(dir, "ca.pem"), 0o644)
	again := load(t, dir, start.Add(100*24*time.Hour))
	if again.Pin() != id.Pin() || !again.own[0].cert.Load().Leaf.Equal(leaf) {
		t.Error("the second start made new ones")
	}
	if fi, _ := os.Stat(filepath.Join(dir, "ca.pem")); fi.Mode().Perm() != 0o600 {
		t.Errorf("the key can be read by others: %v", fi.Mode())
	}
	if kept, err := ReadCA(dir); err != nil || pin.Of(kept) != id.Pin() {
		t.Errorf("%v, %v", kept, err)
	}
	if _, err := ReadCA(t.TempDir()); err == nil || !strings.Contains(err.Error(), "serve` makes it at its first start") {
		t.Errorf("no authority: %v", err)
	}
}

func TestRenewal(t *testing.T) {
	dir := t.TempDir()
	first := load(t, dir, start)
	due := start.Add(serverLife * 2 / 3)
	if load(t, dir, due).NotAfter() != first.NotAfter() {
		t.Error("renewed too early")
	}
	second := load(t, dir, due.Add(time.Second))
	if second.Pin() != first.Pin() || !second.NotAfter().After(first.NotAfter()) {
		t.Error("not renewed, or with another authority")
	}
	other, err := Load(Config{Dir: dir, Domain: "other.example"}, due.Add(time.Second))
	if err != nil || other.Pin() != first.Pin() || other.own[0].cert.Load().Leaf.VerifyHostname("other.example") != nil {
		t.Errorf("another domain: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "server.pem"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if load(t, dir, due).Pin() != first.Pin() {
		t.Error("a damaged server certificate cost the authority")
	}
	end := first.CA().NotAfter
	if late := load(t, dir, end.Add(-time.Hour)); late.NotAfter().After(end) {
		t.Error("the server certificate outlives its authority")
	}
	if _, err := Load(Config{Dir: dir, Domain: "x"}, end); err == nil || !strings.Contains(err.Error(), "expired on") {
		t.Errorf("an expired authority: %v", err)
	}
}

func TestRunRenews(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		id := load(t, dir, time.Now())
		first := id.NotAfter()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- id.Run(ctx) }()
		time.Sleep(3 * 365 * 24 * time.Hour)
		if left := time.Until(id.NotAfter()); left < serverLife/3-checkEvery || !id.NotAfter().After(first) {
			t.Errorf("after three years %v are left", left)
		}
		for i := range id.own {
			chain := []*x509.Certificate{id.own[i].cert.Load().Leaf, id.CA()}
			if config, err := pin.Config(id.Pin(), "window.example"); err != nil {
				t.Error(err)
			} else if err := config.VerifyConnection(tls.ConnectionState{PeerCertificates: chain}); err != nil {
				t.Error(err)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A damaged authority is never replaced behind anybody's back.
func TestDamagedAuthority(t *testing.T) {
	dir := t.TempDir()
	good := load(t, dir, start)
	path := filepath.Join(dir, "ca.pem")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := os.ReadFile(filepath.Join(func() string { d := t.TempDir(); load(t, d, start); return d }(), "ca.pem"))
	key, _ := pem.Decode(other)
	server, _ := os.ReadFile(filepath.Join(dir, "server.pem"))
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct{ data, want string }{
		"empty":           {"", "key or its certificate is missing"},
		"half":            {string(whole[:len(whole)/2]), "missing or damaged"},
		"zeros":           {string(make([]byte, len(whole))), "missing or damaged"},
		"another's key":   {string(pem.EncodeToMemory(key)) + string(pemCert(good.CA())), "does not belong"},
		"a server's":      {string(server), "is no authority's"},
		"garbage in cert": {string(pem.EncodeToMemory(key)) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "certificate is damaged"},
		"flipped bit":     {string(flipped), "is damaged"},
	} {
		if err := os.WriteFile(path, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(Config{Dir: dir, Domain: "window.example"}, start)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "put back a copy of it") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ReadCA(dir); name != "a server's" && err == nil {
			t.Errorf("%s: has a pin", name)
		}
		if after, _ := os.ReadFile(path); string(after) != c.data {
			t.Errorf("%s: was overwritten", name)
		}
	}
	for want, c := range map[string]struct {
		cfg Config
		now time.Time
	}{
		"no domain":           {Config{Dir: dir}, start},
		"the clock says 1970": {Config{Dir: dir, Domain: "x"}, time.Unix(0, 0).UTC()},
		"not a directory":     {Config{Dir: filepath.Join(path, "x"), Domain: "x"}, start},
	} {
		if _, err := Load(c.cfg, c.now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// What cannot be read may be sound: nobody is told to remove it. What cannot be written is done without.
func TestFilesInTheWay(t *testing.T) {
	dir := t.TempDir()
	id := load(t, dir, start)
	replace := func(name string) {
		t.Helper()
		if err := errors.Join(os.Remove(filepath.Join(dir, name)), os.MkdirAll(filepath.Join(dir, name, "x"), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"server.pem", "ca.crt"} {
		replace(name)
	}
	if again := load(t, dir, start); again.Pin() != id.Pin() {
		t.Error("another authority")
	}
	replace("ca.pem")
	_, err := Load(Config{Dir: dir, Domain: "window.example"}, start)
	if err == nil || !strings.Contains(err.Error(), "cannot be read") || !strings.Contains(err.Error(), "do not remove it") {
		t.Error(err)
	}
	if _, err := ReadCA(dir); err == nil || !strings.Contains(err.Error(), "do not remove it") {
		t.Error(err)
	}
}

func TestPinned(t *testing.T) {
	id, other := load(t, t.TempDir(), start), load(t, t.TempDir(), start)
	theirs := *other.own[0].cert.Load()
	noCA := *id.own[0].cert.Load()
	noCA.Certificate = noCA.Certificate[:1]
	// Somebody in between: a certificate of another authority, with ours beside it for show.
	between := theirs
	between.Certificate = [][]byte{theirs.Certificate[0], id.CA().Raw, other.CA().Raw}
	// A certificate that our authority signed for a server must not sign others.
	server := id.own[0].cert.Load()
	leaf, key, err := newServer(newECDSA, server.Leaf, server.PrivateKey.(crypto.Signer), []string{"window.example"}, start)
	if err != nil {
		t.Fatal(err)
	}
	forged := tls.Certificate{Certificate: [][]byte{leaf.Raw, server.Leaf.Raw, id.CA().Raw}, PrivateKey: key}
	for name, c := range map[string]struct {
		cert tls.Certificate
		host string
		at   time.Time
		want string
	}{
		"right":           {*id.own[0].cert.Load(), "window.example", start, ""},
		"by address":      {*id.own[0].cert.Load(), "192.0.2.1", start, ""},
		"by IPv6 address": {*id.own[0].cert.Load(), "::1", start, ""},
		"another registrar": {theirs, "window.example", start,
			"pin does not match: the registrar showed " + other.Pin() + ", window.hcl says " + id.Pin() + "; if the registrar was set up anew"},
		"no authority":       {noCA, "window.example", start, "the registrar showed no authority at all"},
		"in between":         {between, "window.example", start, "not signed by the pinned authority"},
		"signed by a server": {forged, "window.example", start, "not signed by the pinned authority"},
		"another name":       {*id.own[0].cert.Load(), "evil.example", start, `not for "evil.example"; use a name that it is for`},
		"clock too late":     {*id.own[0].cert.Load(), "window.example", start.Add(2 * serverLife), "this clock says 2028-11-22 09:00 UTC; look at both machines' clocks"},
		"clock too early":    {*id.own[0].cert.Load(), "window.example", time.Unix(0, 0), "this clock says 1970-01-01 00:00 UTC"},
	} {
		err := shake(t, &tls.Config{Certificates: []tls.Certificate{c.cert}}, id.Pin(), c.host, c.at)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		var mismatch *pin.Mismatch
		if got, want := errors.As(err, &mismatch), strings.Contains(c.want, "showed"); got != want {
			t.Errorf("%s: is a Mismatch: %v", name, got)
		}
	}
	old := &tls.Config{Certificates: id.ServerConfig().Certificates, GetCertificate: id.ServerConfig().GetCertificate, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if err := shake(t, old, id.Pin(), "window.example", start); err == nil {
		t.Error("TLS 1.1 will do")
	}
}

func TestSaysWhatItDid(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	id, err := Load(Config{Dir: dir, Domain: "window.example", Log: slog.New(slog.NewTextHandler(&log, nil))}, start)
	if err != nil || !strings.Contains(log.String(), id.Pin()) {
		t.Errorf("%v, %s", err, &log)
	}
}

// A phone that knows no ECDSA gets the certificate of RSA, by the same authority, whatever it calls the server; a state
// directory from before gets one at the next start, and both are for the same hosts.
func TestOldPhones(t *testing.T) {
	dir := t.TempDir()
	first := load(t, dir, start)
	if err := os.Remove(filepath.Join(dir, "server-rsa.pem")); err != nil {
		t.Fatal(err)
	}
	id := load(t, dir, start)
	if again := load(t, dir, start); !again.own[1].cert.Load().Leaf.Equal(id.own[1].cert.Load().Leaf) || !id.own[0].cert.Load().Leaf.Equal(first.own[0].cert.Load().Leaf) {
		t.Error("made anew at each start")
	}
	for name, c := range map[string]struct {
		suites  []uint16
		version uint16
		server  string
		rsa     bool
	}{
		"of today":        {nil, tls.VersionTLS13, "window.example", false},
		"TLS 1.2":         {nil, tls.VersionTLS12, "window.example", false},
		"RSA alone":       {[]uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, tls.VersionTLS12, "window.example", true},
		"RSA, CBC":        {[]uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}, tls.VersionTLS12, "192.0.2.1", true},
		"by another name": {[]uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}, tls.VersionTLS12, "pbx.example", true},
	} {
		known := c.server
		if known == "pbx.example" {
			known = "window.example"
		}
		client, err := pin.Config(id.Pin(), known)
		if err != nil {
			t.Fatal(err)
		}
		verify := client.VerifyConnection
		isRSA := false
		client.ServerName, client.CipherSuites, client.MaxVersion = c.server, c.suites, c.version
		client.Time = func() time.Time { return start }
		client.VerifyConnection = func(cs tls.ConnectionState) error {
			_, isRSA = cs.PeerCertificates[0].PublicKey.(*rsa.PublicKey)
			return verify(cs)
		}
		if err := meet(t, id.ServerConfig(), client); err != nil || isRSA != c.rsa {
			t.Errorf("%s: RSA %v, %v", name, isRSA, err)
		}
	}
}

// mbedTLS before 3.5, and so Linphone, compares an address with the names of hosts alone; others do with the addresses.
func TestDomainIsAnAddress(t *testing.T) {
	id, err := Load(Config{Dir: t.TempDir(), Domain: "192.0.2.7", Extra: []string{"2001:db8::7"}}, start)
	if err != nil {
		t.Fatal(err)
	}
	for i := range id.own {
		leaf := id.own[i].cert.Load().Leaf
		if !slices.Contains(leaf.DNSNames, "192.0.2.7") || leaf.VerifyHostname("192.0.2.7") != nil || leaf.VerifyHostname("2001:db8::7") != nil ||
			leaf.Subject.CommonName != "192.0.2.7" {
			t.Errorf("for %v, %v, %s", leaf.DNSNames, leaf.IPAddresses, leaf.Subject)
		}
	}
}
