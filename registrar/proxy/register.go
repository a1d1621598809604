package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
)

// maxContacts bounds what one REGISTER may list.
const maxContacts = 10

// A registrar in the sense of RFC 3261 §10 keeps the table of locations: REGISTER puts bindings there; their time, and
// the end of their flow, take them away. Other parts read the table.
type registrar struct {
	site      *site
	gate      *gatekeeper
	table     *location.Table
	flows     keeperDropper
	answers   *answerer
	changed   func(account string) // ends what was begun for an account that has changed
	reachable func(account string) // is told of who has registered
	told      mediaKeys
	healths   healths
	ledger    *ledger
	log       *slog.Logger
}

// A keeper keeps a connection that says nothing.
type keeper interface {
	Keep(f location.Flow, until time.Time)
}

// A keeperDropper ends one as well.
type keeperDropper interface {
	keeper
	Drop(f location.Flow)
}

// replaced ends the connections by which an instance was reached before it registered by another one (RFC 5626 §5.3): nobody reads
// them any more, and what waits for an answer by one of them need not wait until it is found dead.
func (g *registrar) replaced(before, after []location.Binding) {
	for _, b := range before {
		moved := slices.ContainsFunc(after, func(a location.Binding) bool {
			return a.Instance != "" && a.Instance == b.Instance && a.RegID == b.RegID && a.Flow != b.Flow
		})
		if moved && b.Flow.ID != "" {
			g.flows.Drop(b.Flow)
		}
	}
}

// register carries out a REGISTER.
func (g *registrar) register(r *request) {
	reg, v := g.admit(r)
	if v.status != 0 {
		g.answers.reply(r, v)
		return
	}
	now := time.Now()
	before := g.table.Lookup(r.account, now)
	bindings, err := g.table.Register(reg, now)
	if err != nil {
		g.log.Info("registration refused", "aor", r.account, "peer", r.flow.Remote, "err", err)
		g.answers.reply(r, registerRefusal(err))
		return
	}
	g.told.take(r, now)
	g.healths.take(r, now)
	if len(bindings) == 0 {
		g.gone(r.account)
	}
	if g.gate.changed(r) { // meanwhile: what has just been put there must not outlive it
		g.changed(r.account)
		g.answers.reply(r, vRevoked)
		return
	}
	g.answers.reply(r, g.accepted(r, bindings, now))
	g.replaced(before, bindings)
	if len(bindings) != len(before) {
		what := "registered"
		if len(bindings) < len(before) {
			what = "registration taken back"
			g.ledger.note(r.account, farewellOf(len(bindings)), now)
		}
		g.log.Info(what, "aor", r.account, "peer", r.flow.Remote, "transport", r.flow.Transport, "bindings", len(bindings))
	}
	g.reachable(r.account)
}

// farewellOf is what it is called that an account has taken back a registration, by how many it has left.
func farewellOf(left int) string {
	if left > 0 {
		return "it took back one of its registrations"
	}
	return "it signed off: it was switched off, or is being restarted"
}

// admit is what a REGISTER asks for, and whether its sender may (RFC 3261 §10.3 steps 1 to 5).
func (g *registrar) admit(r *request) (reg location.Registration, v verdict) {
	if !g.site.hosts.ours(r.Recipient.Host) {
		return reg, vNotFound
	}
	if v := unknownOptions(r.Request, "Require", "outbound", "path"); v.status != 0 {
		return reg, v
	}
	if v := g.gate.authenticate(r, header.User(&r.To().Address), asServer); v.status != 0 {
		return reg, v
	}
	if !g.site.owns(&r.To().Address, r.account) || !g.site.owns(&r.From().Address, r.account) {
		return reg, vFromMismatch // no registering for others
	}
	if reg, v = registration(r); v.status != 0 {
		return reg, v
	}
	if r.flow.Transport != flow.TLS && slices.ContainsFunc(reg.Contacts, func(c location.Contact) bool { return strings.HasPrefix(c.URI, "sips:") }) {
		return reg, vSipsInClear
	}
	return reg, verdict{}
}

// accepted is the answer to a REGISTER that has been carried out, and keeps its flow for as long as that holds.
func (g *registrar) accepted(r *request, bindings []location.Binding, now time.Time) verdict {
	v := vOK.with("Date", now.UTC().Format(http.TimeFormat))
	for _, b := range bindings {
		left := b.Expires.Sub(now)
		v = v.with("Contact", fmt.Sprintf("<%s>%s;expires=%d", b.Contact, paramsOf(b), int(left.Round(time.Second)/time.Second)))
		if b.Flow == r.flow {
			g.flows.Keep(r.flow, b.Expires.Add(30*time.Second)) // a refresh that is late still finds its connection
		}
	}
	if outbound(r) {
		v = v.with("Require", "outbound")
	}
	return v
}

