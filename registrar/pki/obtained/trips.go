package obtained

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// maxAnswer bounds what is read of an answer of the authority's to find out why a challenge failed.
const maxAnswer = 64 << 10

// trips are the requests to the authority. They end when Run does, and remember why a challenge failed: autocert tries the next kind, and
// says at the end that there is none left.
type trips struct {
	next http.RoundTripper

	mu     sync.Mutex
	over   context.Context // nil: Run has not begun
	reason map[string]string
}

func newTrips(roots *x509.CertPool) *trips {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &trips{next: t, reason: map[string]string{}}
}

// end has all requests end when ctx does. What it returns closes idle connections.
func (t *trips) end(ctx context.Context) func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = ctx
	if idle, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		return idle.CloseIdleConnections
	}
	return func() {}
}

// RoundTrip is part of http.RoundTripper.
func (t *trips) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	over := t.over
	t.mu.Unlock()
	if over != nil && over.Err() != nil {
		return nil, over.Err()
	}
	if over != nil {
		ctx, cancel := context.WithCancel(r.Context())
		stop := context.AfterFunc(over, cancel)
		defer stop()
		r = r.WithContext(ctx)
		defer cancel() // the body is read below
	}
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	t.note(body[:min(len(body), maxAnswer)])
	return answer, nil
}

// note remembers what is said of a challenge that failed (RFC 8555 §7.1.4, §8).
func (t *trips) note(body []byte) {
	var authorization struct {
		Identifier struct{ Value string }
		Challenges []struct {
			Type  string
			Error struct{ Detail string }
		}
	}
	if json.Unmarshal(body, &authorization) != nil || authorization.Identifier.Value == "" {
		return
	}
	for _, c := range authorization.Challenges {
		if c.Error.Detail == "" {
			continue
		}
		t.mu.Lock()
		if len(t.reason) < 16 {
			t.reason[authorization.Identifier.Value+" "+c.Type] = fmt.Sprintf("%.40q: %.300q", c.Type, c.Error.Detail)
		}
		t.mu.Unlock()
	}
}

// explain adds to an error of autocert's what the authority said of a host, and what to look at.
func (t *trips) explain(host string, err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var told []string
	for _, kind := range []string{"tls-alpn-01", "http-01"} {
		if why := t.reason[host+" "+kind]; why != "" {
			told = append(told, why)
			delete(t.reason, host+" "+kind)
		}
	}
	if len(told) == 0 {
		return err
	}
	return fmt.Errorf("the authority does not reach this registrar by the name %s (%s): the name has to lead here, and port 443 or 80 has to be open: %w",
		host, strings.Join(told, "; "), err)
}

func soundKey(data []byte) bool {
	block, _ := pem.Decode(data)
	if block == nil {
		return false
	}
	if _, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return true
	}
	_, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	return err == nil
}
