package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan/programme"
	"ewindow/registrar/echo"
	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/status"
)

// Times of a call to the echo.
const (
	echoTime = 2 * time.Minute
)

var (
	vNoEcho   = verdict{status: 480, reason: "The echo is switched off"}
	vEchoBusy = verdict{status: 486, reason: "Every place of the echo is taken"}
	vNotSDP   = verdict{status: 415, reason: "The echo reads application/sdp alone"}.with("Accept", sdpType).with("Accept-Encoding", "identity")
	vBadEvent = verdict{status: 489, reason: "The echo has no events"}
)

// echoOptions are what a request may require, as of a window: a call of two minutes outlives no session timer (RFC 4028),
// and the echo sends no provisional answers that it would have to repeat (RFC 3262).
var echoOptions = []string{"timer", "100rel"}

// echoCalls are the calls that end at this server itself: a user agent server (RFC 3261 §13.3) of one answer.
type echoCalls struct {
	media   *echo.Echo // nil: switched off
	gate    *gatekeeper
	site    *site
	wire    wire
	sender  sender
	answers *answerer
	keys    keyWatch
	work    *work
	ledger  *ledger
	log     *slog.Logger

	mu   sync.Mutex
	byID map[dialog.ID]*echoCall
}

// An echoCall is one of them. Its INVITE's handler owns it; others send it events.
type echoCall struct {
	half
	since time.Time
	media *echo.Session
	acked chan struct{} // closed by the first ACK
	ended chan struct{} // closed by a BYE
	ack   func()
	end   func()
	stop  context.CancelFunc // ends it from our side
	over  <-chan struct{}    // closed when it has ended, from whichever side

	mu      sync.Mutex // guards the order of the other side's requests, and what follows
	latest  uint32     // CSeq of the latest INVITE that has a 2xx
	unheard func()     // ends the wait for its ACK; nil if there is none, or it is the first INVITE
}

// find is the call that a request belongs to, if it is one of ours.
func (e *echoCalls) find(r *request) *echoCall {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byID[dialog.IDOf(r.Request)]
}

// invite answers a call to the echo, and sees it to its end.
func (e *echoCalls) invite(r *request) {
	if r.Method == sip.OPTIONS {
		e.answers.reply(r, vOK.with("Allow", allow).with("Accept", sdpType))
		return
	}
	tag := sip.GenerateTagN(16) // not the one of the 407 before: its ACK is not for this
	d := accept(r, r.account, tag)
	switch {
	case e.media == nil:
		e.answers.reply(r, vNoEcho)
		return
	case d.Target.Host == "":
		e.answers.reply(r, vBadContact)
		return
	}
	if v := notUnderstood(r); v.status != 0 {
		e.answers.reply(r, v)
		return
	}
	e.leave(r.account)
	media, sdp, err := e.describe(r)
	if err != nil {
		e.log.Info("the echo did not answer", "aor", r.account, "call_id", d.CallID, "err", err)
		e.answers.reply(r, echoRefusal(err))
		return
	}
	c := &echoCall{half: d, since: time.Now(), media: media, latest: r.CSeq().SeqNo, acked: make(chan struct{}), ended: make(chan struct{})}
	c.ack = sync.OnceFunc(func() { close(c.acked) })
	c.end = sync.OnceFunc(func() { close(c.ended) })
	ctx, stop := context.WithTimeout(context.Background(), echoTime)
	defer stop()
	c.stop, c.over = stop, ctx.Done()
	e.mu.Lock()
	e.byID[d.ID] = c
	e.mu.Unlock()
	if e.gate.changed(r) { // meanwhile: AccountChanged may not have seen it
		stop()
	}
	e.log.Info("the echo answers", "aor", r.account, "call_id", d.CallID)
	e.answers.counted(r.Method, sip.StatusOK)
	ok := e.withSDP(r, sdp)
	ok.To().Params.Add("tag", tag)
	e.run(ctx, r, c, ok)
	e.mu.Lock()
	delete(e.byID, d.ID)
	e.mu.Unlock()
	e.ledger.call(status.PastCall{Call: c.status(), Ended: time.Now(), Why: "the echo ended"})
	e.log.Info("the echo ended", "aor", r.account, "call_id", d.CallID, "flow", r.flow.Addr().String(), "media", c.media.Heard())
}

