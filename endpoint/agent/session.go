package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

// minSession is the shortest session interval that anybody may ask for (RFC 4028 §4).
const minSession = 90 * time.Second

// session is a session timer (RFC 4028). We never ask for one: life is judged by media, and a registrar that is
// away for an hour must not end a call. A phone may ask, and gets it.
type session struct {
	interval time.Duration // 0: none
	weDo     bool          // we are the refresher
	least    time.Duration // Min-SE that a 422 asked for
	expires  time.Time
	offline  bool // whether we were offline at the last look
	timer    *time.Timer
}

func (s *session) end() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.interval, s.timer = 0, nil
}

// startSession sets the timer after a successful INVITE or UPDATE; interval 0 is none. c.mu is held.
func (c *Call) startSession(interval time.Duration, weDo bool) {
	c.session.end()
	if interval == 0 || c.phase == over {
		return
	}
	interval = max(interval, minSession)
	c.session.interval, c.session.weDo, c.session.offline = interval, weDo, false
	c.session.expires = time.Now().Add(interval)
	wait := interval / 2
	if !weDo {
		wait = interval - min(32*time.Second, interval/3) // §10
	}
	c.sessionAfter(wait)
}

// sessionAfter looks at the session again after a while. c.mu is held.
func (c *Call) sessionAfter(wait time.Duration) {
	c.session.timer = time.AfterFunc(wait, func() { c.a.spawn(c.sessionDue) })
}

// sessionDue refreshes the session, or ends it when the other side did not. While we are offline nobody could have
// refreshed: then it is too early to judge, and the refresher tries again soon. Once we are back the other side has a
// whole interval for that.
func (c *Call) sessionDue() {
	offline := c.a.currentFlow() == nil
	c.mu.Lock()
	weDo, timer, expires, interval := c.session.weDo, c.session.timer, c.session.expires, c.session.interval
	back := c.session.offline && !offline
	c.session.offline = offline
	if timer != nil && back && !weDo {
		c.sessionAfter(interval)
		timer = nil
	}
	c.mu.Unlock()
	if timer == nil {
		return
	}
	if !offline && !weDo {
		c.hangUp("the other side did not refresh the session (RFC 4028)")
		return
	}
	if !offline {
		err := c.refresh()
		if err == nil || errors.Is(err, ErrEnded) {
			return
		}
		c.a.log.Warn("session not refreshed", "call_id", c.ID(), "err", err)
		if !errors.Is(err, ErrOffline) && !time.Now().Before(expires) {
			c.hangUp("the session could not be refreshed (RFC 4028)")
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session.timer == timer {
		c.sessionAfter(10 * time.Second)
	}
}

// Probe asks the other side within the call whether that is still there. A 481, a 408 or no answer at all ends the call.
func (c *Call) Probe() error {
	if !c.a.enter() {
		return ErrOffline
	}
	defer c.a.jobs.Done()
	return c.refresh()
}

// refresh repeats the session: by UPDATE without SDP where that is possible, which leaves media alone, otherwise
// by a re-INVITE with the SDP of the last time.
func (c *Call) refresh() error {
	ctx, cancel := within(context.Background(), 2*dialog.GiveUp)
	defer cancel()
	c.mu.Lock()
	canUpdate, sdp, before := c.canUpdate, c.localSDP, c.remoteSDP
	c.mu.Unlock()
	if canUpdate {
		res, err := c.ask(ctx, sip.UPDATE, c.askSession)
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.dialog.Confirm(res)
		c.agreed(res)
		return nil
	}
	answer, err := c.reinvite(ctx, sdp)
	if err == nil && !bytes.Equal(answer, before) {
		c.a.events.put(LateAnswer{Call: c, SDP: answer})
	}
	return err
}

// askSession adds what a request of ours says about the session. c.mu is held.
func (c *Call) askSession(req *sip.Request) {
	if c.session.interval > 0 {
		refresher := "uas"
		if c.session.weDo {
			refresher = "uac"
		}
		req.AppendHeader(sip.NewHeader("Session-Expires", fmt.Sprintf("%d;refresher=%s", seconds10(c.session.interval), refresher)))
	}
	if c.session.least > minSession {
		req.AppendHeader(sip.NewHeader("Min-SE", fmt.Sprint(seconds10(c.session.least))))
	}
}

// agreed takes the session out of a 2xx to our request (§7.2). c.mu is held.
func (c *Call) agreed(res *sip.Response) {
	interval, refresher := sessionExpires(res)
	c.startSession(interval, refresher != "uas")
}

// tooShort is the 422 for a session interval that is too short, or nil (§9). A caller that does not know the
// extension got its interval from a proxy, and is not to blame.
func (c *Call) tooShort(req *sip.Request) *sip.Response {
	interval, _ := sessionExpires(req)
	if interval == 0 || interval >= minSession || !knowsTimer(req) {
		return nil
	}
	res := c.a.refuse(req, statusIntervalTooSmall, fmt.Sprintf("a session lasts %d seconds or more", seconds10(minSession)))
	res.AppendHeader(sip.NewHeader("Min-SE", fmt.Sprint(seconds10(minSession))))
	return res
}

// agree answers a request's wish for a session timer in its 2xx (§9) and starts it. c.mu is held.
func (c *Call) agree(req *sip.Request, res *sip.Response) {
	interval, refresher := sessionExpires(req)
	if interval == 0 {
		c.startSession(0, false)
		return
	}
	interval = max(interval, minSession)
	switch {
	case !knowsTimer(req):
		refresher = "uas"
	case refresher == "":
		refresher = "uac"
	}
	res.AppendHeader(sip.NewHeader("Session-Expires", fmt.Sprintf("%d;refresher=%s", seconds10(interval), refresher)))
	if refresher == "uac" {
		res.AppendHeader(sip.NewHeader("Require", "timer"))
	}
	c.startSession(interval, refresher == "uas")
}

func knowsTimer(req *sip.Request) bool {
	return header.Lists(req, "Supported", "timer") || header.Lists(req, "Require", "timer")
}

// sessionExpires reads Session-Expires.
func sessionExpires(m sip.Message) (interval time.Duration, refresher string) {
	value := header.First(m, "Session-Expires")
	return seconds(value), strings.ToLower(header.Param(value, "refresher"))
}

func seconds10(d time.Duration) int { return int(d / time.Second) }
