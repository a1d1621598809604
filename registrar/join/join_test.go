package join

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ewindow/registrar/members"
	"ewindow/registrar/signal/joining"
)

const somePin = "sha256:6f1c000000000000000000000000000000000000000000000000000000000abc"

// A desk with a record in a file, as the registrar has it.
type desk struct {
	t     *testing.T
	path  string
	shown *x509.Certificate // in TLS
	http.Handler

	mu      sync.Mutex
	secrets map[string]int // how many an account got
	log     strings.Builder
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, path: filepath.Join(t.TempDir(), members.FileName), secrets: map[string]int{}}
	watch, _, err := members.Follow(d.path, func(members.Record) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d.Handler = (&Desk{
		Domain: "reg.example.org", Registrar: "sips:reg.example.org", Pin: somePin,
		Record: watch.Record,
		Add: func(next func(members.Record) (members.Entry, error)) error {
			_, err := members.Add(d.path, next)
			return err
		},
		Rules: func(version string) (string, error) {
			if version != "v3" {
				return "", errors.New("no such rules")
			}
			return "Be kind.", nil
		},
		Secret: func(_ context.Context, account string) (string, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.secrets[account]++
			return fmt.Sprintf("%s-%d", account, d.secrets[account]), nil
		},
		Log: slog.New(slog.NewTextHandler(&d.log, nil)),
		Certify: func(account string, key any) ([]byte, error) {
			k, err := x509.MarshalPKIXPublicKey(key)
			return append([]byte(account+" "), k...), err
		},
		Holder: func(shown *x509.Certificate) (string, error) {
			switch shown.Subject.CommonName {
			case "potsdam":
				return "potsdam", nil
			case "dresden":
				return "", errors.New("the membership of dresden was revoked")
			}
			return "", nil
		},
	}).Handler()
	return d
}

// invite makes a code.
func (d *desk) invite(space string, now time.Time) joining.Token {
	d.t.Helper()
	token := joining.NewToken()
	key := token.Key()
	if _, err := members.Add(d.path, func(r members.Record) (members.Entry, error) {
		return r.InviteAgain(space, "v3", token.ID(), hex.EncodeToString(key[:]), now)
	}); err != nil {
		d.t.Fatal(err)
	}
	return token
}

// post asks from an address, and reads the answer into what is for its status.
func (d *desk) post(from, path string, question, answer any) *joining.Refusal {
	body, err := json.Marshal(question)
	if err != nil {
		d.t.Error(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.RemoteAddr = from
	if d.shown != nil {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{d.shown}}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
			d.t.Error(err)
		}
		return nil
	}
	var refusal joining.Refusal
	if err := json.Unmarshal(w.Body.Bytes(), &refusal); err != nil || refusal.Text == "" {
		d.t.Errorf("%d without words: %q", w.Code, w.Body)
	}
	return &refusal
}

// device makes a device's key, and a function by which it asks.
func (d *desk) device() func(from string, token joining.Token, rules string) (joining.Membership, *joining.Refusal) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		d.t.Fatal(err)
	}
	return func(from string, token joining.Token, rules string) (m joining.Membership, refused *joining.Refusal) {
		refused = d.post(from, joining.PathRedeem, joining.Redeem{Token: token.Text(), Rules: rules, CSR: csr}, &m)
		return m, refused
	}
}

func TestJoin(t *testing.T) {
	d := newDesk(t)
	token := d.invite("potsdam", time.Now())
	var a joining.Proven
	if refused := d.post("192.0.2.1:1", joining.PathProve, joining.Prove{ID: token.ID(), Nonce: "n"}, &a); refused != nil {
		t.Fatal(refused)
	}
	s, err := token.Key().Check("n", somePin, a)
	if err != nil || s.Space != "potsdam" || s.State != joining.Open || s.Rules.Text != "Be kind." || s.Domain != "reg.example.org" {
		t.Fatalf("%+v, %v", s, err)
	}
	first, other := d.device(), d.device()
	if _, refused := first("192.0.2.1:1", token, "v2"); refused == nil || refused.Reason != joining.OtherRules {
		t.Errorf("other rules: %v", refused)
	}
	m, refused := first("192.0.2.1:1", token, "v3")
	if refused != nil || m.Secret != "potsdam-1" || m.Space != "potsdam" || m.Pin != somePin || m.Registrar != "sips:reg.example.org" {
		t.Fatalf("%+v, %v", m, refused)
	}
	if m, refused := first("192.0.2.1:1", token, "v3"); refused != nil || m.Secret != "potsdam-2" {
		t.Errorf("the same device again: %+v, %v", m, refused)
	}
	if _, refused := other("192.0.2.1:1", token, "v3"); refused == nil || refused.Reason != joining.WasUsed {
		t.Errorf("another device: %v", refused)
	}
	if strings.Contains(d.log.String(), token.Text()) || strings.Contains(d.log.String(), "potsdam-1") {
		t.Errorf("a secret is in the log:\n%s", d.log.String())
	}
}

