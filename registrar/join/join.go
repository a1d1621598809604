// Package join is where new windows come with a code, over HTTPS: it proves that the registrar made the code, and turns it into an account,
// once, and a certificate, which windows renew here. What is said is in signal/joining, what is kept in members.
package join

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"ewindow/registrar/block"
	"ewindow/registrar/members"
	"ewindow/registrar/signal/joining"
)

// So often a network may ask: two questions join a window. Whoever guesses has a year of them for nothing.
const (
	perSecond = 0.2
	burst     = 20
)

// Desk is whoever receives new windows.
type Desk struct {
	Domain    string
	Registrar string                                                    // sips URI by which windows reach it
	Pin       string                                                    // of its authority
	Record    func() members.Record                                     // as it is now
	Add       func(func(members.Record) (members.Entry, error)) error   // adds a line
	Rules     func(version string) (string, error)                      // the text of the exchange rules
	Secret    func(ctx context.Context, account string) (string, error) // makes the account if there is none, and gives it another secret
	Log       *slog.Logger

	Certify func(account string, key any) (der []byte, err error)     // makes the certificate of a window
	Holder  func(shown *x509.Certificate) (account string, err error) // whose it is; empty if that is not known, an error if it is not good any more

	budgets *block.Budgets
}

// Handler answers the questions of package joining.
func (d *Desk) Handler() http.Handler {
	d.budgets = block.NewBudgets(perSecond, burst)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+joining.PathProve, d.bounded(d.prove))
	mux.HandleFunc("POST "+joining.PathRedeem, d.bounded(d.redeem))
	mux.HandleFunc("POST "+joining.PathRenew, d.bounded(d.renew))
	return mux
}

// bounded lets a network ask in its turn.
func (d *Desk) bounded(answer func(*http.Request) (any, int, *joining.Refusal)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, _ := netip.ParseAddrPort(r.RemoteAddr)
		w.Header().Set("Content-Type", joining.ContentType)
		w.Header().Set("Cache-Control", "no-store")
		if !d.budgets.Spend(block.Of(from.Addr()), 1, time.Now()) {
			w.Header().Set("Retry-After", "10")
			write(w, http.StatusTooManyRequests, &joining.Refusal{Reason: joining.TooMany, Text: "too many codes were tried from this network; wait ten seconds and try again"})
			return
		}
		said, status, refusal := answer(r)
		if refusal != nil {
			said = refusal
		}
		write(w, status, said)
	}
}

func write(w http.ResponseWriter, status int, said any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(said)
}

func unreadable(err error) (any, int, *joining.Refusal) {
	return nil, http.StatusBadRequest, &joining.Refusal{Reason: joining.Unreadable, Text: "the question cannot be read: " + err.Error()}
}

func (d *Desk) trouble(what string, err error) (any, int, *joining.Refusal) {
	d.Log.Error("a window could not join", "reason", what, "err", err)
	return nil, http.StatusServiceUnavailable, &joining.Refusal{Reason: joining.Trouble, Text: what + "; its log says more. Try again with the same code"}
}

var unknown = joining.Refusal{Reason: joining.Unknown,
	Text: "this registrar has made no such code; compare it with the invitation, or ask whoever invited you for another one"}

// prove shows that the registrar made a code, and says what became of it.
func (d *Desk) prove(r *http.Request) (any, int, *joining.Refusal) {
	var q joining.Prove
	if err := joining.Read(r.Body, joining.MaxQuestion, &q); err != nil {
		return unreadable(err)
	}
	now := time.Now()
	i, known := d.Record().Invitation(q.ID, now)
	key, err := hex.DecodeString(i.Key)
	if !known || err != nil || len(key) != len(joining.Key{}) {
		return nil, http.StatusNotFound, &unknown
	}
	text, err := d.Rules(i.Rules)
	if err != nil {
		return d.trouble("the registrar does not find the exchange rules "+i.Rules, err)
	}
	statement, err := json.Marshal(joining.Statement{
		Domain: d.Domain, Space: i.Space, Sponsor: i.Sponsor, State: joining.State(i.Fate), Since: i.Since, Expires: i.Expires, Now: now.UTC(),
		Rules: joining.Rules{Version: i.Rules, Text: text},
	})
	if err != nil {
		return d.trouble("the registrar could not answer", err)
	}
	return joining.Proven{Statement: statement, Proof: joining.Key(key).Prove(q.Nonce, d.Pin, statement)}, http.StatusOK, nil
}

