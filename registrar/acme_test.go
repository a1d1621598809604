package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"ewindow/registrar/pki"
	"ewindow/registrar/pki/pin"
)

// hostname is the registrar's in the tests' DNS, where all names are 127.0.0.1.
const hostname = "reg.example.test"

// A pebble is Let's Encrypt's authority for tests, of the version that go.mod names.
type pebble struct {
	t                    *testing.T
	directory, authority string // URL, and the file of the authority that vouches for it
	manage               string // URL of its management
	client               *http.Client
}

// startPebble runs one that looks at those ports.
func startPebble(t *testing.T, tlsPort, httpPort string) *pebble {
	t.Helper()
	tool := exec.Command("go", "tool", "-n", "pebble")
	path, err := tool.Output()
	if err != nil {
		t.Fatalf("go tool pebble: %v", err)
	}
	dir := t.TempDir()
	identity, err := pki.Load(pki.Config{Dir: filepath.Join(dir, "pki"), Domain: "localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	pair := filepath.Join(dir, "pki", "server.pem")
	p := &pebble{t: t, authority: filepath.Join(dir, "pki", "ca.crt")}
	listen, manage := free(), free()
	p.directory, p.manage = "https://"+listen+"/dir", "https://"+manage
	config := map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage, "certificate": pair, "privateKey": pair,
		"httpPort": json.Number(httpPort), "tlsPort": json.Number(tlsPort),
	}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(strings.TrimSpace(string(path)), "-config", write(t, filepath.Join(dir, "pebble.json"), string(text)), "-dnsserver", nameserver(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20", "PEBBLE_AUTHZREUSE=0")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("pebble said:\n%.6000s", &said)
		}
	})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(identity.CAFile())
	p.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 20 * time.Second}
	for {
		if answer, err := p.client.Get(p.directory); err == nil {
			_ = answer.Body.Close()
			return p
		}
		select {
		case <-t.Context().Done():
			t.Fatal("pebble does not answer")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// roots are the authorities by which pebble's certificates are believed: another one at each of its starts.
func (p *pebble) roots() *x509.CertPool {
	p.t.Helper()
	answer, err := p.client.Get(p.manage + "/roots/0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		p.t.Fatalf("pebble's root: %v, %.100q", err, text)
	}
	return pool
}

// nameserver is a DNS, by TCP, in which all names lead here.
func nameserver(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			answer.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(answer)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown(); <-done })
	return l.Addr().String()
}

// reserve finds a port that the service is to take later.
func reserve(t *testing.T) (addr, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port
}

// shown is the certificate that a client is shown on an address.
func shown(t *testing.T, addr string, config *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", addr, config)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// window is how a window connects.
func (s *service) window() *tls.Config {
	s.t.Helper()
	config, err := pin.Config(strings.Fields(s.out.String())[1], s.args.Domain)
	if err != nil {
		s.t.Fatal(err)
	}
	config.NextProtos = []string{"sip/2", pin.ALPN}
	return config
}

// Let's Encrypt's own authority for tests gives a certificate, by the shared port alone and by HTTP alone; phones and browsers are shown it
// on both ports, windows the pinned chain; a restart asks nobody; it is all counted.
func TestACME(t *testing.T) {
	for name, byHTTP := range map[string]bool{"tls-alpn-01": false, "http-01": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			shared, tlsPort := reserve(t)
			plain, httpPort := reserve(t)
			s.args.Domain, s.args.Shared, s.args.certFlags = hostname, shared, certFlags{Acme: true, AcmeAgree: true, AcmeEmail: "noc@example.test"}
			if byHTTP {
				s.args.AcmeHTTP, tlsPort = plain, "1"
			}
			p := startPebble(t, tlsPort, httpPort)
			s.args.AcmeDirectory, s.args.AcmeCA = p.directory, p.authority
			s.start()
			s.await(`msg="a certificate for the public is in (use)" host=reg.example.test`)
			s.await(`a router has to (forward) 443`) // here Pebble looks elsewhere
			public := &tls.Config{RootCAs: p.roots(), ServerName: hostname}
			var first *x509.Certificate
			for _, addr := range []string{shared, s.addr("tls")} {
				cert, err := shown(t, addr, public)
				if err != nil {
					t.Fatalf("a phone at %s: %v", addr, err)
				}
				first = cert
				if cert, err := shown(t, addr, s.window()); err != nil || cert.Equal(first) {
					t.Errorf("a window at %s: %v", addr, err)
				}
			}
			metrics := get(t, "http://"+s.addr("http")+"/metrics")
			for _, want := range []string{`cert_last_load_successful{which="acme"} 1`, fmt.Sprintf(`cert_expiry_timestamp_seconds{which="acme"} %g`, float64(first.NotAfter.Unix())), `cert_expiry_timestamp_seconds{which="own"} `} {
				if !strings.Contains(metrics, want) {
					t.Errorf("no %s in the metrics", want)
				}
			}
			if fi, err := os.Stat(filepath.Join(s.args.State, "acme")); err != nil || fi.Mode().Perm() != 0o700 {
				t.Errorf("its directory: %v", err)
			}
			// Nobody is answered who asks for a challenge that there is not.
			for _, name := range []string{hostname, "other.example.test"} {
				if _, err := shown(t, shared, &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: []string{"acme-tls/1"}}); err == nil || !strings.Contains(err.Error(), "no application protocol") {
					t.Errorf("acme-tls/1 for %s: %v", name, err)
				}
			}
			s.end()
			s.args.AcmeDirectory = "https://127.0.0.1:1/dir"
			s.start()
			s.await(`msg="a certificate for the public is in (use)" host=reg.example.test`)
			if cert, err := shown(t, shared, public); err != nil || !cert.Equal(first) {
				t.Errorf("after a restart: %v", err)
			}
			s.end()
		})
	}
}

