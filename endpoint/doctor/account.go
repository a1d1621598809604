package doctor

import (
	"bytes"
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/endpoint/agent"
	"ewindow/media/reach"
	"ewindow/registrar/signal/relays"
)

// An Account is the window's at its registrar. While a window runs that is who is registered: then it is asked instead (Beside).
type Account struct {
	Agent  *agent.Agent // which does not run yet
	Gather func(context.Context, reach.Config) (*reach.Paths, error)
	Now    func() time.Time
}

// Certificate is the finding about the window's certificate; nil for one that cannot be used.
func Certificate(leaf *x509.Certificate, now time.Time) Finding {
	switch {
	case leaf == nil:
		return warn("certificate", "have the window join again with a code (`ewindow-registrar member rotate`)", "it cannot be used; the window comes by its secret alone")
	case !now.Before(leaf.NotAfter):
		return warn("certificate", "nothing has to be done if the registrar is reached: it is renewed then", "its time was over on %s", leaf.NotAfter.Format(time.DateOnly))
	}
	return pass("certificate", "good until %s", leaf.NotAfter.Format(time.DateOnly))
}

// toRegister is how long it may take to be let in and told the plan.
const toRegister = 15 * time.Second

// Check registers, and takes what the registrar says: the plan, and who helps with ways through routers. It tries these.
func (a Account) Check() Check {
	return Check{"registers, and looks for ways through the routers", reached, func(ctx context.Context) []Finding {
		running, end := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() { defer close(ended); _ = a.Agent.Run(running) }()
		defer func() { end(); <-ended }()
		found, plan, relay := a.listen(ctx)
		switch {
		case found.Verdict == Fail:
			return []Finding{found}
		case plan == nil:
			return []Finding{found, warn("plan", "look whether the dialplan names this space: `ewindow-registrar explain SPACE` there", "the registrar tells nothing of it")}
		}
		return []Finding{found, a.plan(plan), a.ways(ctx, relay)}
	}}
}

// listen waits for what the registrar says.
func (a Account) listen(ctx context.Context) (f Finding, plan *programme.Programme, relay *relays.Relays) {
	ctx, cancel := context.WithTimeout(ctx, toRegister)
	defer cancel()
	f = fail("account", "look whether the registrar answers: the line before this one", "the registrar does not say whether it lets this window in")
	for plan == nil || relay == nil {
		select {
		case <-ctx.Done():
			return f, plan, relay
		case e := <-a.Agent.Events():
			switch e := e.(type) {
			case agent.Online:
				f = pass("account", "it is let in")
			case agent.Offline:
				if f = of(Fail, "account", e.Err).or("look at the line about the registrar, above"); e.Refused {
					return f, nil, nil
				}
			case agent.Programme:
				if p, err := programme.Decode(bytes.NewReader(e.Body)); err == nil {
					plan = p
				}
			case agent.Relays:
				if relay = e.Relays; relay == nil {
					relay = &relays.Relays{}
				}
			}
		}
	}
	return f, plan, relay
}

func (a Account) plan(p *programme.Programme) Finding {
	now := a.Now()
	for _, l := range p.Links {
		if !now.Before(l.From) && now.Before(l.Until) {
			return pass("plan", "now it is open onto %s, until %s", l.Partner, l.Until.Local().Format("Mon 2 Jan 15:04"))
		}
	}
	next := slices.IndexFunc(p.Links, func(l programme.Interval) bool { return l.From.After(now) })
	if next < 0 {
		return warn("plan", "look at the dialplan: `ewindow-registrar explain SPACE` there says why", "nobody is to be seen in the next two weeks")
	}
	return pass("plan", "nobody is to be seen now; %s from %s on", p.Links[next].Partner, p.Links[next].From.Local().Format("Mon 2 Jan 15:04"))
}

// ways finds out what this network lets out.
func (a Account) ways(ctx context.Context, relay *relays.Relays) Finding {
	if relay == nil || len(relay.URIs) == 0 {
		return warn("ways", "have the registrar relay (--turn), if windows are behind routers", "the registrar names nobody who helps through routers")
	}
	paths, err := a.Gather(ctx, reach.Config{
		Local: a.Agent.LocalAddr(), Relays: reach.Relays{URIs: relay.URIs, Username: relay.Username, Password: relay.Password}})
	if err != nil {
		return fail("ways", "look whether this machine is in the network", "none is found: %v", err)
	}
	defer paths.Close()
	tried := paths.Tried()
	kinds := strings.Split(tried, ", ")
	switch has := func(kind string) bool { return slices.Contains(kinds, kind) }; {
	case has("srflx") || has("relay/udp"):
		return pass("ways", "UDP goes out and comes back (%s)", tried)
	case has("relay/tcp") || has("relay/tls"):
		return warn("ways", "let UDP out of this network: pictures come later over TCP, and stand still where packets are lost", "UDP is not let out; there is a way by the registrar over TCP (%s)", tried)
	}
	return warn("ways", "let UDP, or TCP port 443, out of this network", "only within this network (%s): nothing of the registrar's relay comes back", tried)
}