// redeem turns a code into an account. Of devices that come at once with one code, one gets it, and gets another secret each time it asks again.
func (d *Desk) redeem(r *http.Request) (any, int, *joining.Refusal) {
	var q joining.Redeem
	if err := joining.Read(r.Body, joining.MaxQuestion, &q); err != nil {
		return unreadable(err)
	}
	token, err := joining.TokenOf(q.Token)
	if err != nil {
		return unreadable(err)
	}
	request, err := x509.ParseCertificateRequest(q.CSR)
	if err == nil {
		err = request.CheckSignature()
	}
	if err != nil {
		return unreadable(err)
	}
	if err := mediaKey(request.PublicKey); err != nil {
		return unreadable(err)
	}
	device := sha256.Sum256(request.RawSubjectPublicKeyInfo)
	i, known := d.Record().Invitation(token.ID(), time.Now())
	if key, err := hex.DecodeString(i.Key); !known || err != nil || len(key) != len(joining.Key{}) || !joining.Key(key).Of(token) {
		return nil, http.StatusNotFound, &unknown
	}
	if q.Rules != i.Rules {
		return nil, http.StatusConflict, &joining.Refusal{Reason: joining.OtherRules, Text: "the exchange rules of this code are " + i.Rules + "; they have to be accepted"}
	}
	err = d.Add(func(r members.Record) (members.Entry, error) {
		return r.Join(token.ID(), hex.EncodeToString(device[:]), time.Now())
	})
	switch {
	case errors.Is(err, members.ErrFate):
		i, _ := d.Record().Invitation(token.ID(), time.Now())
		return nil, http.StatusGone, joining.State(i.Fate).Refusal(i.Since)
	case err != nil && !errors.Is(err, members.ErrAgain):
		return d.trouble("the registrar could not record the membership", err)
	}
	certificate, err := d.Certify(i.Space, request.PublicKey)
	if err != nil {
		return d.trouble("the registrar could not make the window's certificate", err)
	}
	secret, err := d.Secret(context.WithoutCancel(r.Context()), i.Space)
	if err != nil {
		return d.trouble("the registrar could not make the account", err)
	}
	d.Log.Info("a window has joined by its code", "aor", i.Space, "peer", r.RemoteAddr)
	return joining.Membership{Space: i.Space, Domain: d.Domain, Registrar: d.Registrar, Pin: d.Pin, Secret: secret, Certificate: certificate}, http.StatusOK, nil
}

// mediaKey refuses what is no window's key before a code is used for it.
func mediaKey(key any) error {
	if k, is := key.(*ecdsa.PublicKey); !is || k.Curve != elliptic.P256() {
		return errors.New("its key is none of ECDSA on P-256")
	}
	return nil
}

// renew gives a window the next certificate for the key of the one that it shows. That may be over: whose key is good the record knows.
func (d *Desk) renew(r *http.Request) (any, int, *joining.Refusal) {
	if err := joining.Read(r.Body, joining.MaxQuestion, &struct{}{}); err != nil {
		return unreadable(err)
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, http.StatusForbidden, &joining.Refusal{Reason: joining.Uncertain, Text: "no certificate was shown that could be renewed"}
	}
	shown := r.TLS.PeerCertificates[0]
	account, err := d.Holder(shown)
	switch {
	case err != nil:
		return nil, http.StatusForbidden, &joining.Refusal{Reason: joining.WasRevoked, Text: err.Error()}
	case account == "":
		return nil, http.StatusForbidden, &joining.Refusal{Reason: joining.Uncertain, Text: "this registrar cannot tell whose certificate it is that was shown; if that lasts, join again by a code"}
	}
	certificate, err := d.Certify(account, shown.PublicKey)
	if err != nil {
		return d.trouble("the registrar could not make the window's certificate", err)
	}
	d.Log.Info("a window's certificate was renewed", "aor", account, "peer", r.RemoteAddr)
	return joining.Renewed{Certificate: certificate}, http.StatusOK, nil
}
