package proxy

import (
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// farewell is how long somebody who is cut off has to read that their calls have ended.
const farewell = 500 * time.Millisecond

var vRevoked = verdict{status: 403, reason: "The account has changed"}

// AccountChanged is told of an account that was made, removed, or given another secret. Whatever was begun before, by
// whoever had it, ends: calls with a BYE to both sides, registrations, subscriptions and connections. Windows whose
// partner has gone or come are sent their programme.
func (s *Server) AccountChanged(account string) {
	s.gate.epochs.note(account)
	s.ledger.note(account, "it was made, removed or changed", time.Now())
	cut := s.flows.Of(account) // also those that only called
	for _, d := range s.calls.of(account) {
		s.hangUp(d)
	}
	s.forks.revoke(account)
	s.echo.leave(account)
	for _, gone := range s.locations.DropAccount(account) {
		cut = append(cut, gone.Flow)
	}
	s.log.Info("an account was made, removed or changed", "aor", account, "connections_cut", len(cut))
	s.notifier.accountChanged(account)
	if len(cut) == 0 || !s.work.enter() {
		return
	}
	go func() {
		defer s.work.leave()
		select {
		case <-time.After(farewell):
		case <-s.work.over:
		}
		for _, f := range cut {
			s.flows.Drop(f)
		}
	}()
}

// hangUp ends a call between two others. Each side hears it as if the other had hung up.
func (s *Server) hangUp(d relayed) {
	s.over(d.callID, d.sides[0].RemoteTag, d.sides[1].RemoteTag, "an account of it has changed")
	for i, to := range d.sides {
		if to.Target.Host == "" {
			b, v := s.locate.reach(to.account, time.Now())
			if v.status != 0 || sip.ParseUri(b.Contact, &to.Target) != nil {
				continue
			}
		}
		f, ok := s.locate.peer(to.half)
		if !ok {
			continue
		}
		// The other side's next number. If it has sent nothing that we know of, any will do that is higher than it
		// could have come to by counting (RFC 3261 §12.2.2: below 2^31).
		seq := d.sides[1-i].cseq + 1
		if seq == 1 {
			seq = uint32(time.Now().Unix() & (1<<31 - 1))
		}
		bye := to.Request(sip.BYE, seq)
		bye.AppendHeader(sip.NewHeader("Reason", `SIP;cause=403;text="An account of this call has changed"`))
		s.sender.send(s.site.own(to.half, bye, f))
	}
	s.log.Info("call ended: an account of it has changed", "aor", d.sides[0].account, "callee", d.sides[1].account,
		"call_id", d.callID, "lasted", time.Since(d.since).Round(time.Second))
}

// forks are the INVITEs under way, by caller.
type forks struct {
	mu   sync.Mutex
	live map[*fork]struct{}
}

func (f *forks) enter(k *fork) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live[k] = struct{}{}
}

func (f *forks) leave(k *fork) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.live, k)
}

func (f *forks) revoke(caller string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.live {
		if k.caller == caller {
			k.revoke()
		}
	}
}
