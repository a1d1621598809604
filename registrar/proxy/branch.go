package proxy

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/stack"
)

// A branch is one callee of a fork: a client transaction, followed to its end.
type branch struct {
	f    *fork
	w    *forwarder
	h    hop
	find way // to the callee's next flow, if this one fails
	sent *sip.Request
	tx   *stack.ClientTx
	stop chan struct{} // closed by giveUp
	won  atomic.Bool   // the caller has this one's 2xx

	tried []location.Flow // of the callee, this one among them
	epoch uint64          // of the callee's account when it was asked, see epochs

	// Of the fork's owner:
	settled bool // a final answer has come, or never will
	stopped bool
}

// giveUp has the branch cancelled. If it is answered all the same the owner hears of it.
func (b *branch) giveUp() {
	if !b.stopped && !b.settled {
		b.stopped = true
		close(b.stop)
	}
}

// run follows the transaction. Answered, it lives on by itself: over UDP it acknowledges a repeated answer.
func (b *branch) run() {
	if !b.follow() {
		b.tx.Terminate()
	}
}

func (b *branch) follow() (answered bool) {
	timer := time.NewTimer(timerC)
	defer timer.Stop()
	silence := time.NewTimer(hush)
	defer silence.Stop()
	over, stop := b.f.over, b.stop
	rung, cancelling := false, false
	var why []string
	cancel := func(because []string) {
		if !cancelling {
			why = because
			if rung { // only after a provisional answer (RFC 3261 §9.1)
				b.w.sender.send(b.h.cancel(b.sent, why))
			}
		}
		cancelling = true
		timer.Reset(dialog.GiveUp) // for the answer to the CANCEL
	}
	for {
		select {
		case res := <-b.tx.Responses():
			switch err := unsound(res); {
			case err != nil && res.IsProvisional():
				b.w.wire.Taken(res)
			case err != nil:
				b.w.badAnswer(b.f.r, b.h, err)
				b.tell(event{b: b, v: vBadAnswer})
				b.w.wire.Taken(res)
				return true
			case !res.IsProvisional():
				b.final(res)
				return true
			case cancelling:
				if !rung {
					b.w.sender.send(b.h.cancel(b.sent, why))
				}
				rung = true
				b.w.wire.Taken(res)
			default:
				rung = true
				timer.Reset(timerC)
				b.tell(event{b: b, res: res})
			}
		case <-timer.C:
			b.tell(event{b: b, v: vTimeout})
			if cancelling {
				return false
			}
			cancel(nil)
		case <-silence.C:
			if !rung && !cancelling {
				b.tell(event{b: b})
			}
		case <-stop:
			stop = nil
			cancel(nil)
		case <-over:
			over = nil
			cancel(b.f.why)
		case <-b.tx.Done():
			b.tell(event{b: b, v: b.failure()})
			return false
		case <-b.w.work.over:
			return false
		}
	}
}

// final passes on the last answer. If the callee has accepted when nobody waits any more, its call is ended at once.
func (b *branch) final(res *sip.Response) {
	told := b.tell(event{b: b, res: res})
	if !res.IsSuccess() {
		return
	}
	if !told {
		b.release(res)
		return
	}
	select { // what is repeated comes by OnRetransmission
	case <-b.tx.Done():
	case <-b.f.r.tx.Done():
	case <-b.w.work.over:
	}
}

// tell reports to the owner of the fork, who says of an answer when it is taken; false if that does not listen any more.
func (b *branch) tell(e event) bool {
	select {
	case b.f.events <- e:
		return true
	case <-b.f.over:
		if e.res != nil {
			defer b.w.wire.Taken(e.res)
		}
		return false
	}
}

// failure is what it means that the transaction ended without an answer.
func (b *branch) failure() verdict {
	if errors.Is(b.tx.Err(), sip.ErrTransactionTimeout) {
		return vTimeout
	}
	return vFlowFailed
}

// release ends a call whose 2xx finds no caller. That of a re-INVITE is acknowledged, and the call goes on.
func (b *branch) release(res *sip.Response) {
	ack, bye := b.h.release(b.sent, res, sip.GenerateBranchN(16))
	_ = b.w.wire.Write(ack)
	if b.h.record {
		b.w.sender.send(bye)
	}
}
