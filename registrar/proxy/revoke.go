package proxy

import (
	"time"
)

// farewell is how long somebody who is cut off has to read that their calls have ended.
const farewell = 500 * time.Millisecond

var vRevoked = verdict{status: 403, reason: "The account has changed"}

// AccountChanged is told of an account that was made, removed, or given another secret. Whatever was begun before, by
// whoever had it, ends: calls with a BYE to both sides, registrations, subscriptions and connections. Windows whose
// partner has gone or come are sent their programme.
func (s *Server) AccountChanged(account string) {
	s.gate.epochs.note(account)
	s.ledger.note(account, "its account was made, removed or changed", time.Now())
	cut := s.flows.Of(account) // also those that only called
	s.calls.end(account)
	s.forward.forks.revoke(account)
	s.echo.leave(account)
	cut = append(cut, s.registrar.drop(account)...)
	s.registrar.told.keys.Keep(s.gate.exists)
	s.log.Info("an account was made, removed or changed", "aor", account, "connections_cut", len(cut))
	s.notifier.accountChanged(account)
	if len(cut) == 0 {
		return
	}
	s.work.start(func() {
		select {
		case <-time.After(farewell):
		case <-s.work.over:
		}
		for _, f := range cut {
			s.flows.Drop(f)
		}
	})
}