// outbound says whether a REGISTER asks for a flow of its own (RFC 5626 §6): some phones only say that they could.
func outbound(r *request) bool {
	return header.Lists(r, "Supported", "outbound") && slices.ContainsFunc(header.Contacts(r), func(v string) bool {
		return header.Param(v, "reg-id") != "" && header.Param(v, "+sip.instance") != ""
	})
}

// paramsOf is the parameters of a binding's Contact in an answer.
func paramsOf(b location.Binding) string {
	p := b.Params
	if b.Instance != "" {
		p += `;+sip.instance="` + b.Instance + `"`
	}
	if b.RegID != 0 {
		p += ";reg-id=" + strconv.Itoa(b.RegID)
	}
	return p
}

// registration reads the Contact headers of a REGISTER. Those of other schemes, which may stand there (RFC 3261 §10.2.1), are
// passed over: nothing is called there.
func registration(r *request) (location.Registration, verdict) {
	reg := location.Registration{AOR: r.account, CallID: r.CallID().Value(), CSeq: r.CSeq().SeqNo, Flow: r.flow}
	wish := location.Unsaid
	if h := r.GetHeader("Expires"); h != nil {
		wish = seconds(h.Value())
	}
	values := slices.DeleteFunc(header.Contacts(r), elsewhere)
	if len(values) == 1 && values[0] == "*" {
		reg.All = true
		if wish != 0 { // RFC 3261 §10.3 step 6
			return reg, vBadContact
		}
		return reg, verdict{}
	}
	if len(values) > maxContacts {
		return reg, vTooMany
	}
	for _, v := range values {
		c, ok := contact(v, wish)
		if !ok {
			return reg, vBadContact
		}
		reg.Contacts = append(reg.Contacts, c)
	}
	if len(reg.Contacts) == 1 {
		reg.Flow = listeningAt(r, reg.Contacts[0].URI)
	}
	return reg, verdict{}
}

// elsewhere says whether a contact has another scheme than ours: a mail address, say.
func elsewhere(contact string) bool {
	a, err := header.ParseAddress(contact)
	return err == nil && !a.URI.Wildcard && a.URI.Scheme != "sip" && a.URI.Scheme != "sips"
}

// contact reads one Contact. wish is what the Expires header says, for a contact that says nothing itself.
func contact(text string, wish time.Duration) (location.Contact, bool) {
	a, err := header.ParseAddress(text)
	uri := a.URI
	if err != nil || uri.Wildcard || uri.Host == "" {
		return location.Contact{}, false
	}
	if uri.Scheme != "sip" && uri.Scheme != "sips" {
		return location.Contact{}, false
	}
	uri.Headers = nil // must not travel in a Request-URI (RFC 3261 §19.1.5)
	c := location.Contact{URI: uri.String(), Expires: wish}
	for _, p := range a.Params {
		switch p.K {
		case "expires":
			c.Expires = seconds(p.V)
		case "+sip.instance":
			c.Instance = strings.Trim(p.V, `" `)
		case "reg-id":
			n, err := strconv.ParseUint(p.V, 10, 31)
			if err != nil || n == 0 {
				return c, false
			}
			c.RegID = int(n)
		case "q":
			if _, err := strconv.ParseFloat(p.V, 64); err == nil && len(p.V) <= 5 {
				c.Params += ";q=" + p.V
			}
		}
	}
	return c, true
}

// seconds is a wished lifetime. What cannot be read, or is beyond all reason, is left to the registrar (RFC 3261 §10.3
// step 7 wants malformed ones taken as 3600).
func seconds(text string) time.Duration {
	if d, ok := header.Seconds(text); ok {
		return d
	}
	return location.Unsaid
}

// expire removes bindings when their time is over.
func (g *registrar) expire(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			gone, _ := g.table.Expire(now)
			for _, b := range gone {
				g.gone(b.AOR)
				g.ledger.note(b.AOR, "its registration expired", now)
				g.log.Info("registration expired", "aor", b.AOR, "peer", b.Flow.Remote)
			}
		}
	}
}

// flowClosed is told of every connection that ended.
func (g *registrar) flowClosed(f location.Flow) {
	for _, b := range g.table.DropFlow(f) {
		now := time.Now()
		what, left := "its connection ended", 0
		for _, other := range g.table.Lookup(b.AOR, now) {
			if !other.Lost {
				what, left = "one of its connections ended", left+1
			}
		}
		g.gone(b.AOR)
		g.ledger.note(b.AOR, what, now)
		g.log.Info("connection of a registered peer ended", "aor", b.AOR, "peer", f.Remote, "left", left)
	}
}

// drop forgets the bindings of an account, and says on which flows they were.
func (g *registrar) drop(account string) (flows []location.Flow) {
	for _, gone := range g.table.DropAccount(account) {
		flows = append(flows, gone.Flow)
	}
	g.gone(account)
	return flows
}

// gone forgets what a window told of itself if it is not there any more.
func (g *registrar) gone(account string) {
	g.healths.forget(account, func() bool {
		return slices.ContainsFunc(g.table.Lookup(account, time.Now()), func(b location.Binding) bool { return !b.Lost })
	})
}
