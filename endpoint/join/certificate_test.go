package join

import (
	"crypto/tls"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A window that joins has a certificate beside its key, which nobody else can read, and which its registrar is shown and no other server.
func TestCertificate(t *testing.T) {
	r := newRegistrar(t)
	o, err := Ask(t.Context(), r.invite("potsdam", time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	ours := key(t)
	m, err := o.Redeem(t.Context(), ours)
	if err != nil || len(m.Certificate) == 0 {
		t.Fatalf("%d bytes, %v", len(m.Certificate), err)
	}
	dir := t.TempDir()
	if err := KeepCertificate(dir, m.Certificate); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, CertificateFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	c := LoadCertificate(dir, "potsdam", ours, slog.New(slog.DiscardHandler))
	leaf := c.Leaf()
	if leaf == nil || leaf.Subject.CommonName != "potsdam" || time.Until(leaf.NotAfter).Round(24*time.Hour) != 90*24*time.Hour {
		t.Fatalf("%+v", leaf)
	}
	ask := func(issuer []byte) *tls.CertificateRequestInfo {
		return &tls.CertificateRequestInfo{Version: tls.VersionTLS13, AcceptableCAs: [][]byte{issuer}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}}
	}
	if shown, err := c.Show(ask(leaf.RawIssuer)); err != nil || len(shown.Certificate) != 1 {
		t.Errorf("%v", err)
	}
	if shown, err := c.Show(ask([]byte("another's"))); err != nil || len(shown.Certificate) != 0 {
		t.Errorf("another authority was shown it, or %v", err)
	}
	// A registrar of before gives none: the one that is there was another membership's.
	if err := KeepCertificate(dir, nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the certificate of before is there")
	}
}

// A file that cannot be used is named in the log, with what to do; the window goes on without. One that is not there is nothing to speak of.
func TestBadCertificates(t *testing.T) {
	id := identity(t)
	ours := key(t)
	good, err1 := id.Device("potsdam", ours.Public(), time.Now())
	other, err2 := id.Device("potsdam", key(t).Public(), time.Now())
	munich, err3 := id.Device("munich", ours.Public(), time.Now())
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	text := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	whole := text(good)
	for name, c := range map[string]struct{ text, want string }{
		"none":          {"", ""},
		"good":          {whole, ""},
		"empty":         {"\n", "it holds no PEM block"},
		"cut":           {whole[:len(whole)/2], "it holds no PEM block"},
		"noise":         {strings.Repeat("\x00\xff", 300), "it holds no PEM block"},
		"a key":         {strings.ReplaceAll(whole, "CERTIFICATE", "PRIVATE KEY"), "it holds no PEM block"},
		"flipped":       {text(good[:len(good)-200]), "x509"},
		"another key's": {text(other), "it is for another key than this window's"},
		"another space": {text(munich), `it is of "munich", and this window is potsdam`},
		"huge":          {strings.Repeat("x", 1<<20), "it is longer than"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, CertificateFile)
		if c.text != "" {
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var log strings.Builder
		got := LoadCertificate(dir, "potsdam", ours, slog.New(slog.NewTextHandler(&log, nil)))
		if (got.Leaf() != nil) != (name == "good") {
			t.Errorf("%s: %v", name, got.Leaf())
		}
		if c.want == "" && log.Len() > 0 || c.want != "" && (!strings.Contains(log.String(), path) || !strings.Contains(log.String(), strings.ReplaceAll(c.want, `"`, `\"`)) || !strings.Contains(log.String(), "remove the file")) {
			t.Errorf("%s: %q, want %q", name, log.String(), c.want)
		}
		if shown, err := got.Show(&tls.CertificateRequestInfo{}); err != nil || name != "good" && len(shown.Certificate) > 0 {
			t.Errorf("%s: shown %v, %v", name, shown, err)
		}
	}
}

func FuzzCertificate(f *testing.F) {
	for _, s := range []string{"", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, CertificateFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if c := LoadCertificate(dir, "potsdam", key(t), slog.New(slog.DiscardHandler)); c.Leaf() != nil {
			t.Error("a key that was made just now has a certificate already")
		}
	})
}
