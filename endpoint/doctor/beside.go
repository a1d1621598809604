package doctor

import (
	"context"
	"fmt"
	"time"

	"ewindow/endpoint/status"
)

// mostLoss is how much of the pictures may be missing for good before somebody sees it, in percent.
const mostLoss = 0.5

// Beside is the check of a window that runs, by what it says of itself.
func Beside(s status.Status) Check {
	return Check{"asks the window that runs", "", func(context.Context) []Finding {
		found := []Finding{registered(s), planned(s)}
		found = append(found, inCall(s)...)
		for _, d := range s.Devices {
			found = append(found, device(d))
		}
		return found
	}}
}

func registered(s status.Status) Finding {
	r := s.Registration
	if !r.Online {
		why := r.Why
		if why == "" {
			why = "it has not answered yet"
		}
		return of(Fail, "account", fmt.Errorf("the registrar is away: %s", why)).or("look at the line about the registrar, above")
	}
	for _, way := range r.Ways {
		if !way.Online {
			return warn("account", "nothing has to be done at this window: the other way holds", "registered; one of two ways is down: %s", way.Why)
		}
	}
	return pass("account", "registered since %s", clock(r.Since))
}

func planned(s status.Status) Finding {
	switch p := s.Plan; {
	case p.Received.IsZero():
		return warn("plan", "look whether the dialplan names this space: `ewindow-registrar explain "+s.Space+"` there", "none was received")
	case p.Problem != "":
		return of(Warn, "plan", fmt.Errorf("it is not on disk: %s", p.Problem)).or("look at the line about the disk, above")
	case !s.At.Before(p.Until):
		return fail("plan", "have the registrar reached again: it sends another one", "it ended on %s", p.Until.Local().Format("Mon 2 Jan 15:04"))
	case p.Partner != "":
		return pass("plan", "now it is open onto %s", p.Partner)
	case !p.Next.At.IsZero():
		return pass("plan", "nobody is to be seen now; %s from %s on", p.Next.Partner, p.Next.At.Local().Format("Mon 2 Jan 15:04"))
	}
	return warn("plan", "look at the dialplan: `ewindow-registrar explain "+s.Space+"` there says why", "nobody is to be seen as far as it is known")
}

// inCall is how it is with the partner, where there is to be one.
func inCall(s status.Status) []Finding {
	if s.Plan.Partner == "" {
		return nil
	}
	c := s.Call(s.Plan.Partner)
	switch {
	case c == nil || !c.Up:
		why := "not called yet"
		if last := s.Last(s.Plan.Partner); last != nil {
			why = last.Why
		}
		return []Finding{warn("partner", "look at the window of "+s.Plan.Partner+": `ewindow doctor` there", "there is no call with %s: %s", s.Plan.Partner, why)}
	case c.Path == "" && c.Tried != "":
		return []Finding{fail("ways", "let UDP, or TCP port 443, out of this network and theirs", "no way through the routers to %s; tried %s", c.Peer, c.Tried)}
	case !c.Silent.IsZero():
		return []Finding{fail("line", "look at the window of "+c.Peer+", and whether this line and theirs are up", "nothing comes from %s since %s", c.Peer, clock(c.Silent))}
	}
	f := &c.Figures
	text := fmt.Sprintf("%s by %s: in %.0f pictures a second, %.0f kbit/s; out %.0f, %.0f kbit/s; %.2f %% lost on the way, %.2f %% for good; round trip %.0f ms",
		c.Peer, c.Path, f.FPSIn, f.KbpsIn, f.FPSOut, f.KbpsOut, f.LossBefore(), f.LossAfter(), f.RTT)
	if c.Starved || f.LossAfter() > mostLoss {
		return []Finding{warn("line", "look what else this line is used for; a cable instead of Wi-Fi helps most", "%s", text)}
	}
	return []Finding{pass("line", "%s", text)}
}

func device(d status.Device) Finding {
	text := d.Device
	if d.Encoder != "" {
		text += ", encoder " + d.Encoder
	}
	switch {
	case !d.On:
		return pass(d.Role, "off: it is not needed now")
	case d.Missing != "":
		return of(Fail, d.Role, fmt.Errorf("%s: %s", d.Missing, d.Reason)).or("plug it in, or name another one in the window's file")
	case d.Down:
		return fail(d.Role, "look at the log: journalctl -u ewindow", "its process failed %d times, the last time since %s", d.Failures, d.Failure)
	case d.Busy != "":
		return warn(d.Role, "ask for a smaller picture (`video` in the window's file): this machine has no time for more", "%s; %s", text, d.Busy)
	}
	return pass(d.Role, "%s", text)
}

func clock(t time.Time) string { return t.Local().Format("Mon 15:04:05") }
