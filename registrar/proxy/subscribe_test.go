package proxy

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
	"ewindow/dialplan/programme"
	"ewindow/registrar/notify"
	"ewindow/registrar/signal/version"
)

// sub is a SUBSCRIBE of a window to its own programme.
func (p *peer) sub(expires int) msg {
	uri := fmt.Sprintf("sip:%s@%s", p.name, domain)
	return msg{method: "SUBSCRIBE", uri: uri, callID: "sub-" + p.name,
		extra: fmt.Sprintf("Event: ua-profile;profile-type=user\nAccept: %s\nExpires: %d", programme.ContentType, expires)}
}

// subscribe subscribes and answers the first NOTIFY. It returns our To with the server's tag, and the programme.
func (p *peer) subscribe() (to string, first *programme.Programme) {
	p.l.t.Helper()
	p.ask(p.sub(3600))
	res := p.response(200)
	if h := res.GetHeader("Expires"); h == nil || h.Value() != "3600" {
		p.l.t.Errorf("%s: Expires is %v", p.name, h)
	}
	return res.To().Value(), p.notified("active")
}

// notified takes a NOTIFY, acknowledges it and returns its programme.
func (p *peer) notified(state string) *programme.Programme {
	p.l.t.Helper()
	req := p.request(sip.NOTIFY)
	p.answer(req, 200, "")
	if got := req.Recipient.String(); got != p.contact {
		p.l.t.Errorf("%s: NOTIFY to %s, want the contact %s", p.name, got, p.contact)
	}
	if h := req.GetHeader("Subscription-State"); h == nil || !strings.HasPrefix(h.Value(), state) {
		p.l.t.Errorf("%s: Subscription-State is %v, want %s", p.name, h, state)
	}
	if h := req.GetHeader("Event"); h == nil || h.Value() != "ua-profile;profile-type=user" {
		p.l.t.Errorf("%s: Event is %v", p.name, h)
	}
	if len(req.Body()) == 0 {
		return nil
	}
	if got := req.ContentType(); got == nil || got.Value() != programme.ContentType {
		p.l.t.Errorf("%s: Content-Type is %v", p.name, got)
	}
	got, err := programme.Decode(bytes.NewReader(req.Body()))
	if err != nil {
		p.l.t.Fatalf("%s: %v", p.name, err)
	}
	return got
}

// subscriptions asks their owner how many there are.
func (l *lab) subscriptions() (n int) {
	l.server.notifier.do(func() { n = l.server.notifier.table.Len() })
	return n
}

func TestSubscribe(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, _ := l.pair()
		to, p := milano.subscribe()
		if p.Space != "milano" || len(p.Links) == 0 || p.Links[0].Partner != "munich" {
			t.Errorf("got the programme %+v", p)
		}
		if got := p.Until.Sub(p.From); got < 13*24*time.Hour {
			t.Errorf("it covers %v", got)
		}
		again := milano.sub(1800)
		again.to = to
		milano.ask(again)
		milano.response(200)
		milano.notified("active;expires=1800")

		old := milano.sub(1800)
		old.to, old.seq = to, 1
		milano.ask(old) // its CSeq is older than the last one's
		milano.response(500)

		end := milano.sub(0)
		end.to = to
		milano.ask(end)
		milano.response(200)
		milano.notified("terminated;reason=timeout")
		milano.ask(again)
		milano.response(481)
	})
}

func TestSubscribeRefusals(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, phone := l.join("milano", "TLS"), l.join("reception", "TCP")
		m := milano.sub(3600)
		m.extra = "Event: presence"
		milano.write(milano.text(m))
		if h := milano.response(489).GetHeader("Allow-Events"); h == nil || h.Value() != "ua-profile" {
			t.Errorf("Allow-Events is %v", h)
		}
		milano.ask(milano.sub(5))
		if h := milano.response(423).GetHeader("Min-Expires"); h == nil || h.Value() != "60" {
			t.Errorf("Min-Expires is %v", h)
		}
		m = milano.sub(3600)
		m.uri, m.to = "sip:munich@"+domain, "<sip:munich@"+domain+">"
		milano.ask(m)
		milano.response(403)
		m = milano.sub(3600)
		m.extra = "Event: ua-profile\nAccept: text/plain"
		milano.ask(m)
		milano.response(406)
		phone.ask(phone.sub(3600))
		phone.response(404)
		if n := l.subscriptions(); n != 0 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

// An edit of the plan is told to the windows whose two weeks it changes, and to no others.
func TestNotifiesWhomItConcerns(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		potsdam := l.join("potsdam", "TLS")
		potsdam.register()
		for _, p := range []*peer{milano, munich, potsdam} {
			p.subscribe()
		}
		time.Sleep(20 * time.Minute)
		for _, p := range []*peer{milano, munich, potsdam} {
			p.connect() // the binding's time is over
			p.register()
		}
		l.server.SetPlan(parsePlan(t, strings.Replace(always, `"Mo-Fr 09:00-17:00"`, `"Mo-Fr 09:00-18:00"`, 1)))
		if got := potsdam.notified("active"); got == nil {
			t.Fatal("no programme")
		}
		milano.silent(time.Minute)
		munich.silent(time.Second)

		l.server.SetPlan(parsePlan(t, strings.Replace(always, `link "the long window"`, `link "renamed"`, 1)+"# and potsdam as it was\n"))
		for _, p := range []*peer{milano, munich, potsdam} {
			p.notified("active")
		}
		l.server.SetPlan(parsePlan(t, strings.Replace(always, `link "the long window"`, `link "renamed"`, 1)+"# nothing but a comment\n"))
		milano.silent(time.Minute)
		munich.silent(time.Second)
		potsdam.silent(time.Second)
	})
}

