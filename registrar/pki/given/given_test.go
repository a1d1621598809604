package given

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const host = "reg.example.org"

// An issued certificate, and the key that it is for.
type issued struct {
	*x509.Certificate
	key crypto.Signer
}

// issue makes a certificate by another one; nil: by itself.
func issue(t testing.TB, by *issued, change func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	change(template)
	parent, signer := template, crypto.Signer(key)
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{c, key}
}

func authority(t testing.TB, name string, by *issued) *issued {
	return issue(t, by, func(c *x509.Certificate) {
		c.Subject, c.IsCA = pkix.Name{CommonName: name}, true
		c.NotAfter = c.NotAfter.Add(1000 * 24 * time.Hour)
	})
}

func server(t testing.TB, by *issued, change func(*x509.Certificate)) *issued {
	return issue(t, by, func(c *x509.Certificate) {
		c.Subject, c.DNSNames = pkix.Name{CommonName: host}, []string{host}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if change != nil {
			change(c)
		}
	})
}

func certs(all ...*issued) string {
	var out []byte
	for _, c := range all {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return string(out)
}

func keyOf(t testing.TB, c *issued) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func poolOf(all ...*issued) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range all {
		pool.AddCert(c.Certificate)
	}
	return pool
}

// What is wrong with the two files is said by the name of the one that it is in, and what to do.
func TestParse(t *testing.T) {
	root := authority(t, "Root", nil)
	between := authority(t, "Between", root)
	unknown := authority(t, "Own", nil)
	good := server(t, between, nil)
	other := server(t, between, func(c *x509.Certificate) { c.DNSNames = []string{"www.example.org", "mail.example.org"} })
	old := server(t, between, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = c.NotBefore.AddDate(-1, 0, 0), time.Now().Add(-time.Hour)
	})
	next := server(t, between, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(24 * time.Hour) })
	client := server(t, between, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	self, own := server(t, nil, nil), server(t, unknown, nil)
	ec, err := x509.MarshalECPrivateKey(good.key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	whole := certs(good, between)
	for name, c := range map[string]struct {
		cert, key string
		roots     *x509.CertPool
		want      string // empty: it will do
		inKey     bool
	}{
		"whole":                    {whole, keyOf(t, good), poolOf(root), "", false},
		"with the root":            {certs(good, between, root), keyOf(t, good), poolOf(root), "", false},
		"EC PRIVATE KEY":           {whole, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ec})), poolOf(root), "", false},
		"one file for both":        {whole + keyOf(t, good), whole + keyOf(t, good), poolOf(root), "", false},
		"of one's own authority":   {certs(own, unknown), keyOf(t, own), poolOf(root), "", false},
		"signed by itself":         {certs(self), keyOf(t, self), poolOf(root), "", false},
		"no authorities here":      {whole, keyOf(t, good), nil, "", false},
		"no authorities, no chain": {certs(good), keyOf(t, good), nil, "chain is incomplete", false},
		"chain incomplete":         {certs(good), keyOf(t, good), poolOf(root), `"CN=reg.example.org" was signed by "CN=Between", which is neither in the file nor known`, false},
		"root not known":           {whole, keyOf(t, good), poolOf(unknown), `"CN=Between" was signed by "CN=Root"`, false},
		"chain broken":             {certs(good, root), keyOf(t, good), poolOf(root), `certificate 1, "CN=reg.example.org", is not signed by the next one, "CN=Root"`, false},
		"wrong way round":          {certs(between, good), keyOf(t, good), poolOf(root), `is of an authority, "CN=Between"`, false},
		"another key":              {whole, keyOf(t, other), poolOf(root), "does not belong to the certificate", true},
		"expired":                  {certs(old, between), keyOf(t, old), poolOf(root), "it expired on ", false},
		"not yet":                  {certs(next, between), keyOf(t, next), poolOf(root), "is the clock here right?", false},
		"another name":             {certs(other, between), keyOf(t, other), poolOf(root), "not for reg.example.org, the registrar's domain, but for www.example.org, mail.example.org", false},
		"for clients":              {certs(client, between), keyOf(t, client), poolOf(root), "no certificate for servers", false},
		"swapped":                  {keyOf(t, good), whole, poolOf(root), "the wrong way round", false},
		"no key":                   {whole, certs(good), poolOf(root), "the wrong way round", true},
		"empty":                    {"", keyOf(t, good), poolOf(root), "there is no certificate in it", false},
		"empty key":                {whole, "", poolOf(root), "there is no key in it", true},
		"DER":                      {string(good.Raw), keyOf(t, good), poolOf(root), "it has to be PEM", false},
		"half":                     {whole[:300], keyOf(t, good), poolOf(root), "there is no certificate in it", false},
		"garbage":                  {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), keyOf(t, good), poolOf(root), "certificate 1 in it is damaged", false},
		"encrypted":                {whole, string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})), poolOf(root), "openssl pkey", true},
		"garbage key":              {whole, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), poolOf(root), "the key is damaged", true},
		"a long chain":             {strings.Repeat(whole, 6), keyOf(t, good), poolOf(root), "more than 10 certificates", false},
	} {
		got, err := parse([]byte(c.cert), []byte(c.key), host, c.roots, time.Now())
		switch {
		case c.want != "":
			f, is := err.(*fault)
			if !is || !strings.Contains(err.Error(), c.want) || f.inKey != c.inKey {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || !bytes.Equal(got.Certificate[0], got.Leaf.Raw):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A rig is a pair whose files a test replaces.
type rig struct {
	*Pair
	t         *testing.T
	cert, key string
	told      []bool
	log       bytes.Buffer
	root      *issued
}

func (r *rig) put(c *issued, key *issued) {
	r.t.Helper()
	for path, text := range map[string]string{r.cert: certs(c), r.key: keyOf(r.t, key)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
}

func begin(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{t: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), root: authority(t, "Root", nil)}
	first := server(t, r.root, nil)
	r.put(first, first)
	var err error
	r.Pair, err = Load(Config{Cert: r.cert, Key: r.key, Host: host, Roots: poolOf(r.root), Told: func(good bool) { r.told = append(r.told, good) },
		Log: slog.New(slog.NewTextHandler(&r.log, nil))}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is renewed is taken, what will not do is not, and either is said once.
func TestRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		first := r.Certificate()
		r.Read(false)
		if r.Certificate() != first || r.log.Len() > 0 {
			t.Errorf("read again: %s", &r.log)
		}
		second := server(t, r.root, func(c *x509.Certificate) { c.NotAfter = c.NotAfter.Add(time.Hour) })
		r.put(second, server(t, r.root, nil)) // half of a renewal
		for range 3 {
			r.Read(false)
		}
		if r.Certificate() != first || strings.Count(r.log.String(), "\n") != 1 || !strings.Contains(r.log.String(), "the one in use stays") ||
			!strings.Contains(r.log.String(), r.key+": this key does not belong") {
			t.Errorf("a bad pair: %s", &r.log)
		}
		r.put(second, second)
		r.Read(false)
		if !r.Certificate().Leaf.Equal(second.Certificate) || !r.NotAfter().Equal(second.NotAfter) {
			t.Error("the renewed certificate is not in use")
		}
		if want := []bool{true, false, true}; len(r.told) != 3 || r.told[0] != want[0] || r.told[1] != want[1] || r.told[2] != want[2] {
			t.Errorf("told %v", r.told)
		}
		_ = os.Remove(r.cert)
		r.Read(false)
		if r.Certificate() == nil || !strings.Contains(r.log.String(), "no such file") {
			t.Errorf("the file is gone: %s", &r.log)
		}
	})
}

// One that nobody renews is said to expire, and that it has; then what does not need it is better off without.
func TestNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		time.Sleep(80 * 24 * time.Hour)
		r.Read(false)
		if r.log.Len() > 0 {
			t.Errorf("said too early: %s", &r.log)
		}
		for range 20 * 24 {
			time.Sleep(time.Hour)
			r.Read(false)
		}
		if n := strings.Count(r.log.String(), "\n"); n != 2 || !strings.Contains(r.log.String(), "expires soon") || !strings.Contains(r.log.String(), "has expired") {
			t.Errorf("%d lines: %s", n, &r.log)
		}
		if r.Certificate() != nil {
			t.Error("it is still shown")
		}
	})
}

func TestLoadSaysWhich(t *testing.T) {
	r := begin(t)
	for _, c := range []Config{{Cert: r.cert + "x", Key: r.key}, {Cert: r.cert, Key: r.key + "x"}, {Cert: r.key, Key: r.cert}} {
		c.Host = host
		_, err := Load(c, time.Now())
		if err == nil || !strings.Contains(err.Error(), filepath.Dir(r.cert)) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	root := authority(f, "Root", nil)
	good := server(f, root, nil)
	whole := certs(good, root)
	f.Add([]byte(whole), []byte(keyOf(f, good)))
	f.Add([]byte(keyOf(f, good)), []byte(whole))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		got, err := parse(cert, key, host, poolOf(root), time.Now())
		if err == nil && got.Leaf.VerifyHostname(host) != nil {
			t.Error("it is for somebody else")
		}
	})
}
