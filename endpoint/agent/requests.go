package agent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/validate"
)

// extensions are the option tags that a request may require of us (RFC 3261 §8.2.2.3). Reliable provisional answers (RFC
// 3262) are easy to promise: none is sent but 100, which is not meant.
var extensions = []string{"timer", "100rel"}

// handle is where every request comes in, each in a goroutine of its own. Its return ends the transaction; the next
// message waits for that, or for Taken.
func (a *Agent) handle(req *sip.Request, tx *sip.ServerTx) {
	if !a.enter() {
		return
	}
	defer a.jobs.Done()
	if p := validate.Request(req); p != nil {
		a.log.Debug("malformed request", "method", req.Method, "err", p)
		if p.Status != 0 && !req.IsAck() {
			respond(tx, a.refuse(req, p.Status, p.Reason))
		}
		return
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	default:
		if !req.IsAck() {
			respond(tx, a.retryLater(req))
		}
		return
	}
	if res := a.refusal(req); res != nil {
		respond(tx, res)
		return
	}
	switch req.Method {
	case sip.CANCEL: // those that find their INVITE do not come here
		respond(tx, a.refuse(req, sip.StatusCallTransactionDoesNotExists, "there is no INVITE to cancel"))
	case sip.NOTIFY:
		a.notified(req, tx)
	default:
		a.route(req, tx)
	}
}

// refusal is the response to a request that we can't deal with, whatever it is about, or nil.
func (a *Agent) refusal(req *sip.Request) *sip.Response {
	switch req.Method {
	case sip.ACK, sip.CANCEL:
		return nil
	case sip.INVITE, sip.BYE, sip.OPTIONS, sip.INFO, sip.UPDATE, sip.NOTIFY:
	default:
		res := a.refuse(req, sip.StatusMethodNotAllowed, fmt.Sprintf("a window does nothing for %s", req.Method))
		res.AppendHeader(sip.NewHeader("Allow", allowed))
		return res
	}
	if unknown := header.Unknown(req, "Require", extensions...); unknown != nil {
		res := a.refuse(req, sip.StatusBadExtension, "a window does not know "+strings.Join(unknown, ", "))
		for _, tag := range unknown {
			res.AppendHeader(sip.NewHeader("Unsupported", tag))
		}
		return res
	}
	if res := a.badInfo(req); res != nil {
		return res
	}
	if what := unreadable(req); what != "" {
		res := a.refuse(req, sip.StatusUnsupportedMediaType, "a window does not read "+what)
		accept := sdpType
		if req.Method == sip.INFO {
			accept = controlType
		}
		res.AppendHeader(sip.NewHeader("Accept", accept))
		res.AppendHeader(sip.NewHeader("Accept-Encoding", "identity"))
		return res
	}
	return nil
}

// unreadable is what makes the request's body one that we cannot read: its encoding or type. "" if we can.
func unreadable(req *sip.Request) string {
	if len(req.Body()) == 0 {
		return ""
	}
	if header.Encoded(req) {
		return header.First(req, "Content-Encoding")
	}
	read := []string{sdpType}
	switch req.Method {
	case sip.INVITE, sip.UPDATE:
	case sip.INFO:
		read = []string{controlType, header.VouchType, header.TrickleType, "application/dtmf-relay", "application/dtmf"}
	default:
		return ""
	}
	switch is := header.MediaType(req); {
	case slices.Contains(read, is):
		return ""
	case is == "":
		return "a body without a Content-Type"
	default:
		return is
	}
}

// route gives a request to its call.
func (a *Agent) route(req *sip.Request, tx *sip.ServerTx) {
	if header.ToTag(req) == "" {
		switch req.Method {
		case sip.INVITE:
			a.invited(req, tx)
			return
		case sip.OPTIONS:
			respond(tx, a.capabilities(req))
			return
		}
	}
	c := a.findCall(req)
	switch {
	case req.IsAck():
		if c != nil {
			c.acknowledged(req)
		}
		return
	case c == nil:
		respond(tx, a.refuse(req, sip.StatusCallTransactionDoesNotExists, noCall))
		return
	}
	c.mu.Lock()
	inOrder := c.dialog.Heard(req.CSeq().SeqNo) == dialog.Next
	c.mu.Unlock()
	switch {
	case req.Method == sip.BYE: // whatever its number: who sends it has left the call
		c.byeCame(req, tx)
	case !inOrder:
		respond(tx, a.refuse(req, sip.StatusInternalServerError, "Out of Order"))
	case req.Method == sip.INVITE:
		c.reinvited(req, tx)
	case req.Method == sip.UPDATE:
		c.updated(req, tx)
	case req.Method == sip.OPTIONS:
		respond(tx, a.capabilities(req))
	case req.Method == sip.INFO:
		c.infoCame(req, tx)
	}
}

