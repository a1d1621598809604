package proxy

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"ewindow/dialplan"
	"ewindow/registrar/auth"
	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/store"
)

// Accounts is who may log in. It is asked at each request, of strangers too, and answers from memory.
type Accounts interface {
	Account(name string) (store.Account, bool)

	// Current is nil if Account says what the store holds now; else it says why that is not known.
	Current() error
}

// vNoStore is for credentials that are refused by accounts that may be out of date: the account may have been made, or
// given this secret, a moment ago. A 401 would have a window believe that its secret is wrong.
var vNoStore = verdict{status: 503, reason: "The accounts cannot be read at the moment"}.with("Retry-After", "3")

// A gatekeeper finds out who sent a request, and whether that holds still. It owns the nonces of its challenges, and the
// epochs of the accounts.
type gatekeeper struct {
	accounts Accounts
	digest   *auth.Auth
	epochs   *epochs
	site     *site
	flows    interface {
		Authenticated(f location.Flow, account string)
		Holder(f location.Flow) string
	}
	counts interface{ AuthFailure(reason string) }
	ledger *ledger
	log    *slog.Logger
}

// A challenge is how a request is asked for credentials.
type challenge struct {
	verdict
	header, credentials string // names of the headers that ask and answer
}

var (
	asServer = challenge{verdict{status: 401, reason: "Unauthorized"}, "WWW-Authenticate", "Authorization"}
	asProxy  = challenge{verdict{status: 407, reason: "Proxy Authentication Required"}, "Proxy-Authenticate", "Proxy-Authorization"}
)

// sender lets a request pass that comes from whom its From names.
func (g *gatekeeper) sender(r *request, c challenge) verdict {
	if v := g.authenticate(r, header.User(&r.From().Address), c); v.status != 0 {
		return v
	}
	if !g.site.owns(&r.From().Address, r.account) {
		return vFromMismatch
	}
	return verdict{}
}

// partner lets a request of a dialog pass that comes from the account which is in it.
func (g *gatekeeper) partner(r *request, account string) verdict {
	if v := g.authenticate(r, account, asProxy); v.status != 0 {
		return v
	}
	if r.account != account {
		return vFromMismatch
	}
	return verdict{}
}

// authenticate finds out which account sent the request, and notes it there. user is whom to challenge.
func (g *gatekeeper) authenticate(r *request, user string, c challenge) verdict {
	holder := g.flows.Holder(r.flow)
	if holder != "" && user != holder {
		return g.misspoken(r, user, holder)
	}
	q := auth.Request{Method: string(r.Method), URI: r.asked, From: user, Here: g.site.hosts.ours}
	for _, h := range r.GetHeaders(c.credentials) {
		q.Values = append(q.Values, h.Value())
	}
	var epoch uint64 // from before the secret was looked up: later it would miss a change in between
	found := g.digest.Check(q, func(name string) (auth.Credentials, bool) {
		epoch = g.epochs.of(name)
		return g.credentials(r.plan, name)
	}, time.Now())
	if found.Err != nil {
		return g.refusal(r, user, c, found)
	}
	if holder != "" && found.Account != holder {
		return g.misspoken(r, found.Account, holder)
	}
	r.account, r.epoch = found.Account, epoch
	if _, space := r.plan.Space(found.Account); space && r.flow.Transport != flow.TLS {
		return vNotTLS // the keys of its calls are in its messages
	}
	g.flows.Authenticated(r.flow, found.Account)
	return verdict{}
}

// misspoken is the answer to a request in the name of another account than the one whose certificate was shown on its connection.
func (g *gatekeeper) misspoken(r *request, user, holder string) verdict {
	g.counts.AuthFailure("certificate")
	g.log.Warn("refused: the connection is another account's by its certificate", "aor", header.Safe(user), "holder", holder, "peer", r.flow.Remote, stranger(r.flow.Remote))
	return verdict{status: 403, reason: "This connection is of " + holder + " by its certificate and of no other account"}
}

// refusal is the answer to a request whose sender has not proved who it is.
func (g *gatekeeper) refusal(r *request, user string, c challenge, found auth.Result) verdict {
	if errors.Is(found.Err, auth.ErrRefused) && g.accounts.Current() != nil { // which its owner logs
		g.counts.AuthFailure("unavailable")
		return vNoStore
	}
	g.counts.AuthFailure(authReason(found.Err))
	switch {
	case errors.Is(found.Err, auth.ErrOtherURI):
		g.ledger.note(user, "its secret is right, but its digest is for another URI: look at server and proxy in its settings", time.Now())
		g.log.Warn("authentication failed: the secret is right, but the digest is for another URI; look at server and proxy in the phone's settings",
			"aor", header.Safe(user), "peer", r.flow.Remote, "err", header.Safe(found.Err.Error()), stranger(r.flow.Remote))
	case errors.Is(found.Err, auth.ErrRefused):
		if g.exists(user) {
			g.ledger.note(user, "a wrong secret came from "+r.flow.Remote, time.Now())
		}
		g.log.Warn("authentication failed: unknown account or wrong secret", "aor", header.Safe(user), "peer", r.flow.Remote, stranger(r.flow.Remote))
	}
	if found.Challenge == "" {
		return verdict{status: 400, reason: "Malformed credentials"}
	}
	return c.with(c.header, found.Challenge)
}

func authReason(err error) string {
	switch {
	case errors.Is(err, auth.ErrMissing):
		return "missing"
	case errors.Is(err, auth.ErrStale):
		return "stale"
	case errors.Is(err, auth.ErrRefused), errors.Is(err, auth.ErrOtherURI):
		return "refused"
	}
	return "malformed"
}

// credentials finds an account and the algorithm that is asked of it.
func (g *gatekeeper) credentials(plan *dialplan.Plan, name string) (auth.Credentials, bool) {
	a, ok := g.accounts.Account(name)
	c := auth.Credentials{Algorithm: g.algorithm(plan, name, ok), HA1: a.HA1MD5}
	if c.Algorithm == auth.SHA256 {
		c.HA1 = a.HA1SHA256
	}
	return c, ok && a.Realm == g.site.realm
}

// algorithm is the only one that a name is challenged with, by the plan: spaces SHA-256, phones MD5 unless the plan says
// otherwise (RFC 8760; phones such as baresip 1.0 give up at the sight of SHA-256). Names that nobody has get one or the
// other, each always the same, so that SHA-256 does not tell which names are windows.
func (g *gatekeeper) algorithm(plan *dialplan.Plan, name string, known bool) auth.Algorithm {
	coin := g.site.seal.coin("algorithm", name) // thrown for all names, so that none takes longer
	_, strong := plan.Space(name)
	if phone, ok := plan.Phone(name); ok {
		strong = phone.Auth == "sha256"
	} else if !strong && !known {
		strong = coin
	}
	if strong {
		return auth.SHA256
	}
	return auth.MD5
}

func (g *gatekeeper) exists(account string) bool {
	_, ok := g.accounts.Account(account)
	return ok
}

// changed says whether the account that sent the request has changed since: then it acted for one that is no more.
func (g *gatekeeper) changed(r *request) bool { return g.epochs.of(r.account) != r.epoch }

// epochs count how often each account changed: who finds another count than before has acted for one that is no
// more. They grow with what an admin does.
type epochs struct {
	mu    sync.Mutex
	count map[string]uint64
}

func newEpochs() *epochs { return &epochs{count: map[string]uint64{}} }

func (e *epochs) note(account string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count[account]++
}

func (e *epochs) of(account string) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count[account]
}
