package agent

import (
	"errors"
	"testing"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// Whether the other side is still there is asked by UPDATE where it allows that, otherwise by a re-INVITE that changes
// nothing; a 481 ends the call.
func TestProbe(t *testing.T) {
	for allow, method := range map[string]sip.RequestMethod{"INVITE, UPDATE, BYE": sip.UPDATE, "INVITE, BYE": sip.INVITE} {
		simulate(t, func(t *testing.T, l *lab) {
			c, _ := l.answered("Allow", allow)
			ask := func(code int) error {
				done := async(c.Probe)
				req := l.gets(method)
				if method == sip.INVITE && string(req.Body()) != answer1 || method == sip.UPDATE && len(req.Body()) > 0 {
					t.Errorf("%s with\n%s", method, req.Body())
				}
				body := ""
				if code == 200 && method == sip.INVITE {
					body = offer1
				}
				l.reply(req, code, "", body)
				if method == sip.INVITE {
					l.gets(sip.ACK)
				}
				return <-done
			}
			if err := ask(200); err != nil {
				t.Errorf("%s: %v", method, err)
			}
			var status *StatusError
			if err := ask(488); !errors.As(err, &status) || status.Code != 488 {
				t.Errorf("%s: %v", method, err)
			}
			if _, over := c.Over(); over {
				t.Errorf("%s: a 488 ended the call", method)
			}
			_ = ask(481)
			expect[Ended](l)
		})
	}
}

// What the registrar is told of the line.
func TestReport(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		for comes, want := range map[bool]string{true: header.LineUp, false: header.LineDown} {
			done := async(func() error { return c.Report(t.Context(), comes) })
			req := l.gets(sip.INFO)
			if string(req.Body()) != want || header.First(req, "Content-Type") != header.LineType {
				t.Errorf("%v: %s", comes, req)
			}
			l.reply(req, 200, "", "")
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
