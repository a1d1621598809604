package join

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"ewindow/registrar/signal/joining"
	"ewindow/registrar/signal/lasting"
)

const (
	lookEvery  = time.Hour // how often it is looked whether the time has come: clocks are set
	retryFirst = time.Minute
	retryMost  = 6 * time.Hour
)

// A Renewal has the registrar renew a window's certificate. No call depends on it: a certificate whose time is over is still shown, and renewed.
type Renewal struct {
	Certificate *Certificate
	Host        string                                      // of the registrar, as HTTP names it
	Dial        func(ctx context.Context) (net.Conn, error) // to the registrar's HTTPS, by the pin, showing the certificate
	Log         *slog.Logger
}

// Run renews the certificate in time, until ctx ends. Without one there is nothing to do.
func (r *Renewal) Run(ctx context.Context) error {
	if r.Certificate.Leaf() == nil {
		return nil
	}
	fault := lasting.Fault{Log: r.Log, Level: slog.LevelWarn,
		What: "the window's certificate is not renewed yet; the window goes on meanwhile", Over: "the window's certificate can be renewed again"}
	failures := 0
	for {
		wait := lookEvery
		if left := time.Until(r.due()); left > 0 {
			wait = min(wait, left)
		} else if err := r.renew(ctx); err == nil {
			failures = 0
			fault.Well()
			r.Log.Info("the window's certificate was renewed", "until", r.Certificate.Leaf().NotAfter)
		} else if ctx.Err() == nil {
			wait = retryAfter(failures)
			failures++
			fault.Met(err.Error(), "until", r.Certificate.Leaf().NotAfter, "retry", wait.Round(time.Second), "err", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// due is when the next certificate is asked for: when a third of the time is left, thirty days of ninety.
func (r *Renewal) due() time.Time {
	leaf := r.Certificate.Leaf()
	return leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3)
}

// retryAfter is how long to wait after the n-th failure in a row, n from 0: windows do not come back in step.
func retryAfter(n int) time.Duration {
	d := min(retryFirst<<min(n, 12), retryMost)
	return d/2 + rand.N(d/2+1)
}

// renew gets the next certificate and keeps it. One that cannot be written is used all the same, and another one got at the next start.
func (r *Renewal) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+urlHost(r.Host)+joining.PathRenew, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", joining.ContentType)
	client := http.Client{
		Transport: &http.Transport{DisableKeepAlives: true,
			DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return r.Dial(ctx) }},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	a, err := client.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	var renewed joining.Renewed
	if err := read(a, &renewed); err != nil {
		return err
	}
	c := r.Certificate
	cert, err := fits(renewed.Certificate, c.space, c.key)
	if err != nil {
		return fmt.Errorf("the registrar's answer is no certificate of this window: %w", err)
	}
	if old := c.Leaf(); !cert.NotAfter.After(old.NotAfter) {
		return fmt.Errorf("the registrar's answer is good until %s, and no longer than the one before; is its clock right?", cert.NotAfter.Format(time.DateOnly))
	}
	c.use(cert)
	if err := writeCertificate(c.path, cert.Raw); err != nil {
		r.Log.Warn("the window's certificate was not written; the next start asks for another one", "file", c.path, "err", err)
	}
	return nil
}

// urlHost is a host as it stands in a URI.
func urlHost(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