// An authority that does not reach us, and one that is not there: SIP goes on by the own authority's certificate, and the log says what is
// to be done.
func TestACMEFails(t *testing.T) {
	s := newService(t)
	shared, _ := reserve(t)
	s.args.Domain, s.args.Shared, s.args.certFlags = hostname, shared, certFlags{Acme: true, AcmeAgree: true}
	p := startPebble(t, "1", "1")
	s.args.AcmeDirectory, s.args.AcmeCA = p.directory, p.authority
	for _, want := range []string{`no certificate for the public could be obtained.*tls-alpn-01.*Failed to (connect)`, `no certificate for the public could be (obtained)`} {
		s.start()
		s.await(want)
		if _, err := shown(t, s.addr("tls"), &tls.Config{RootCAs: ownRoots(t, s), ServerName: hostname}); err != nil {
			t.Errorf("a phone that knows the own authority: %v", err)
		}
		if metrics := get(t, "http://"+s.addr("http")+"/metrics"); !strings.Contains(metrics, `cert_last_load_successful{which="acme"} 0`) {
			t.Error("the metrics do not tell")
		}
		s.end()
		s.args.AcmeDirectory = "https://127.0.0.1:1/dir"
	}
}

func ownRoots(t *testing.T, s *service) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.args.State, "pki", "ca.crt"))
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	return pool
}

// Flags that do not go together, or say less than they have to, keep it from starting.
func TestCertFlags(t *testing.T) {
	s := newService(t)
	s.args.Domain = hostname
	missing := filepath.Join(s.dir, "none.pem")
	for want, flags := range map[string]certFlags{
		"--cert and --key belong together":     {Cert: "x"},
		"--cert and --acme exclude each other": {Cert: "x", Key: "y", Acme: true},
		missing:                                {Cert: missing, Key: missing},
		"--acme needs --acme-agree":            {Acme: true, AcmeDirectory: "https://x/dir"},
		"begins with https://":                 {Acme: true, AcmeAgree: true, AcmeDirectory: "http://x/dir"},
		"--acme-ca: open " + missing:           {Acme: true, AcmeAgree: true, AcmeDirectory: "https://x/dir", AcmeCA: missing},
		"--acme-http 127.0.0.1:99999: ":        {Acme: true, AcmeAgree: true, AcmeDirectory: "https://x/dir", AcmeHTTP: "127.0.0.1:99999"},
	} {
		s.args.certFlags = flags
		if err := s.args.serve(t.Context(), streams{out: &s.out, err: s}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", flags, err, want)
		}
	}
	for _, domain := range []string{"localhost", "192.0.2.1"} {
		s.args.Domain, s.args.certFlags = domain, certFlags{Acme: true, AcmeAgree: true, AcmeDirectory: "https://x/dir"}
		if err := s.args.serve(t.Context(), streams{out: &s.out, err: s}, nil); err == nil || !strings.Contains(err.Error(), "it has to be a name in the public DNS") {
			t.Errorf("%s: %v", domain, err)
		}
	}
}

// A certificate from files: it is shown to phones, renewed while the registrar runs, and a bad pair does not replace it. SIGHUP
// reads it again, and the plan too.
func TestGivenCertificate(t *testing.T) {
	s := newService(t)
	s.args.Domain, s.args.Advertise = hostname, "phones.example.test"
	cert, key := filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem")
	issue := func(dir string) *x509.Certificate { // an authority of somebody's own does for this
		id, err := pki.Load(pki.Config{Dir: filepath.Join(s.dir, dir), Domain: hostname}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(s.dir, dir, "server.pem"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, key, string(text))
		write(t, cert, string(text)+string(id.CAFile()))
		return id.CA()
	}
	public := func(ca *x509.Certificate) *tls.Config {
		pool := x509.NewCertPool()
		pool.AddCert(ca)
		return &tls.Config{RootCAs: pool, ServerName: hostname}
	}
	first := issue("first")
	s.args.Cert, s.args.Key = cert, key
	s.start()
	defer s.end()
	addr := s.addr("tls")
	if _, err := shown(t, addr, public(first)); err != nil {
		t.Errorf("a phone: %v", err)
	}
	if _, err := shown(t, addr, s.window()); err != nil {
		t.Errorf("a window: %v", err)
	}
	own := public(first)
	own.RootCAs, own.ServerName = ownRoots(t, s), s.args.Advertise
	if _, err := shown(t, addr, own); err != nil {
		t.Errorf("a phone that calls it by a name that the certificate is not for: %v", err)
	}
	second := issue("second")
	s.await(`certificate for the public is in (use)`)
	if _, err := shown(t, addr, public(second)); err != nil {
		t.Errorf("renewed: %v", err)
	}
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})))
	s.await(`the one in use (stays).*key.pem: the key is damaged`)
	if _, err := shown(t, addr, public(second)); err != nil {
		t.Errorf("after a bad renewal: %v", err)
	}
	if metrics := get(t, "http://"+s.addr("http")+"/metrics"); !strings.Contains(metrics, `cert_last_load_successful{which="given"} 0`) {
		t.Error("the metrics do not tell")
	}
	s.reload <- syscall.SIGHUP
	s.await(`dialplan read (again)`)
	s.await(`(?s)the one in use stays.*the one in use (stays)`)
}