// describe makes a call of an INVITE, and the SDP of its 2xx: our answer, or our offer where the INVITE had none.
func (e *echoCalls) describe(r *request) (*echo.Session, []byte, error) {
	caller := e.caller(r)
	if len(r.Body()) == 0 {
		return e.media.Offer(caller)
	}
	return e.media.Answer(r.Body(), caller)
}

// leave ends the call that an account has here already: it has lost that one, or it would take everybody's place.
func (e *echoCalls) leave(account string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.byID {
		if c.account == account {
			c.media.Close()
			c.stop()
		}
	}
}

// run holds the call until one side ends it. The 2xx is repeated until its ACK comes, on any transport.
func (e *echoCalls) run(ctx context.Context, r *request, c *echoCall, ok *sip.Response) {
	var playing sync.WaitGroup
	playing.Go(func() { c.media.Run(ctx) })
	defer playing.Wait()
	defer c.stop()
	_ = r.tx.Respond(ok)
	e.wire.Taken(r.Request)
	lost := make(chan struct{})
	playing.Go(func() {
		if dialog.Repeat(func() { _ = r.tx.Respond(ok) }, c.acked, ctx.Done()) {
			close(lost)
		}
	})
	for {
		select {
		case ack := <-r.tx.Acks(): // a caller that gives it the branch of the INVITE (RFC 2543)
			if ack != nil && !e.keys.leaked(ack) {
				e.acked(c, ack)
			}
		case <-lost:
			e.bye(c)
			return
		case <-ctx.Done():
			e.bye(c)
			return
		case <-c.ended:
			return
		case <-e.work.over:
			return
		}
	}
}

// bye ends a call from our side.
func (e *echoCalls) bye(c *echoCall) {
	e.sender.tell(c.half, c.Next(sip.BYE))
}

// acked takes the ACK to a 2xx; that to a refusal, which has another number, says nothing. Where our 2xx had an offer it brings the answer (RFC 3264 §5); if that can't be used, a call that
// has not begun ends, and one that has goes on as it was.
func (e *echoCalls) acked(c *echoCall, ack *sip.Request) {
	if !c.heard(ack.CSeq().SeqNo) {
		return
	}
	if err := c.media.Accept(ack.Body()); err != nil && !errors.Is(err, echo.ErrNoOffer) {
		e.log.Info("an answer to the echo's offer cannot be used", "aor", c.account, "call_id", c.CallID, "err", err)
		if !c.media.Agreed() {
			c.stop()
		}
	}
	c.ack()
}

// heard notes that the latest 2xx to an INVITE has arrived, and says whether it is that one whose ACK has this number.
func (c *echoCall) heard(cseq uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cseq != c.latest {
		return false
	}
	if c.unheard != nil {
		c.unheard()
		c.unheard = nil
	}
	return true
}

// await is closed when the ACK for this 2xx comes, or another 2xx takes its place.
func (c *echoCall) await(cseq uint32) <-chan struct{} {
	acked := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unheard != nil {
		c.unheard()
	}
	c.latest, c.unheard = cseq, sync.OnceFunc(func() { close(acked) })
	return acked
}

// accept sends a 2xx within a call. That to an INVITE is repeated until its ACK comes; if none does, the call ends (RFC
// 3261 §13.3.1.4, §14.2).
func (e *echoCalls) accept(r *request, c *echoCall, ok *sip.Response) {
	if r.Method != sip.INVITE {
		e.answers.respond(r, ok) // lost, it is asked for by repeating the request, which finds the same answer
		return
	}
	acked := c.await(r.CSeq().SeqNo)
	e.answers.respond(r, ok)
	conn := r.tx.Connection()
	e.work.start(func() {
		if dialog.Repeat(func() { _ = conn.WriteMsg(ok) }, acked, c.over) {
			c.stop()
		}
	})
}