// A window is told in the newest version that both know, whichever side is newer; when it subscribes again it may be another
// program. Version 2 is made up.
func TestSpeaksTheVersionAskedFor(t *testing.T) {
	const plain = programme.ContentType
	for newest, asks := range map[int]map[string]int{ // of the registrar → Accept → version; 0: 406
		1: {"": 1, "Accept: " + plain: 1, "Accept: */*": 1, "Accept: " + plain + ";version=1": 1,
			"Accept: " + plain + ";version=2, " + plain + ";version=1":         1,
			"Accept: " + plain + ";version=2\nAccept: " + plain + ";version=1": 1, "Accept: " + plain + ";version=2": 0},
		2: {"": 1, "Accept: " + plain: 1, "Accept: " + plain + ";version=1": 1, "Accept: " + plain + ";version=2": 2,
			"Accept: " + plain + ";version=2, " + plain + ";version=1": 2, "Accept: " + plain + ";version=3": 0},
	} {
		simulate(t, always, func(l *lab) {
			speaks := programme.Versions{Oldest: 1, Newest: newest}
			l.server.notifier.packages["ua-profile"] = uaProfile(l.server.gate.exists, noKeys{}, speaks)
			milano, _ := l.pair()
			told := func() int {
				t.Helper()
				req := milano.request(sip.NOTIFY)
				milano.answer(req, 200, "")
				p, err := speaks.Decode(bytes.NewReader(req.Body()))
				if err != nil || len(p.Links) == 0 {
					t.Fatalf("%+v, %v", p, err)
				}
				return p.Version
			}
			to := ""
			for accept, want := range asks {
				m := milano.sub(3600)
				m.to, m.extra = to, "Event: ua-profile;profile-type=user\nExpires: 3600"
				if accept != "" {
					m.extra += "\n" + accept
				}
				milano.ask(m)
				if want == 0 {
					if h := milano.response(406).GetHeader("Accept"); h == nil || !strings.Contains(h.Value(), fmt.Sprint(plain, ";version=", newest)) {
						t.Errorf("406 names %v", h)
					}
					continue
				}
				to = milano.response(200).To().Value()
				if got := told(); got != want {
					t.Errorf("a registrar that speaks up to %d is asked for %q and tells version %d, want %d", newest, accept, got, want)
				}
			}
			milano.register()
			l.server.SetPlan(parsePlan(t, strings.Replace(always, `link "the long window"`, `link "renamed"`, 1)))
			if got := told(); got > newest {
				t.Errorf("an edit is told in version %d", got)
			}
		})
	}
}

func TestSpaceLeavesPlan(t *testing.T) {
	simulate(t, always, func(l *lab) {
		potsdam := l.join("potsdam", "TLS")
		potsdam.register()
		potsdam.subscribe()
		plan := always[:strings.Index(always, `space "potsdam"`)] + always[strings.Index(always, "link "):]
		l.server.SetPlan(parsePlan(t, strings.Replace(plan, "[milano, potsdam, office]", "[milano]", 1)))
		if got := potsdam.notified("terminated;reason=noresource"); got != nil {
			t.Errorf("got the programme %+v", got)
		}
	})
}

// A window that was away when the plan changed hears of it when it is back, over its new connection.
func TestNotifyAfterReconnect(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, _ := l.pair()
		milano.subscribe()
		milano.hangUp()
		time.Sleep(time.Second)
		l.server.SetPlan(parsePlan(t, strings.Replace(always, `link "the long window"`, `link "renamed"`, 1)))
		time.Sleep(time.Minute)
		milano.connect()
		milano.register()
		if got := milano.notified("active"); got.Links[0].Link != "renamed" {
			t.Errorf("got the link %q", got.Links[0].Link)
		}
	})
}

