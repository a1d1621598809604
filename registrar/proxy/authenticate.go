package proxy

import (
	"errors"
	"time"

	"ewindow/dialplan"
	"ewindow/registrar/auth"
	"ewindow/registrar/flow"
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

// authenticate finds out who sent the request. With ok = false it has been answered. user is whom to challenge.
func (s *Server) authenticate(r *request, user string, asProxy bool) (account string, ok bool) {
	status, ask, reason, credentials := 401, "WWW-Authenticate", "Unauthorized", "Authorization"
	if asProxy {
		status, ask, reason, credentials = 407, "Proxy-Authenticate", "Proxy Authentication Required", "Proxy-Authorization"
	}
	q := auth.Request{Method: string(r.Method), URI: r.Recipient.String(), From: user}
	for _, h := range r.GetHeaders(credentials) {
		q.Values = append(q.Values, h.Value())
	}
	var epoch uint64 // from before the secret was looked up: later it would miss a change in between
	found := s.auth.Check(q, func(name string) (auth.Credentials, bool) {
		epoch = s.revoked.of(name)
		return s.credentials(r.plan, name)
	}, time.Now())
	if found.Err == nil {
		r.account, r.epoch = found.Account, epoch
		if _, space := r.plan.Space(found.Account); space && r.flow.Transport != flow.TLS {
			s.answers.reply(r, vNotTLS) // the keys of its calls are in its messages
			return "", false
		}
		s.flows.Authenticated(r.flow, found.Account)
		return found.Account, true
	}
	if errors.Is(found.Err, auth.ErrRefused) && s.cfg.Accounts.Current() != nil { // which its owner logs
		s.metrics.AuthFailure("unavailable")
		s.answers.reply(r, vNoStore)
		return "", false
	}
	s.metrics.AuthFailure(authReason(found.Err))
	if errors.Is(found.Err, auth.ErrRefused) {
		if _, known := s.cfg.Accounts.Account(user); known {
			s.ledger.note(user, "a wrong secret came from "+r.flow.Remote, time.Now())
		}
		s.log.Warn("authentication failed: unknown account or wrong secret", "aor", header.Safe(user), "peer", r.flow.Remote, stranger(r.flow.Remote))
	}
	if found.Challenge == "" {
		s.answers.reply(r, verdict{status: 400, reason: "Malformed credentials"})
		return "", false
	}
	s.answers.reply(r, verdict{status: status, reason: reason}.with(ask, found.Challenge))
	return "", false
}

func authReason(err error) string {
	switch {
	case errors.Is(err, auth.ErrMissing):
		return "missing"
	case errors.Is(err, auth.ErrStale):
		return "stale"
	case errors.Is(err, auth.ErrRefused):
		return "refused"
	}
	return "malformed"
}

// credentials finds an account and the algorithm that is asked of it.
func (s *Server) credentials(plan *dialplan.Plan, name string) (auth.Credentials, bool) {
	a, ok := s.cfg.Accounts.Account(name)
	c := auth.Credentials{Algorithm: s.algorithm(plan, name, ok), HA1: a.HA1MD5}
	if c.Algorithm == auth.SHA256 {
		c.HA1 = a.HA1SHA256
	}
	return c, ok && a.Realm == s.cfg.Domain
}

// algorithm is the only one that a name is challenged with, by the plan: spaces SHA-256, phones MD5 unless the plan says
// otherwise (RFC 8760; phones such as baresip 1.0 give up at the sight of SHA-256). Names that nobody has get one or the
// other, each always the same, so that SHA-256 does not tell which names are windows.
func (s *Server) algorithm(plan *dialplan.Plan, name string, known bool) auth.Algorithm {
	coin := s.seal.coin("algorithm", name) // thrown for all names, so that none takes longer
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

func (s *Server) exists(account string) bool {
	_, ok := s.cfg.Accounts.Account(account)
	return ok
}
