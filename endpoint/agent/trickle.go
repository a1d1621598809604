package agent

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

// Candidates of ICE that follow offer and answer (RFC 8840). What is in them is not for here: they are as opaque as SDP.

const (
	statusBadInfoPackage = 469 // RFC 6086 §4.2.2

	maxInfo = 32 << 10 // bytes of the body of an INFO
)

// takesTrickle says whether whoever wrote a message takes such INFOs.
func takesTrickle(m sip.Message) bool {
	return header.Lists(m, "Supported", header.TrickleTag) && header.Lists(m, header.RecvInfo, header.TricklePackage)
}

// receives says which INFOs of a package we take (RFC 6086 §4.1).
func receives(m interface{ AppendHeader(sip.Header) }) {
	m.AppendHeader(sip.NewHeader(header.RecvInfo, header.TricklePackage))
}

// badInfo is the response to an INFO that we do not take, or nil.
func (a *Agent) badInfo(req *sip.Request) *sip.Response {
	if req.Method != sip.INFO {
		return nil
	}
	if n := len(req.Body()); n > maxInfo {
		return a.refuse(req, sip.StatusRequestEntityTooLarge, fmt.Sprintf("%d bytes in an INFO, at most %d are read", n, maxInfo))
	}
	if p := header.Word(header.First(req, header.InfoPackage)); p != "" && p != header.TricklePackage {
		res := a.refuse(req, statusBadInfoPackage, "a window does not take INFOs of the package "+header.Safe(p))
		receives(res)
		return res
	}
	return nil
}

// Trickles says whether the other side takes candidates within the call, by its latest offer or answer.
func (c *Call) Trickles() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trickles
}

// Trickle tells the other side further candidates: a piece of SDP. The call has to be confirmed (RFC 8840 §4.2), and the other side to
// take that. It returns when it was accepted. Errors: as for Reinvite.
func (c *Call) Trickle(ctx context.Context, fragment []byte) error {
	if !c.a.enter() {
		return ErrOffline
	}
	defer c.a.jobs.Done()
	_, err := c.ask(ctx, sip.INFO, func(req *sip.Request) {
		req.AppendHeader(sip.NewHeader(header.InfoPackage, header.TricklePackage))
		req.AppendHeader(sip.NewHeader("Content-Disposition", "Info-Package"))
		header.SetBody(req, header.TrickleType, fragment)
	})
	return err
}

// Trickles asks an account, before it is called, whether it takes candidates later (RFC 8840 §5.2): who calls has to know before its
// offer goes out with a part of them. No answer is no.
func (a *Agent) Trickles(ctx context.Context, account string) bool {
	uri, err := a.peerURI(account)
	if err != nil || !a.enter() {
		return false
	}
	defer a.jobs.Done()
	f := a.currentFlow()
	if f == nil || !f.alive() {
		return false
	}
	ctx, cancel := within(ctx, dialog.GiveUp)
	defer cancel()
	d := a.newDialog(uri, uri)
	_, res, err := a.exchange(ctx, f, false, func() *sip.Request {
		req := a.request(&d, sip.OPTIONS)
		req.AppendHeader(sip.NewHeader("Accept", sdpType))
		return req
	}, a.transact)
	if err != nil {
		return false
	}
	defer a.stack.Taken(res)
	return res.IsSuccess() && takesTrickle(res)
}
