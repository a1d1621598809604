package proxy

import (
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/validate"
)

// Times of a forwarded INVITE.
const (
	timerC   = 3 * time.Minute  // for a final answer after the last provisional one (RFC 3261 §16.6 step 11)
	ringTime = 20 * time.Second // for one of a group, before the next one is tried
	hush     = 3 * time.Second  // for any answer, where the callee has another flow; a window says 100 at once
	maxTries = 500              // provisional answers that are passed on; then they are swallowed
)

// answeredElsewhere is why the others of a group are not called any more: their phones list no missed call (RFC 3326 §3.1).
const answeredElsewhere = `SIP;cause=200;text="Call completed elsewhere"`

// A way is found when its turn comes: meanwhile a callee may have registered, or gone. But who is called, and what has to
// be true of the way there, stays as the plan said when the INVITE came, however long it rings (registrar/README.md, 6).
// tried are flows by which this request has failed, or gets no answer: the way is another one to the same device (RFC 5626 §5.3).
type way func(tried []location.Flow) (hop, verdict)

// A fork is one INVITE and everywhere it was forwarded to: the response context of RFC 3261 §16.7. It has one owner,
// run; each branch follows its client transaction in a goroutine of its own and tells the owner.
//
//	caller ── INVITE ──▶ fork ──▶ branch ──▶ callee       all: every way at once
//	       ◀─ the best ─      ◀── event ◀──               otherwise one after the other
type fork struct {
	w         *forwarder
	r         *request
	caller    string
	ways      []way // not tried yet
	all       bool
	events    chan event    // of the branches
	over      chan struct{} // closed when nobody waits for an answer any more: branches cancel
	why       []string      // Reason headers of these CANCELs; written before over is closed
	cancelled chan struct{} // closed by a CANCEL from the caller, who then has had its 487 from sipgo
	said      []string      // Reason headers of that CANCEL
	revoked   chan struct{} // closed by revoke: the caller's account has changed
	revoke    func()
	running   sync.WaitGroup

	// Of the owner alone:
	branches []*branch
	waiting  int // branches without a final answer
	ring     *time.Timer
	tries    int
	best     best
}

// An event is what became of a branch: an answer, or a verdict of our own if none can come any more; neither says that none has
// come so far.
type event struct {
	b   *branch
	res *sip.Response
	v   verdict
}

// fork forwards an INVITE to the first free one of some ways, or to all of them, and passes back the answers.
func (w *forwarder) fork(r *request, caller string, ways []way, all bool) {
	if !w.busy.enter(caller) {
		w.answers.reply(r, vOverload.with("Retry-After", "5"))
		return
	}
	defer w.busy.leave(caller)
	f := &fork{
		w: w, r: r, caller: caller, ways: ways, all: all, events: make(chan event),
		over: make(chan struct{}), cancelled: make(chan struct{}), revoked: make(chan struct{}), ring: time.NewTimer(timerC),
	}
	f.revoke = sync.OnceFunc(func() { close(f.revoked) })
	w.forks.enter(f)
	defer w.forks.leave(f)
	// Told under the lock of the transaction's state machine: note it, no more.
	var once sync.Once
	if !r.tx.OnCancel(func(cancel *sip.Request) {
		once.Do(func() {
			f.said = reasons(cancel)
			close(f.cancelled)
		})
	}) {
		return
	}
	_ = r.tx.Respond(w.answers.response(r.Request, verdict{status: 100, reason: "Trying"}))
	f.run()
}

// run owns the fork until the last branch has ended.
func (f *fork) run() {
	defer f.running.Wait()
	end := sync.OnceFunc(func() { close(f.over) })
	defer end()
	defer f.ring.Stop()
	f.advance()
	f.w.wire.Taken(f.r.Request)
	for f.waiting > 0 {
		select {
		case e := <-f.events:
			answered := f.take(e)
			if e.res != nil {
				f.w.wire.Taken(e.res)
			}
			if answered {
				f.why = []string{answeredElsewhere}
				end()
				f.established(e.b)
				return
			}
		case <-f.ring.C:
			if len(f.ways) > 0 {
				f.branches[len(f.branches)-1].giveUp()
				f.advance()
			}
		case <-f.cancelled:
			f.w.answers.counted(f.r.Method, sip.StatusRequestTerminated)
			f.w.ledger.refused(f.r, f.caller, f.callee(), vCancelled)
			f.why = f.said
			return
		case <-f.revoked:
			f.w.answers.conclude(f.r.Request, f.r.tx, vRevoked)
			return
		case <-f.r.tx.Done(): // the caller's connection has ended
			return
		case <-f.w.work.over:
			return
		}
	}
	f.w.ledger.refused(f.r, f.caller, f.callee(), f.best.verdict())
	f.best.answer(f.w.answers, f.r)
}

// reasons are the Reason headers of a CANCEL, which go on with the CANCELs that it causes (RFC 3326 §2).
func reasons(cancel *sip.Request) (values []string) {
	if validate.Request(cancel) != nil {
		return nil
	}
	for _, h := range cancel.GetHeaders("Reason") {
		values = append(values, h.Value())
	}
	return values
}

// callee is the account that was called last.
func (f *fork) callee() string {
	if len(f.branches) == 0 {
		return header.Dialled(&f.r.Recipient)
	}
	return f.branches[len(f.branches)-1].h.out.account
}

// advance forwards the INVITE to the next that can be reached, or to all that can.
func (f *fork) advance() {
	for len(f.ways) > 0 {
		find := f.ways[0]
		f.ways = f.ways[1:]
		if v := f.send(find, nil); v.status != 0 {
			f.best.note(nil, v)
			continue
		}
		if !f.all {
			break
		}
	}
	f.ring.Reset(ringTime)
}

