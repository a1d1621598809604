package agent

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/relays"
	"ewindow/scripts/lab/logbook"
)

const servers = `{"version":1,"uris":["stun:registrar.invalid:3478","turn:relay.example.org"],"username":"1:milano","password":"hidden","expires":"2000-01-02T00:00:00Z"}`

// give has the registrar answer a SUBSCRIBE to relays and send a body.
func (ln *line) give(req *sip.Request, body string) {
	if !ln.l.knows(req) {
		ln.challenge(req, 401, domain, "SHA-256")
		return
	}
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	res.AppendHeader(sip.NewHeader("Expires", "3600"))
	res.AppendHeader(sip.NewHeader("Contact", "<sip:10.0.0.1:5061;transport=tls>"))
	res.To().Params.Add("tag", "relays")
	ln.write(res.String())
	ln.given(req, 1, "active;expires=3600", body)
}

func (ln *line) given(sub *sip.Request, seq int, state, body string) {
	ln.write(request("NOTIFY", ln.l.agent.contact.String(), map[string]string{
		"From": "<sip:milano@" + domain + ">;tag=relays", "To": header.First(sub, "From"), "Call-ID": header.First(sub, "Call-ID"),
		"CSeq": fmt.Sprint(seq, " NOTIFY"), "Event": relays.Event, "Subscription-State": state, "Content-Type": relays.ContentType,
	}, body))
}

// next waits for the next relays, and lets everything else pass.
func (l *lab) next() *relays.Relays {
	l.t.Helper()
	for late := time.After(longest); ; {
		select {
		case e, ok := <-l.events:
			if r, is := e.(Relays); is || !ok {
				return r.Relays
			}
		case <-late:
			l.t.Fatal("no relays came")
		}
	}
}

// Relays come beside the plan, with the registrar's address where it says that; a body that cannot be used changes nothing.
func TestRelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLab(t), &logbook.Lines{}
		var sub *sip.Request
		l.relays = func(ln *line, req *sip.Request) {
			ln.give(req, servers)
			l.set(func() { sub = req })
		}
		l.start(func(c *Config) {
			c.Log = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		r := l.next()
		want := []string{"stun:" + registrarAddr.Addr().String() + ":3478", "turn:relay.example.org"}
		if r == nil || !reflect.DeepEqual(r.URIs, want) || r.Username != "1:milano" || r.Password != "hidden" {
			t.Errorf("%+v", r)
		}
		time.Sleep(time.Second)
		if accept := header.First(sub, "Accept"); accept != relays.ContentType+";version=1" {
			t.Errorf("Accept: %s", accept)
		}
		out.Take()
		l.current().given(sub, 2, "active;expires=3000", `{"version":2}`)
		l.current().given(sub, 3, "active;expires=3000", strings.Replace(servers, "hidden", "later", 1))
		if r = l.next(); r == nil || r.Password != "later" {
			t.Errorf("%+v", r)
		}
		if said := out.Take(); !strings.Contains(said, "relays that cannot be used") || strings.Contains(said, "hidden") || strings.Contains(said, "later") {
			t.Errorf("the log says\n%s", said)
		}
		// A NOTIFY of the plan in the dialog of the relays.
		l.send(request("NOTIFY", l.agent.contact.String(), map[string]string{
			"From": "<sip:milano@" + domain + ">;tag=relays", "To": header.First(sub, "From"), "Call-ID": header.First(sub, "Call-ID"),
			"CSeq": "4 NOTIFY", "Event": "ua-profile", "Subscription-State": "active", "Content-Type": relays.ContentType,
		}, servers))
		l.answers(489)
		// Its end makes the window subscribe anew.
		old := sub
		l.current().given(sub, 5, "terminated;reason=deactivated", "")
		if r = l.next(); r == nil || sub.CallID().Value() == old.CallID().Value() {
			t.Errorf("after the end: %+v", r)
		}
	})
}

// A registrar that does not know the package is asked once a connection, and nothing is wrong. When a later one does not
// know it any more, what there was is no more.
func TestNoRelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLab(t), &logbook.Lines{}
		asked, known := 0, false
		l.relays = func(ln *line, req *sip.Request) {
			var has bool
			l.set(func() { asked++; has = known })
			if !has {
				ln.write(sip.NewResponseFromRequest(req, 489, "Bad Event", nil).String())
				return
			}
			ln.give(req, servers)
		}
		l.start(func(c *Config) {
			c.Log = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn}))
		})
		l.online()
		l.quiet(3 * time.Hour)
		n := 0
		if l.set(func() { n = asked }); n != 1 {
			t.Errorf("asked %d times", n)
		}
		if said := out.Take(); said != "" {
			t.Errorf("the log says\n%s", said)
		}
		l.set(func() { known = true })
		l.current().conn.Close()
		if r := l.next(); r == nil {
			t.Error("none came over the next connection")
		}
		l.set(func() { known = false })
		l.current().conn.Close()
		if r := l.next(); r != nil {
			t.Errorf("there still is %+v", r)
		}
	})
}

// Another refusal is a fault, which does not concern the plan.
func TestRelaysRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLab(t), &logbook.Lines{}
		refused := true
		l.relays = func(ln *line, req *sip.Request) {
			var no bool
			if l.set(func() { no = refused }); no {
				ln.write(sip.NewResponseFromRequest(req, 500, "No", nil).String())
				return
			}
			ln.give(req, servers)
		}
		l.start(func(c *Config) {
			c.Log = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelInfo}))
		})
		l.online()
		l.quiet(time.Hour)
		if said := out.Take(); strings.Count(said, "no subscription to relays") != 2 || strings.Contains(said, "the plan") {
			t.Errorf("the log says\n%s", said)
		}
		l.set(func() { refused = false })
		if l.next() == nil {
			t.Error("none")
		}
		time.Sleep(time.Second)
		if said := out.Take(); !strings.Contains(said, "subscribed to relays again") {
			t.Errorf("the log says\n%s", said)
		}
	})
}
