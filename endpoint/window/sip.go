package window

import (
	"context"
	"net/netip"
	"time"

	"ewindow/endpoint/agent"
	"ewindow/endpoint/status"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/relays"
)

// userAgent is what the window asks of its SIP side.
type userAgent interface {
	// Run runs it until ctx ends, and tells what happens, in order: each thing one of the types below.
	Run(ctx context.Context, tell func(any)) error
	// LocalAddr is our address towards the others, for SDP.
	LocalAddr() netip.Addr
	// Invite calls an account with an SDP offer. When ctx ends first, the INVITE is cancelled.
	Invite(ctx context.Context, account string, offer []byte) (established, error)
	// Trickles asks an account whether it takes ways within a call. No answer is no.
	Trickles(ctx context.Context, account string) bool
}

// dialog is a call's SIP side.
type dialog interface {
	// Reinvite makes an offer within the call and returns the answer.
	Reinvite(ctx context.Context, offer []byte) ([]byte, error)
	// Probe asks within the call whether the other side is still there. A 481 or a 408 ends the call.
	Probe() error
	// Report tells the registrar whether media comes.
	Report(ctx context.Context, comes bool) error
	// Vouch tells the other side that its key is confirmed here, with a proof.
	Vouch(ctx context.Context, proof string) error
	// Trickle tells the other side further ways, if Trickles says that it takes them.
	Trickle(ctx context.Context, fragment []byte) error
	Trickles() bool
	// Bye ends the call, whatever it has come to, for a reason that the other side may show.
	Bye(reason string)
	// Whence is where the other side's latest offer or answer came from, and where we are, as the registrar sees both; invalid
	// if it does not say.
	Whence() (theirs, ours netip.Addr)
	// Over says whether the call has ended, and why. Its end is told too, but may be told before our INVITE returns.
	Over() (reason string, over bool)
}

// established is what a 2xx to our INVITE brought.
type established struct {
	dialog dialog
	callID string
	answer []byte // SDP
}

// What the SIP side tells.
type (
	registration struct{ err error }         // nil: registered
	waysCame     struct{ ways []status.Way } // to the registrar, where there are two
	planCame     struct{ body []byte }
	relaysCame   struct{ relays *relays.Relays } // nil: there are none any more
	invitation   struct {                        // an INVITE outside a dialog: answer or reject it, once
		dialog dialog
		callID string
		from   string // account
		offer  []byte // SDP; nil: answer with an offer, lateAnswer follows
		answer func(ctx context.Context, sdp []byte) error
		reject func(status int, reason string, retryAfter time.Duration)
	}
	reoffer struct { // an offer within a call: answer or reject it, once
		dialog dialog
		offer  []byte // SDP; nil: answer with an offer, lateAnswer follows
		answer func(sdp []byte) error
		reject func(status int, reason string)
	}
	lateAnswer struct { // to an offer in a 2xx of ours, or to one whose sender had given up waiting
		dialog dialog
		sdp    []byte
	}
	vouchCame struct {
		dialog dialog
		proof  string
	}
	pictureWanted struct{ dialog dialog } // an INFO asks for a keyframe (RFC 5168)
	ended         struct {
		dialog dialog
		reason string
	}
)

// sipAgent is the agent as a userAgent.
type sipAgent struct{ *agent.Agent }

func (a sipAgent) Run(ctx context.Context, tell func(any)) error {
	told := make(chan struct{})
	go func() {
		defer close(told)
		for e := range a.Events() {
			if m := translate(e); m != nil {
				tell(m)
			}
		}
	}()
	err := a.Agent.Run(ctx) // closes its events
	<-told
	return err
}

func (a sipAgent) Invite(ctx context.Context, account string, offer []byte) (established, error) {
	call, answer, err := a.Agent.Invite(ctx, account, offer)
	if err != nil {
		return established{}, err
	}
	return established{call, call.ID(), answer}, nil
}

// translate puts an event of the agent in the window's words; nil for one that the window does not need.
func translate(e agent.Event) any {
	switch e := e.(type) {
	case agent.Online:
		return registration{}
	case agent.Offline:
		return registration{e.Err}
	case agent.Ways:
		var ways []status.Way
		for _, w := range e.Ways {
			way := status.Way{Registrar: w.Registrar, Online: w.Online, Since: w.Since}
			if w.Err != nil {
				way.Why = w.Err.Error()
			}
			ways = append(ways, way)
		}
		return waysCame{ways}
	case agent.Programme:
		return planCame{e.Body}
	case agent.Relays:
		return relaysCame{e.Relays}
	case agent.Invitation:
		return invitation{
			dialog: e.Call, callID: e.Call.ID(), from: e.From, offer: e.Offer, answer: e.Call.Answer,
			reject: func(status int, reason string, retryAfterwards time.Duration) {
				e.Call.Reject(status, reason, retryAfter(retryAfterwards)...)
			},
		}
	case agent.Reoffer:
		return reoffer{e.Call, e.Offer, e.Answer, e.Reject}
	case agent.LateAnswer:
		return lateAnswer{e.Call, e.SDP}
	case agent.Info:
		if e.ContentType == header.VouchType {
			return vouchCame{e.Call, string(e.Body)}
		}
		if e.ContentType == header.TrickleType {
			return trickleCame{e.Call, e.Body}
		}
		if wantsPicture(e.Body) {
			return pictureWanted{e.Call}
		}
	case agent.Ended:
		return ended{e.Call, e.Reason}
	}
	return nil
}