// within takes a request in one of these calls.
func (e *echoCalls) within(r *request, c *echoCall) {
	if r.IsAck() {
		e.acked(c, r.Request)
		return
	}
	if r.Method == sip.BYE { // who sends it knows both tags, and may have lost its secret
		e.answers.reply(r, vOK)
		c.end()
		return
	}
	switch v := e.gate.partner(r, c.account); {
	case v.status != 0:
		e.answers.reply(r, v)
	case bargains(r) && keysInClear(r.plan, r.account, r.flow):
		e.answers.reply(r, vMustWithin)
	case !c.inOrder(r.CSeq().SeqNo):
		e.answers.reply(r, verdict{status: 500, reason: "An older request came after a newer one"})
	case r.Method == sip.SUBSCRIBE:
		e.answers.reply(r, vBadEvent)
	case r.Method == sip.PRACK: // of what provisional answer? (RFC 3262 §3)
		e.answers.reply(r, vNoDialog)
	case r.Method != sip.INVITE && (r.Method != sip.UPDATE || len(r.Body()) == 0):
		e.answers.reply(r, vOK)
	case notUnderstood(r).status != 0:
		e.answers.reply(r, notUnderstood(r))
	default:
		c.media.From(r.flow.Addr())
		answer, err := c.describe(r.Body())
		if err != nil {
			e.answers.reply(r, echoRefusal(err))
			return
		}
		e.accept(r, c, e.withSDP(r, answer))
	}
}

// describe is the SDP of the 2xx to a later INVITE.
func (c *echoCall) describe(offer []byte) ([]byte, error) {
	if len(offer) == 0 {
		return c.media.Offer()
	}
	return c.media.Answer(offer)
}

// inOrder says whether a request is not older than the last: one that is repeated finds the same answer.
func (c *echoCall) inOrder(cseq uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Heard(cseq) != dialog.Late
}

const sdpType = "application/sdp"

// notUnderstood is the answer to an INVITE that asks for what the echo has not; status 0 if it does not.
func notUnderstood(r *request) verdict {
	if v := unknownOptions(r.Request, "Require", echoOptions...); v.status != 0 {
		return v
	}
	if len(r.Body()) > 0 && (!hasSDP(r) || header.Encoded(r)) {
		return vNotSDP
	}
	return verdict{}
}

func hasSDP(r *request) bool {
	return len(r.Body()) > 0 && header.MediaType(r) == sdpType
}

// withSDP is a 200 with an answer and our contact.
func (e *echoCalls) withSDP(r *request, answer []byte) *sip.Response {
	res := e.answers.response(r.Request, vOK.with("Contact", "<"+e.site.contactFor(r.flow, r.Recipient.Scheme == "sips")+">").with("Allow", allow).with("Content-Type", sdpType))
	res.SetBody(answer)
	return res
}

// caller is what the echo needs to know of a caller. Whom the plan lets do without SRTP may do so here.
func (e *echoCalls) caller(r *request) echo.Caller {
	var c echo.Caller
	if at, err := netip.ParseAddrPort(r.flow.Remote); err == nil {
		c.Peer = at.Addr()
	}
	c.Local, _ = netip.ParseAddr(e.site.address(r.flow))
	if e.site.hosts.advertise != "" {
		c.Public = resolve(e.site.hosts.advertise, c.Local)
	}
	if phone, ok := r.plan.Phone(r.account); ok {
		c.Plain = phone.Security == programme.None
	}
	return c
}

// resolve is the address of the host that the admin has given us to advertise, of the family by which the caller
// reaches us if there is one; invalid if there is none: no phone asks the DNS for what stands in SDP.
func resolve(host string, like netip.Addr) netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return a
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(found) == 0 {
		return netip.Addr{}
	}
	same := slices.IndexFunc(found, func(a netip.Addr) bool { return a.Unmap().Is4() == like.Unmap().Is4() })
	return found[max(same, 0)].Unmap()
}

func echoRefusal(err error) verdict {
	switch {
	case errors.Is(err, echo.ErrBusy):
		return vEchoBusy
	case errors.Is(err, echo.ErrPending):
		return verdict{status: 491, reason: "An offer of the echo is still unanswered"}
	case errors.Is(err, echo.ErrRefused):
		return verdict{status: 488, reason: header.Safe(strings.ReplaceAll(err.Error(), "\n", "; "))}
	}
	return vInternal
}
