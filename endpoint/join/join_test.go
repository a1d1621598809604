package join

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/config"
	desk "ewindow/registrar/join"
	"ewindow/registrar/members"
	"ewindow/registrar/pki"
	"ewindow/registrar/signal/joining"
)

// A registrar that receives new windows: its own handlers, certificates and record.
type registrar struct {
	t      *testing.T
	record string
	port   int
	pin    string
}

func identity(t *testing.T) *pki.Identity {
	t.Helper()
	id, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: "localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// serve answers HTTPS with an identity's certificates, and returns the port.
func serve(t *testing.T, id *pki.Identity, h http.Handler) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := id.ServerConfig()
	c.NextProtos = []string{"http/1.1"}
	s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	go func() { _ = s.Serve(tls.NewListener(l, c)) }()
	t.Cleanup(func() { s.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func newRegistrar(t *testing.T) *registrar {
	t.Helper()
	id := identity(t)
	r := &registrar{t: t, record: filepath.Join(t.TempDir(), members.FileName), pin: id.Pin()}
	watch, _, err := members.Follow(r.record, func(members.Record) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d := desk.Desk{
		Domain: "localhost", Registrar: "sips:localhost", Pin: id.Pin(), Record: watch.Record, Log: slog.New(slog.DiscardHandler),
		Add: func(next func(members.Record) (members.Entry, error)) error {
			_, err := members.Add(r.record, next)
			return err
		},
		Rules:   func(string) (string, error) { return "Be kind.", nil },
		Secret:  func(context.Context, string) (string, error) { return "geheim", nil },
		Certify: func(account string, key any) ([]byte, error) { return id.Device(account, key, time.Now()) },
	}
	r.port = serve(t, id, d.Handler())
	return r
}

func (r *registrar) invite(space string, now time.Time) joining.Code {
	r.t.Helper()
	token := joining.NewToken()
	key := token.Key()
	if _, err := members.Add(r.record, func(record members.Record) (members.Entry, error) {
		return record.InviteAgain(space, "v3", token.ID(), hex.EncodeToString(key[:]), now)
	}); err != nil {
		r.t.Fatal(err)
	}
	return joining.Code{Host: "localhost", Port: r.port, Token: token}
}

func key(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A code that was typed, and one from a QR with the pin, get a window a file that is right; the same window may ask again, another may not.
func TestJoin(t *testing.T) {
	r := newRegistrar(t)
	for name, withPin := range map[string]bool{"typed": false, "QR": true} {
		t.Run(name, func(t *testing.T) {
			code := r.invite("potsdam", time.Now())
			if withPin {
				code.Pin = r.pin
			}
			o, err := Ask(t.Context(), code)
			if err != nil || o.Space != "potsdam" || o.Rules.Text != "Be kind." || o.Pin != r.pin {
				t.Fatalf("%+v, %v", o, err)
			}
			ours := key(t)
			m, err := o.Redeem(t.Context(), ours)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "etc", "window.hcl")
			if err := errors.Join(Writable(file, false), Write(file, m, Devices{})); err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(file)
			if err != nil || c.Space != "potsdam" || c.Secret != "geheim" || c.Pin != r.pin || c.Registrar != "sips:localhost" || c.Domain != "localhost" {
				t.Errorf("the file says %+v, %v", c, err)
			}
			if info, err := os.Stat(filepath.Join(filepath.Dir(file), "potsdam.secret")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the secret: %v, %v", info, err)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
			if err := Writable(file, false); err == nil || !strings.Contains(err.Error(), "--replace") {
				t.Errorf("over a window's file: %v", err)
			}
			if _, err := o.Redeem(t.Context(), ours); err != nil {
				t.Errorf("again: %v", err)
			}
			var refused *joining.Refusal
			if _, err := o.Redeem(t.Context(), key(t)); !errors.As(err, &refused) || refused.Reason != joining.WasUsed {
				t.Errorf("another window: %v", err)
			}
		})
	}
}

// Whoever stands in between and passes everything on to the real registrar, with a certificate for its name by an authority of his own, is not
// believed, and never hears the token.
func TestInBetween(t *testing.T) {
	r := newRegistrar(t)
	code := r.invite("potsdam", time.Now())
	heard := make(chan []byte, 10)
	real := code.Port
	port := serve(t, identity(t), http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		heard <- body
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		a, err := client.Post("https://"+net.JoinHostPort("localhost", strconv.Itoa(real))+q.URL.Path, joining.ContentType, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		defer a.Body.Close()
		w.WriteHeader(a.StatusCode)
		_, _ = io.Copy(w, a.Body)
	}))
	code.Port = port
	if _, err := Ask(t.Context(), code); !errors.Is(err, joining.ErrProof) {
		t.Errorf("typed: %v", err)
	}
	code.Pin = r.pin
	if _, err := Ask(t.Context(), code); !errors.Is(err, joining.ErrProof) {
		t.Errorf("QR: %v", err)
	}
	close(heard)
	for body := range heard {
		if bytes.Contains(body, []byte(code.Token.Text())) {
			t.Errorf("the token was said: %s", body)
		}
	}
}

func TestRefusals(t *testing.T) {
	r := newRegistrar(t)
	expired := r.invite("dresden", time.Now().Add(-members.CodeLife))
	void := r.invite("potsdam", time.Now())
	r.invite("potsdam", time.Now())
	unknown := expired
	unknown.Token = joining.NewToken()
	for want, code := range map[joining.Reason]joining.Code{joining.TooLate: expired, joining.WasRevoked: void, joining.Unknown: unknown} {
		var refused *joining.Refusal
		if _, err := Ask(t.Context(), code); !errors.As(err, &refused) || refused.Reason != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	code := joining.Code{Host: "localhost", Port: nobody.Addr().(*net.TCPAddr).Port, Token: joining.NewToken()}
	nobody.Close()
	if _, err := Ask(t.Context(), code); err == nil || !strings.Contains(err.Error(), "is not reached") {
		t.Errorf("nobody there: %v", err)
	}
	code.Port = serve(t, identity(t), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"reason":"unknown","text":"\u001b[2Jgone"}`)
	}))
	var refused *joining.Refusal
	if _, err := Ask(t.Context(), code); !errors.As(err, &refused) || refused.Text != "[2Jgone" {
		t.Errorf("words for the terminal: %q", err)
	}
	code.Port = serve(t, identity(t), http.NotFoundHandler())
	if _, err := Ask(t.Context(), code); err == nil || !strings.Contains(err.Error(), "no registrar of E-Windows") {
		t.Errorf("another server: %v", err)
	}
}
