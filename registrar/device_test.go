package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/registrar/members"
	"ewindow/registrar/pki"
	"ewindow/registrar/signal/joining"
)

// machine is one with a key and a certificate by an authority.
func machine(t *testing.T, by *pki.Identity, account string) (cert *x509.Certificate, device string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := by.Device(account, &key.PublicKey, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return cert, hex.EncodeToString(sum[:])
}

// Whose certificate is good the record of members says, as it is at that moment; where it cannot be read nobody is sent away.
func TestHolder(t *testing.T) {
	dir := t.TempDir()
	load := func(dir string) *pki.Identity {
		id, err := pki.Load(pki.Config{Dir: dir, Domain: "localhost"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	path := filepath.Join(dir, members.FileName)
	watch, _, err := members.Follow(path, func(members.Record) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d := devices{load(filepath.Join(dir, "pki")), watch}
	add := func(next func(members.Record) (members.Entry, error)) {
		t.Helper()
		if _, err := members.Add(path, next); err != nil {
			t.Fatal(err)
		}
	}
	joins := func(device string) {
		t.Helper()
		token := joining.NewToken()
		key := token.Key()
		add(func(r members.Record) (members.Entry, error) {
			return r.InviteAgain("potsdam", "v3", token.ID(), hex.EncodeToString(key[:]), time.Now())
		})
		add(func(r members.Record) (members.Entry, error) { return r.Join(token.ID(), device, time.Now()) })
	}
	is := func(when string, cert *x509.Certificate, account, refusal string) {
		t.Helper()
		got, err := d.holder(cert)
		if got != account || (err != nil) != (refusal != "") || err != nil && !strings.Contains(err.Error(), refusal) {
			t.Errorf("%s: %q, %v, want %q, %q", when, got, err, account, refusal)
		}
	}
	first, device := machine(t, d.identity, "potsdam")
	second, other := machine(t, d.identity, "potsdam")
	foreign, _ := machine(t, load(t.TempDir()), "potsdam")
	is("before it joined", first, "", "no machine with this key is on record for potsdam")
	joins(device)
	is("joined", first, "potsdam", "")
	is("another authority's", foreign, "", "")
	is("the authority itself", d.identity.CA(), "", "")
	joins(other)
	is("another machine has become it", first, "", "another machine has become potsdam since")
	is("that machine", second, "potsdam", "")
	joins(device)
	is("and back", first, "potsdam", "")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	add(func(r members.Record) (members.Entry, error) { return r.Revoke("potsdam", time.Now()) })
	is("revoked", first, "", "the membership of potsdam was revoked on ")

	write(t, path, strings.Replace(string(whole), device, other, 1)) // somebody's hand: what stands before holds, and whose key is good nobody knows
	d.record, _, err = members.Follow(path, func(members.Record) {}, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("the damage was not seen")
	}
	is("a damaged record", first, "", "")
	write(t, path, string(whole)) // older than the copy beside it
	is("an older record", first, "", "")
	if err := os.Remove(path + ".good"); err != nil {
		t.Fatal(err)
	}
	write(t, path, string(whole))
	d.record, _, err = members.Follow(path, func(members.Record) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Error(err)
	}
	is("it was put back for good", first, "potsdam", "")
}