// byeCame handles a BYE.
func (c *Call) byeCame(req *sip.Request, tx *sip.ServerTx) {
	respond(tx, reply(req, sip.StatusOK, "OK"))
	c.mu.Lock()
	w := c.unacked
	c.mu.Unlock()
	if w != nil {
		w.end(true) // who says BYE has our 2xx
	}
	reason := "the other side hung up"
	if text := header.ReasonText(header.First(req, "Reason")); text != "" {
		reason += ": " + text
	}
	if _, first := c.finish(reason); first {
		c.a.forget(c)
	}
}

// infoCame handles an INFO.
func (c *Call) infoCame(req *sip.Request, tx *sip.ServerTx) {
	if b := header.Body(req); b != nil && !c.a.events.put(Info{Call: c, ContentType: header.MediaType(req), Body: b}) {
		respond(tx, c.a.retryLater(req))
		return
	}
	respond(tx, reply(req, sip.StatusOK, "OK"))
}

// capabilities is the 200 to OPTIONS (RFC 3261 §11.2).
func (a *Agent) capabilities(req *sip.Request) *sip.Response {
	res := reply(req, sip.StatusOK, "OK")
	a.addContact(res, &req.Recipient)
	a.addAgent(res)
	for _, h := range [][2]string{
		{"Allow", allowed}, {"Accept", sdpType + ", " + controlType}, {"Accept-Encoding", "identity"},
		{"Accept-Language", "en"}, {"Supported", supported},
	} {
		res.AppendHeader(sip.NewHeader(h[0], h[1]))
	}
	receives(res)
	return res
}

// merged says whether an INVITE reaches us a second time, by another way (RFC 3261 §8.2.2.2).
func (a *Agent) merged(d dialog.Dialog) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, c := range a.calls {
		if key.callID == d.CallID && !c.ours && c.dialog.RemoteTag == d.RemoteTag {
			return true
		}
	}
	return false
}

// reply makes a response that is no refusal: for one there is refuse. The phrase may be anything.
func reply(req *sip.Request, code int, reason string) *sip.Response {
	return sip.NewResponseFromRequest(req, code, header.Safe(reason), nil)
}

// phrases are those of refusals whose reason is a sentence: that stands in the Warning alone, since phrases go on screens.
var phrases = map[int]string{
	sip.StatusMethodNotAllowed:             "Method Not Allowed",
	sip.StatusUnsupportedMediaType:         "Unsupported Media Type",
	sip.StatusBadExtension:                 "Bad Extension",
	statusIntervalTooSmall:                 "Session Interval Too Small",
	sip.StatusCallTransactionDoesNotExists: "Call/Transaction Does Not Exist",
	sip.StatusLoopDetected:                 "Loop Detected",
	sip.StatusNotAcceptableHere:            "Not Acceptable Here",
	statusBadEvent:                         "Bad Event",
	statusBadInfoPackage:                   "Bad Info Package",
	sip.StatusRequestEntityTooLarge:        "Request Entity Too Large",
	sip.StatusRequestPending:               "Request Pending",
}

const (
	statusIntervalTooSmall = 422 // RFC 4028 §6
	statusBadEvent         = 489 // RFC 6665 §8.3.2
)

// noCall is why a 481 is said to requests of a dialog.
const noCall = "there is no such call here any more"

// refuse makes the response to a request that is refused, whichever it is: the reason is in a Warning, too, which is where
// phones look for it (RFC 3261 §20.43). The registrar lets nobody come here that has not authenticated.
func (a *Agent) refuse(req *sip.Request, code int, reason string) *sip.Response {
	phrase, ok := phrases[code]
	if !ok {
		phrase = reason
	}
	if reason == "" {
		reason = phrase
	}
	res := reply(req, code, phrase)
	res.AppendHeader(sip.NewHeader("Warning", header.Warning(a.cfg.Space, reason)))
	return res
}

// retryLater is the response of somebody who has too much to do.
func (a *Agent) retryLater(req *sip.Request) *sip.Response {
	res := a.refuse(req, sip.StatusServiceUnavailable, "Too Busy")
	res.AppendHeader(sip.NewHeader("Retry-After", "5"))
	return res
}

// respond sends a response. If it does not get out, the other side asks again.
func respond(tx *sip.ServerTx, res *sip.Response) { _ = tx.Respond(res) }

// tagged puts our tag of the call into a response.
func (c *Call) tagged(res *sip.Response) *sip.Response {
	res.To().Params.Add("tag", c.dialog.LocalTag)
	return res
}
