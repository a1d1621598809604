package agent

import (
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// The caller asks for a session timer and refreshes itself, until it does not any more.
func TestSessionRefreshedByCaller(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		_, res := l.answered("Session-Expires", "120", "Supported", "timer")
		if se := header.First(res, "Session-Expires"); se != "120;refresher=uac" || header.First(res, "Require") != "timer" {
			t.Errorf("%s", res)
		}
		for seq := 2; seq < 10; seq++ {
			time.Sleep(60 * time.Second)
			l.send(l.within(res, "UPDATE", seq, "", "Session-Expires", "120;refresher=uac", "Supported", "timer"))
			l.answers(200)
		}
		begun := time.Now()
		bye := l.gets(sip.BYE)
		if took := time.Since(begun); took != 88*time.Second {
			t.Errorf("BYE after %v, want 88 s", took)
		}
		l.reply(bye, 200, "", "")
		if e := expect[Ended](l); e.Reason != "the other side did not refresh the session (RFC 4028)" {
			t.Errorf("%+v", e)
		}
		l.gone()
	})
}

// The caller wants us to refresh: by UPDATE where it allows that, otherwise by a re-INVITE with the same SDP.
func TestSessionRefreshedByUs(t *testing.T) {
	for _, allow := range []string{"INVITE, UPDATE", "INVITE"} {
		simulate(t, func(t *testing.T, l *lab) {
			_, res := l.answered("Session-Expires", "100;refresher=uas", "Supported", "timer", "Allow", allow)
			if se := header.First(res, "Session-Expires"); se != "100;refresher=uas" {
				t.Errorf("%s", res)
			}
			method, body := sip.UPDATE, ""
			if allow == "INVITE" {
				method, body = sip.INVITE, answer1
			}
			for range 5 {
				begun := time.Now()
				req := l.gets(method)
				if took := time.Since(begun).Round(time.Second); took != 50*time.Second {
					t.Errorf("%s after %v", method, took)
				}
				if string(req.Body()) != body || header.First(req, "Session-Expires") != "100;refresher=uac" {
					t.Errorf("%s", req)
				}
				back := ""
				if body != "" {
					back = offer1 // what their side was before
				}
				l.reply(req, 200, "", back, "Session-Expires", "100;refresher=uac")
				if method == sip.INVITE {
					l.gets(sip.ACK)
				}
			}
			l.quiet(0)
		})
	}
}

// The registrar is away for an hour: no session timer ends the call, and the refresh comes when it is back.
func TestSessionTimerWhileOffline(t *testing.T) {
	for _, refresher := range []string{"uac", "uas"} {
		simulate(t, func(t *testing.T, l *lab) {
			_, res := l.answered("Session-Expires", "100;refresher="+refresher, "Supported", "timer", "Allow", "UPDATE")
			l.listener.Close()
			l.current().conn.Close()
			time.Sleep(time.Hour)
			l.listen()
			for l.agent.currentFlow() == nil {
				time.Sleep(time.Second)
			}
			for len(l.events) > 0 {
				if e, is := (<-l.events).(Ended); is {
					t.Errorf("%s: %s", refresher, e.Reason)
				}
			}
			if refresher == "uas" {
				l.reply(l.gets(sip.UPDATE), 200, "", "", "Session-Expires", "100;refresher=uac")
				return
			}
			l.send(l.within(res, "UPDATE", 2, "", "Session-Expires", "100;refresher=uac", "Supported", "timer"))
			l.answers(200)
		})
	}
}

func TestRefreshRefused(t *testing.T) {
	for code, reason := range map[int]string{
		481: "the other side does not know the call any more",
		503: "the session could not be refreshed (RFC 4028)",
	} {
		simulate(t, func(t *testing.T, l *lab) {
			begun := time.Now()
			l.answered("Session-Expires", "100;refresher=uas", "Supported", "timer", "Allow", "UPDATE")
			for ended := false; !ended; {
				select {
				case m := <-l.inbox:
					if req, ok := m.(*sip.Request); ok && req.Method == sip.UPDATE {
						l.reply(req, code, "", "")
					}
				case e := <-l.events:
					if got := e.(Ended).Reason; got != reason {
						t.Errorf("%d: %s", code, got)
					}
					ended = true
				}
			}
			if took := time.Since(begun); code == 503 && (took < 100*time.Second || took > 115*time.Second) {
				t.Errorf("after %v", took)
			}
		})
	}
}

func TestSessionIntervalTooSmallForThem(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		done := l.invite(t.Context())
		l.reply(l.gets(sip.INVITE), 422, "", "", "Min-SE", "600")
		l.gets(sip.ACK)
		invite := l.gets(sip.INVITE)
		if header.First(invite, "Min-SE") != "600" {
			t.Errorf("%s", invite)
		}
		l.reply(invite, 200, "far", answer1)
		l.gets(sip.ACK)
		if d := <-done; d.err != nil {
			t.Error(d.err)
		}
	})
}

func TestSessionOfCallersWithoutTheExtension(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		// A proxy asked, the caller knows nothing of it: we refresh, and no interval is too short to start with.
		_, res := l.answered("Session-Expires", "30")
		if se := header.First(res, "Session-Expires"); se != "90;refresher=uas" || header.First(res, "Require") != "" {
			t.Errorf("%s", res)
		}
		l.gets(sip.INVITE)
	})
}
