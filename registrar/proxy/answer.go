package proxy

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/flow"
	"ewindow/registrar/signal/header"
)

// An answerer sends answers, our own and those of others, and counts them. It owns what is remembered of them for requests
// that come again.
type answerer struct {
	agent   string // the domain, for Warning
	seal    sealer
	counts  requestCounter
	repeats repeats
}

// A requestCounter counts final answers, by method.
type requestCounter interface {
	Request(method string, status int)
}

func newAnswerer(domain string, seal sealer, counts requestCounter) *answerer {
	return &answerer{agent: domain, seal: seal, counts: counts, repeats: repeats{answers: map[repeatKey][]byte{}}}
}

// counted notes a final answer. One that sipgo sends by itself has to be noted too.
func (a *answerer) counted(method sip.RequestMethod, status int) {
	a.counts.Request(string(method), status)
}

// response is v as an answer to req. Its tag is the same each time, so that a request may be answered without
// remembering it (RFC 3261 §8.2.7).
func (a *answerer) response(req *sip.Request, v verdict) *sip.Response {
	res := sip.NewResponseFromRequest(req, v.status, v.reason, nil)
	res.SipVersion = sipVersion // whatever the request claims
	if to := req.To(); to != nil && res.To() != nil && !to.Params.Has("tag") && v.status > 100 {
		res.To().Params.Add("tag", a.tag(req))
	}
	for _, h := range v.headers {
		res.AppendHeader(h)
	}
	if req.Transport() != flow.UDP { // there an answer may not be much longer than its request
		res.AppendHeader(sip.NewHeader("Server", "ewindow-registrar"))
	}
	return res
}

func (a *answerer) tag(req *sip.Request) string {
	var parts []string // whatever is there: the request may be malformed
	if req.From() != nil {
		parts = append(parts, header.FromTag(req))
	}
	if id := req.CallID(); id != nil {
		parts = append(parts, id.Value())
	}
	return a.seal.text("tag", parts...)
}

// reply answers without keeping the transaction.
func (a *answerer) reply(r *request, v verdict) {
	if r.account != "" {
		v = a.warned(v)
	}
	a.respond(r, a.response(r.Request, v))
}

// warned gives a refusal the header in which phones look for the reason, and keep it in their own logs. It is for those
// who have authenticated: a stranger is told no more than has to be.
func (a *answerer) warned(v verdict) verdict {
	if v.status < 400 {
		return v
	}
	return v.with("Warning", header.Warning(a.agent, v.reason))
}

// respond sends res without keeping the transaction, and remembers it for the time that r may come again.
func (a *answerer) respond(r *request, res *sip.Response) {
	a.counted(r.Method, res.StatusCode)
	if r.IsAck() {
		return
	}
	if key, ok := keyOf(r); ok && r.account != "" {
		a.repeats.note(key, []byte(res.String()), time.Now())
	}
	_ = r.tx.Connection().WriteMsg(res) // a peer that is gone needs none
}

// repeated answers a request that was answered before.
func (a *answerer) repeated(r *request) bool {
	key, ok := keyOf(r)
	if !ok {
		return false
	}
	answer := a.repeats.find(key)
	if answer == nil {
		return false
	}
	m, err := sip.ParseMessage(answer)
	res, is := m.(*sip.Response)
	if err != nil || !is {
		return false
	}
	way := sip.NewResponseFromRequest(r.Request, res.StatusCode, res.Reason, nil) // knows the way back (RFC 3261 §18.2.2)
	res.SetTransport(way.Transport())
	res.SetDestination(way.Destination())
	_ = r.tx.Connection().WriteMsg(res)
	return true
}

// answer sends v without keeping the transaction, which over UDP would cost 12 KB for 32 s each: a flood of requests
// leaves nothing behind. A repeated request gets the same answer again, and the ACK to a refused INVITE is dropped.
func (a *answerer) answer(req *sip.Request, tx *sip.ServerTx, v verdict) {
	a.counted(req.Method, v.status)
	if req.IsAck() {
		return
	}
	_ = tx.Connection().WriteMsg(a.response(req, v)) // a peer that is gone needs none
}

// conclude sends v within the transaction, after something has been sent in it already: to somebody who has authenticated.
func (a *answerer) conclude(req *sip.Request, tx *sip.ServerTx, v verdict) {
	a.counted(req.Method, v.status)
	_ = tx.Respond(a.response(req, a.warned(v)))
}

// pass sends an answer back, on the way that its request went.
func (a *answerer) pass(r *request, h hop, res *sip.Response) {
	if !res.IsProvisional() {
		a.counted(r.Method, res.StatusCode)
	}
	_ = r.tx.Respond(h.backward(r.Request, res))
}
