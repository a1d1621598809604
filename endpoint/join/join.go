// Package join gets a window into a network with the code that somebody was handed: it believes the registrar by the proof that the code
// allows, and brings home what a window's file needs. From then on it keeps the window's certificate new.
//
//	Ask ─▶ Offer: whose network, which rules ─▶ people accept ─▶ Redeem ─▶ Keep: media.crt ─▶ Write: window.hcl, secret
//	                                                                           ▲
//	Renewal: a third of its time is left ─▶ HTTPS, showing the certificate ────┘
//
// Newcomer.Join goes that way with People, at whatever they stand; what they are told is in words.go, once for all of them.
package join

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ewindow/dialplan/username"
	"ewindow/registrar/pki/pin"
	"ewindow/registrar/signal/joining"
)

// patience is how long one place of the registrar may take to answer.
const patience = 10 * time.Second

// An Offer is what a registrar proved to be its own.
type Offer struct {
	joining.Statement
	Pin string // of its authority

	token joining.Token
	place string // host:port that answered
	host  string
	shown *x509.Certificate // of the connection that was proven
}

// Ask asks the registrar of a code whether it made it. Errors: joining.ErrProof; *joining.Refusal, for a code that is not open; *Unreached, which says
// which places were tried and why they did not answer.
func Ask(ctx context.Context, code joining.Code) (*Offer, error) {
	ports := joining.Ports()
	if code.Port != 0 {
		ports = []int{code.Port}
	}
	var failed []error
	for _, port := range ports {
		o := &Offer{token: code.Token, host: code.Host, place: net.JoinHostPort(code.Host, strconv.Itoa(port)), Pin: code.Pin}
		err := o.prove(ctx)
		var refused *joining.Refusal
		switch {
		case err == nil:
			if refused = o.State.Refusal(o.Since); refused != nil && o.State != joining.Used {
				return nil, refused
			}
			return o, nil // a used one may be ours: Redeem finds out
		case errors.As(err, &refused), errors.Is(err, joining.ErrProof), ctx.Err() != nil:
			return nil, err
		}
		failed = append(failed, fmt.Errorf("%s: %w", o.place, err))
	}
	return nil, &Unreached{code.Host, errors.Join(failed...)}
}

// prove asks for the proof, over a connection whose authority is the one that the proof is about.
func (o *Offer) prove(ctx context.Context) error {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // it never fails
	q := joining.Prove{ID: o.token.ID(), Nonce: hex.EncodeToString(nonce)}
	var a joining.Proven
	shown, err := o.post(ctx, joining.PathProve, q, &a)
	if err != nil {
		return err
	}
	s, err := o.token.Key().Check(q.Nonce, shown, a)
	if err != nil {
		return err
	}
	if c := o.shown; s.Now.Before(c.NotBefore) || s.Now.After(c.NotAfter) {
		return fmt.Errorf("the registrar's certificate is good from %s to %s, and it is %s there; tell whoever runs it", c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), s.Now.Format(time.DateOnly))
	}
	o.Statement, o.Pin = *s, shown
	return nil
}

// Redeem turns the code into a membership. key is the window's: with it the same window may ask again, until the code expires.
func (o *Offer) Redeem(ctx context.Context, key crypto.Signer) (*joining.Membership, error) {
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: o.Space}}, key)
	if err != nil {
		return nil, fmt.Errorf("sign with the window's key: %w", err)
	}
	var m joining.Membership
	_, err = o.post(ctx, joining.PathRedeem, joining.Redeem{Token: o.token.Text(), Rules: o.Rules.Version, CSR: csr}, &m)
	var refused *joining.Refusal
	if err != nil && !errors.As(err, &refused) {
		return nil, fmt.Errorf("the registrar did not answer to the end: %w; try again with the same code", err)
	}
	if err != nil {
		return nil, err
	}
	if m.Pin != o.Pin || m.Secret == "" || m.Space != o.Space || !username.Valid(m.Space) { // it names a file
		return nil, errors.New("the registrar's answer does not fit what it said before; try again, and tell whoever runs it")
	}
	if len(m.Certificate) > 0 {
		if _, err := fits(m.Certificate, m.Space, key); err != nil {
			return nil, fmt.Errorf("the certificate in the registrar's answer is not this window's: %w; try again, and tell whoever runs it", err)
		}
	}
	return &m, nil
}

// post asks one question over a connection of its own, and returns the pin of the authority that it showed. Where a pin is known already only
// that will do.
func (o *Offer) post(ctx context.Context, path string, question, answer any) (shown string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	body, err := json.Marshal(question)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+o.place+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", joining.ContentType)
	client := http.Client{
		Transport:     &http.Transport{TLSClientConfig: o.secure(&shown), DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	a, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer a.Body.Close()
	return shown, read(a, answer)
}

// read reads the answer to a question. Error: *joining.Refusal, or that it is none of a registrar's.
func read(a *http.Response, answer any) error {
	if a.StatusCode != http.StatusOK {
		refusal := &joining.Refusal{}
		if err := joining.Read(a.Body, joining.MaxAnswer, refusal); err != nil || refusal.Reason == "" {
			return fmt.Errorf("what answers there is no registrar of E-Windows (status %d)", a.StatusCode)
		}
		refusal.Text = Printable(refusal.Text) // whoever says it has proven nothing yet
		return refusal
	}
	if err := joining.Read(a.Body, joining.MaxAnswer, answer); err != nil {
		return fmt.Errorf("the registrar's answer is %w", err)
	}
	return nil
}

// secure is for a connection to a registrar that shows an authority of its own, whichever, and a certificate by it for its name; shown is its
// pin then. The token's proof says whether it is the right one. A clock that has never been set, or wrongly, is no reason to refuse: by when the
// certificate is good is judged by the registrar's clock, of which the proof is proof too.
func (o *Offer) secure(shown *string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: o.host, NextProtos: []string{"http/1.1", pin.ALPN},
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return errors.New("it shows no certificate")
			}
			want := o.Pin
			if want == "" {
				want = pin.Of(cs.PeerCertificates[len(cs.PeerCertificates)-1])
			}
			c, err := pin.Config(want, o.host)
			if err != nil {
				return err
			}
			leaf := cs.PeerCertificates[0]
			if now := time.Now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
				c.Time = func() time.Time { return leaf.NotBefore.Add(time.Hour) }
			}
			if err := c.VerifyConnection(cs); err != nil {
				var other *pin.Mismatch
				if errors.As(err, &other) {
					return joining.ErrProof
				}
				return err
			}
			*shown, o.shown = want, leaf
			return nil
		},
	}
}

// Printable is a text without what could have a terminal do something.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			return -1
		}
		return r
	}, s)
}
