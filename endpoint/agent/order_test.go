package agent

import (
	"context"
	"testing"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

// rounds is how often a sequence of messages that came in one piece has to be taken in its order.
const rounds = 20

// A caller hangs up at once: the CANCEL is right behind the INVITE.
func TestCancelBehindInvite(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		for range rounds {
			text := request("INVITE", l.agent.contact.String(), nil, offer1)
			m, err := sip.ParseMessage([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			l.send(text + dialog.Cancel(m.(*sip.Request)).String())
			in := expect[Invitation](l)
			l.answers(200) // to the CANCEL
			l.answers(487)
			if e := expect[Ended](l); e.Call != in.Call || e.Reason != "the caller gave up" {
				t.Errorf("%+v", e)
			}
			l.send(request("ACK", l.agent.contact.String(), map[string]string{
				"Via": header.First(m, "Via"), "Call-ID": header.First(m, "Call-ID"), "CSeq": "1 ACK"}, ""))
		}
		l.gone()
	})
}

// The other side answers and hangs up at once: the BYE is right behind its 200.
func TestByeBehindAnswer(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		for range rounds {
			done := async(func() error { _, _, err := l.agent.Invite(context.Background(), "munich", []byte(offer1)); return err })
			invite := l.gets(sip.INVITE)
			res := sip.NewResponseFromRequest(invite, 200, "OK", []byte(answer1))
			res.To().Params.Add("tag", "them")
			res.AppendHeader(sip.NewHeader("Contact", "<sip:munich@far.invalid;transport=tls>"))
			res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
			ringing := sip.NewResponseFromRequest(invite, 180, "Ringing", nil)
			ringing.To().Params.Add("tag", "them")
			bye := request("BYE", l.agent.contact.String(), map[string]string{
				"From": header.First(res, "To"), "To": header.First(res, "From"), "Call-ID": header.First(res, "Call-ID"), "CSeq": "1 BYE"}, "")
			l.send(ringing.String() + res.String() + bye)
			l.gets(sip.ACK)
			l.answers(200)
			if err := <-done; err != nil {
				t.Error(err)
			}
			if e := expect[Ended](l); e.Reason != "the other side hung up" {
				t.Errorf("%+v", e)
			}
		}
		l.gone()
	})
}

// What comes right behind the ACK finds the call as the ACK left it.
func TestRequestsBehindAck(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		for range rounds {
			_, in := l.rings(offer1)
			done := async(func() error { return in.Call.Answer(context.Background(), []byte(answer1)) })
			res := l.answers(200)
			l.send(l.within(res, "ACK", 1, "") + l.within(res, "INVITE", 2, offer1) + l.within(res, "INFO", 3, "") + l.within(res, "BYE", 4, ""))
			if err := <-done; err != nil {
				t.Error(err)
			}
			for _, method := range []sip.RequestMethod{sip.INVITE, sip.INFO, sip.BYE} {
				if res := l.answers(200); res.CSeq().MethodName != method {
					t.Errorf("answer to %s, want to %s", res.CSeq().MethodName, method)
				}
			}
			expect[Ended](l)
		}
		l.gone()
	})
}
