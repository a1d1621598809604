package provision

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"ewindow/registrar/block"
)

// Path is where links lead: the token follows.
const Path = "/phone/"

// A network may guess that often: one link is opened once, by one phone.
const (
	perSecond = 0.1
	burst     = 10
)

// Desk is whoever opens links.
type Desk struct {
	Links    *Links
	Settings func(account string) (Settings, bool)                     // as they are now; false: no phone of the plan
	Secret   func(ctx context.Context, account string) (string, error) // gives the account another one
	Log      *slog.Logger

	budgets *block.Budgets
}

// Handler answers GET /phone/TOKEN, once each, with what Linphone takes. All that is no link, or not any more, is told the same.
func (d *Desk) Handler() http.Handler {
	d.budgets = block.NewBudgets(perSecond, burst)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := netip.ParseAddrPort(r.RemoteAddr)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet { // HEAD must not use a link up
			w.Header().Set("Allow", http.MethodGet)
			say(w, http.StatusMethodNotAllowed, "a phone asks by GET")
			return
		}
		now := time.Now()
		if !d.budgets.Spend(block.Of(from.Addr()), 1, now) {
			w.Header().Set("Retry-After", "10")
			say(w, http.StatusTooManyRequests, "too many links were tried from this network; wait a while")
			return
		}
		d.open(w, r, r.URL.Path[len(Path):], now)
	})
}

// open uses a link up.
func (d *Desk) open(w http.ResponseWriter, r *http.Request, token string, now time.Time) {
	account := d.Links.find(token, now)
	settings, is := Settings{}, false
	if account != "" {
		settings, is = d.Settings(account)
	}
	if !is || !d.Links.take(token) {
		d.Log.Debug("a link that is none was opened", "peer", r.RemoteAddr)
		say(w, http.StatusNotFound, "This link is not good, or not any more: it is opened once, within an hour. Whoever runs the registrar makes another one by\n"+
			"ewindow-registrar account rotate NAME --qr")
		return
	}
	secret, err := d.Secret(context.WithoutCancel(r.Context()), account)
	if err != nil {
		d.Log.Error("a phone opened its link, and its account could not get a secret; make another link", "aor", account, "peer", r.RemoteAddr, "err", err)
		say(w, http.StatusServiceUnavailable, "the registrar could not make a secret; ask for another link")
		return
	}
	d.Log.Info("a phone opened its link: its account has another secret now", "aor", account, "peer", r.RemoteAddr)
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	_, _ = io.WriteString(w, settings.Linphone(secret))
}

// say answers in words, for whoever holds the phone.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