// A window gets a certificate of its key when it joins, and the next one for the key of the one that it shows.
func TestCertificate(t *testing.T) {
	d := newDesk(t)
	m, refused := d.device()("192.0.2.1:1", d.invite("potsdam", time.Now()), "v3")
	if refused != nil || !bytes.HasPrefix(m.Certificate, []byte("potsdam ")) {
		t.Fatalf("%q, %v", m.Certificate, refused)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]joining.Reason{"": joining.Uncertain, "lisboa": joining.Uncertain, "dresden": joining.WasRevoked, "potsdam": ""} {
		if d.shown = nil; name != "" {
			d.shown = &x509.Certificate{Subject: pkix.Name{CommonName: name}, PublicKey: &key.PublicKey}
		}
		var a joining.Renewed
		switch refused := d.post("192.0.2.1:1", joining.PathRenew, struct{}{}, &a); {
		case want != "":
			if refused == nil || refused.Reason != want {
				t.Errorf("%q: %v, want %s", name, refused, want)
			}
		case refused != nil || !bytes.Equal(a.Certificate, append([]byte("potsdam "), public...)):
			t.Errorf("%q: %q, %v", name, a.Certificate, refused)
		}
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, other)
	if err != nil {
		t.Fatal(err)
	}
	token := d.invite("lisboa", time.Now())
	if refused := d.post("192.0.2.1:1", joining.PathRedeem, joining.Redeem{Token: token.Text(), Rules: "v3", CSR: csr}, nil); refused == nil || refused.Reason != joining.Unreadable {
		t.Errorf("a key of RSA: %v", refused)
	}
	if _, refused := d.device()("192.0.2.2:1", token, "v3"); refused != nil {
		t.Errorf("and its code is used up: %v", refused)
	}
}

// What a code that is not open says, to whoever has it.
func TestNotOpen(t *testing.T) {
	d := newDesk(t)
	late := d.invite("dresden", time.Now().Add(-members.CodeLife))
	void := d.invite("potsdam", time.Now())
	d.invite("potsdam", time.Now())
	for i, test := range []struct {
		token joining.Token
		want  joining.Reason
	}{{late, joining.TooLate}, {void, joining.WasRevoked}, {joining.NewToken(), joining.Unknown}} {
		if _, refused := d.device()(fmt.Sprintf("192.0.2.%d:1", i), test.token, "v3"); refused == nil || refused.Reason != test.want {
			t.Errorf("%v, want %s", refused, test.want)
		}
	}
	if len(d.secrets) != 0 {
		t.Errorf("accounts got secrets: %v", d.secrets)
	}
}

func TestAtOnce(t *testing.T) { atOnce(t, 40) }

// So many devices at once with a code of their own each, and a few with one: none is used twice.
func atOnce(t *testing.T, n int) {
	d := newDesk(t)
	one := d.invite("potsdam", time.Now())
	var got sync.Map
	var all sync.WaitGroup
	ask := d.device
	for i := range n + 20 {
		token := one
		if i < n {
			token = d.invite(fmt.Sprintf("space%d", i), time.Now())
		}
		redeem := ask()
		all.Go(func() {
			from := fmt.Sprintf("10.%d.%d.1:1", i/256, i%256)
			if m, refused := redeem(from, token, "v3"); refused == nil {
				if _, twice := got.LoadOrStore(m.Secret, true); twice {
					t.Errorf("%s was given twice", m.Secret)
				}
			} else if refused.Reason != joining.WasUsed {
				t.Error(refused)
			}
		})
	}
	all.Wait()
	if d.secrets["potsdam"] != 1 || len(d.secrets) != n+1 {
		t.Errorf("one code was used %d times; %d accounts", d.secrets["potsdam"], len(d.secrets))
	}
}

// Ten thousand guesses from one network: it is let ask a few times, and somebody elsewhere joins meanwhile.
func TestGuesses(t *testing.T) {
	d := newDesk(t)
	token := d.invite("potsdam", time.Now())
	reasons := map[joining.Reason]int{}
	for range 10_000 {
		guess := joining.NewToken()
		reasons[d.post("198.51.100.7:4711", joining.PathProve, joining.Prove{ID: guess.ID(), Nonce: "n"}, nil).Reason]++
	}
	if reasons[joining.TooMany] < 9_900 {
		t.Errorf("%v", reasons)
	}
	if _, refused := d.device()("192.0.2.1:1", token, "v3"); refused != nil {
		t.Error(refused)
	}
}

func TestBadQuestions(t *testing.T) {
	d := newDesk(t)
	token := d.invite("potsdam", time.Now())
	for i, body := range []string{"", "{", `{"token":"12"}`, `{"token":"` + token.Text() + `"}`, `{"token":"` + token.Text() + `","csr":"AAAA"}`, strings.Repeat("x", 1<<20)} {
		for _, path := range []string{joining.PathRedeem, joining.PathProve, joining.PathRenew} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", i)
			w := httptest.NewRecorder()
			d.ServeHTTP(w, r)
			if w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound && (w.Code != http.StatusForbidden || path != joining.PathRenew) {
				t.Errorf("%s %.20q: %d %s", path, body, w.Code, w.Body)
			}
		}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, joining.PathRedeem, nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
}