// A NOTIFY that is lost, or that a busy window cannot take, comes again for as long as the flow lives; only a window that
// does not know of the subscription, or says that it wants none, ends it.
func TestUnacknowledged(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(milano.sub(3600))
		milano.response(200)
		milano.request(sip.NOTIFY)
		time.Sleep(20 * time.Second) // meanwhile there is news
		l.server.SetPlan(parsePlan(t, strings.Replace(always, `link "the long window"`, `link "renamed"`, 1)))
		time.Sleep(20 * time.Second)
		if got := milano.notified("active"); got.Links[0].Link != "renamed" {
			t.Errorf("after a lost NOTIFY it got the link %q", got.Links[0].Link)
		}
		for _, status := range []int{408, 500, 503, 504} {
			again := milano.sub(3600)
			again.callID += fmt.Sprint(status)
			milano.ask(again)
			milano.response(200)
			milano.answer(milano.request(sip.NOTIFY), status, "")
			milano.notified("active")
		}
		before := l.subscriptions()
		for _, status := range []int{404, 481, 489, 501} {
			m := munich.sub(3600)
			m.callID += fmt.Sprint(status)
			munich.ask(m)
			munich.response(200)
			munich.answer(munich.request(sip.NOTIFY), status, "")
			time.Sleep(time.Minute)
			if n := l.subscriptions(); n != before {
				t.Errorf("%d subscriptions after a %d, want %d", n, status, before)
			}
			munich.silent(time.Second)
			munich.register()
		}
	})
}

// Whoever subscribes again and again and answers nothing is not sent, and not remembered, a NOTIFY for each: only that of
// the subscription that stands is repeated.
func TestSubscribesInALoop(t *testing.T) {
	simulate(t, always, func(l *lab) {
		l.server.notifier.packages["lamp"] = eventPackage{
			doc:   version.Document{Type: "text/plain"},
			may:   func(*dialplan.Plan, string, string) verdict { return verdict{} },
			state: func(*dialplan.Plan, string, time.Time) (notify.State, error) { return lamp("on"), nil },
		}
		reception := l.join("reception", "UDP")
		reception.register()
		for i := range 20 {
			reception.ask(msg{method: "SUBSCRIBE", uri: "sip:munich@" + domain, to: "<sip:munich@" + domain + ">",
				callID: fmt.Sprint("loop", i), extra: "Event: lamp\nExpires: 3600"})
			reception.response(200)
			reception.request(sip.NOTIFY)
		}
		for end := time.After(20 * time.Second); ; {
			select {
			case m := <-reception.inbox:
				if req, ok := m.(*sip.Request); ok && req.CallID().Value() != "loop19" {
					t.Fatalf("repeated although another subscription has taken its place:\n%s", req)
				}
				continue
			case <-end:
			}
			break
		}
	})
}

// lamp is an event package for tests: everybody of the plan may watch a window called munich, and it says who does.
type lamp string

func (s lamp) Same(other notify.State) bool { return s == other }
func (s lamp) Encode(int) ([]byte, error)   { return []byte(s), nil }

// Packages stand side by side: each with its own body, and its own idea of who may have it.
func TestTwoPackages(t *testing.T) {
	simulate(t, always, func(l *lab) {
		l.server.notifier.packages["lamp"] = eventPackage{
			doc: version.Document{Type: "text/plain"},
			may: func(_ *dialplan.Plan, _, resource string) verdict {
				if resource != "munich" {
					return verdict{status: 403, reason: "Not for you"}
				}
				return verdict{}
			},
			state: func(p *dialplan.Plan, _ string, _ time.Time) (notify.State, error) {
				link, _ := p.LinkAt("munich", time.Date(2000, 1, 3, 12, 0, 0, 0, time.UTC))
				return lamp("with " + link.Between[0]), nil
			},
		}
		milano, _ := l.pair()
		milano.subscribe()
		watch := milano.sub(3600)
		watch.uri, watch.to, watch.callID = "sip:munich@"+domain, "<sip:munich@"+domain+">", "lamp"
		watch.extra = "Event: Lamp\nExpires: 3600"
		milano.ask(watch)
		milano.response(200)
		lit := func(want string) {
			t.Helper()
			req := milano.request(sip.NOTIFY)
			milano.answer(req, 200, "")
			if got := string(req.Body()); got != want || req.ContentType().Value() != "text/plain" {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		lit("with milano")
		other := watch
		other.uri, other.to, other.callID = "sip:potsdam@"+domain, "<sip:potsdam@"+domain+">", "another"
		milano.ask(other)
		milano.response(403)

		l.server.SetPlan(parsePlan(t, strings.Replace(always, `link "the long window"`, `link "renamed"`, 1)))
		milano.notified("active") // the programme names the link, the lamp does not
		milano.silent(time.Minute)
	})
}

func TestDailyProgramme(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano := l.join("milano", "TLS")
		milano.ask(milano.reg("Expires: 3600"))
		milano.response(200)
		m := milano.sub(86400 * 2)
		milano.ask(m)
		milano.response(200)
		first := milano.notified("active")
		for range 47 { // a day but for half an hour
			time.Sleep(30 * time.Minute)
			milano.ask(milano.reg("Expires: 3600"))
			milano.response(200)
		}
		milano.silent(29 * time.Minute)
		next := milano.notified("active")
		if got := next.From.Sub(first.From); got < 23*time.Hour {
			t.Errorf("the next programme begins %v later", got)
		}
	})
}