// send forwards the INVITE by the first of a callee's flows that takes it and was not tried before.
func (f *fork) send(find way, tried []location.Flow) verdict {
	h, v := find(tried)
	if v.status != 0 {
		return v
	}
	tried = append(slices.Clip(tried), h.out.flow)
	b := &branch{f: f, w: f.w, h: h, find: find, tried: tried, sent: h.forward(f.r.Request), stop: make(chan struct{}), epoch: f.w.epochs.of(h.out.account)}
	tx, err := f.w.wire.Request(b.sent)
	if err != nil {
		f.w.cannotForward(f.r, h, err)
		if f.send(find, tried).status == 0 {
			return verdict{}
		}
		return vFlowFailed
	}
	b.tx = tx
	// A repeated 2xx comes this way, and goes all the way: its ACK does too.
	tx.OnRetransmission(func(res *sip.Response) {
		if res.IsSuccess() && b.won.Load() {
			_ = f.r.tx.Respond(b.h.backward(f.r.Request, res))
		}
	})
	f.branches = append(f.branches, b)
	f.waiting++
	f.running.Go(b.run)
	return verdict{}
}

// take deals with what became of a branch, and says whether the call was answered.
//
// One thing differs from RFC 3261 §16.7: a second 2xx, of a callee that answered at the same moment as another, is
// not passed on but ended at once. Many phones do not know what to do with it, and whoever answered is who was called.
func (f *fork) take(e event) (answered bool) {
	switch {
	case e.res == nil && e.v.status == 0:
		if !e.b.stopped && f.send(e.b.find, e.b.tried).status == 0 {
			f.w.log.Info("no answer by a flow of the callee: the next one is tried", "aor", f.caller, "callee", e.b.h.out.account, "call_id", f.r.CallID().Value())
			e.b.giveUp()
			e.b.settled = true // nobody waits for it; if it is answered all the same, that counts
			f.waiting--
		}
		return false
	case e.res != nil && f.w.keys.leaks(e.res, f.r.flow):
		if e.res.IsProvisional() {
			return false
		}
		if e.res.IsSuccess() {
			e.b.release(e.res)
		}
		f.w.log.Info("the answer carries keys in clear: it is not passed on", "aor", f.caller, "callee", e.b.h.out.account, "call_id", f.r.CallID().Value())
		e.res, e.v = nil, vAnswerKeys
	case e.res != nil && e.res.IsProvisional():
		if f.tries++; e.res.StatusCode > 100 && f.tries < maxTries && !e.b.settled {
			f.w.answers.pass(f.r, e.b.h, e.res)
		}
		return false
	case e.res != nil && e.res.IsSuccess():
		if f.late() {
			e.b.release(e.res)
			e.res, e.v = nil, vTimeout
			break
		}
		e.b.won.Store(true)
		f.w.answers.pass(f.r, e.b.h, e.res)
		f.accepted(e.b, e.res)
		return true
	}
	if e.b.settled {
		return false
	}
	e.b.settled = true
	f.waiting--
	if !e.b.stopped && e.flowFailed() && f.send(e.b.find, e.b.tried).status == 0 {
		return false
	}
	if e.b.stopped {
		e.res, e.v = nil, vTimeout // its 487 is the answer to our CANCEL
	}
	f.best.note(e.res, e.v)
	if e.res != nil && e.res.StatusCode >= 600 { // nobody else is to be disturbed (§16.7 step 5)
		f.ways = nil
		for _, b := range f.branches {
			b.giveUp()
		}
	}
	if !f.all && e.b == f.branches[len(f.branches)-1] {
		f.advance()
	}
	return false
}

// flowFailed says whether it was the way to the callee that failed, and nobody has heard the INVITE as far as can be known.
func (e event) flowFailed() bool {
	return e.res == nil && e.v.status == vFlowFailed.status || e.res != nil && e.res.StatusCode == vFlowFailed.status
}

// late says whether the caller does not wait for an answer any more.
func (f *fork) late() bool {
	select {
	case <-f.cancelled:
		return true
	case <-f.r.tx.Done():
		return true
	default:
		return false
	}
}

// accepted notes that a call is up. If the account of either side has changed since it was asked, or a
// probation keeps the two apart by now, it ends at once.
func (f *fork) accepted(b *branch, res *sip.Response) {
	if !b.h.record {
		return // a re-INVITE
	}
	from, to, id := f.caller, b.h.out.account, f.r.CallID().Value()
	f.w.log.Info("call answered", "aor", from, "callee", to, "call_id", id)
	d := answered(f.r, b, res)
	f.w.calls.add(d)
	if f.w.epochs.of(from) != f.r.epoch || f.w.epochs.of(to) != b.epoch {
		f.w.calls.hangUp(*d, changedAccount)
	} else if why := f.w.plan().Apart(from, to); why != "" {
		f.w.calls.hangUp(*d, why)
	}
}

// established passes on what still comes after a 2xx, for as long as the callee may repeat it: the repetitions by
// OnRetransmission, and the ACK of a caller that gives it the branch of the INVITE (RFC 2543).
func (f *fork) established(b *branch) {
	for {
		select {
		case ack := <-f.r.tx.Acks():
			if validate.Request(ack) == nil && !f.w.keys.leaked(ack) {
				a := &request{Request: ack, tx: f.r.tx, flow: f.r.flow, plan: f.r.plan}
				f.w.site.readRoute(a)
				f.w.ack(a)
			}
		case <-b.tx.Done():
			return
		case <-f.r.tx.Done():
			return
		case <-f.w.work.over:
			return
		}
	}
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
