package proxy

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
)

// maxContacts bounds what one REGISTER may list.
const maxContacts = 10

// register carries out a REGISTER (RFC 3261 §10.3).
func (s *Server) register(r *request) {
	if !s.site.hosts.ours(r.Recipient.Host) {
		s.answers.reply(r, vNotFound)
		return
	}
	if v := unknownOptions(r.Request, "Require", "outbound", "path"); v.status != 0 {
		s.answers.reply(r, v)
		return
	}
	account, ok := s.authenticate(r, r.To().Address.User, false)
	if !ok {
		return
	}
	if !s.site.owns(&r.To().Address, account) || !s.site.owns(&r.From().Address, account) {
		s.answers.reply(r, vFromMismatch) // no registering for others
		return
	}
	reg, ok := registration(r)
	if !ok {
		s.answers.reply(r, vBadContact)
		return
	}
	reg.AOR = account
	now := time.Now()
	before := len(s.locations.Lookup(account, now))
	bindings, err := s.locations.Register(reg, now)
	if err != nil {
		s.log.Info("registration refused", "aor", account, "peer", r.flow.Remote, "err", err)
		s.answers.reply(r, registerRefusal(err))
		return
	}
	if s.revoked.of(account) != r.epoch { // meanwhile: what has just been put there must not outlive it
		s.AccountChanged(account)
		s.answers.reply(r, vRevoked)
		return
	}
	v := vOK.with("Date", now.UTC().Format(http.TimeFormat))
	for _, b := range bindings {
		left := b.Expires.Sub(now)
		v = v.with("Contact", fmt.Sprintf("<%s>%s;expires=%d", b.Contact, paramsOf(b), int(left.Round(time.Second)/time.Second)))
		if b.Flow == r.flow {
			s.flows.Keep(r.flow, b.Expires.Add(30*time.Second)) // a refresh that is late still finds its connection
		}
	}
	if header.Lists(r, "Supported", "outbound") {
		v = v.with("Require", "outbound") // RFC 5626 §6
	}
	s.answers.reply(r, v)
	if len(bindings) != before {
		if len(bindings) < before {
			s.ledger.note(account, "it took back a registration", now)
		}
		s.log.Info("registered", "aor", account, "peer", r.flow.Remote, "transport", r.flow.Transport, "bindings", len(bindings))
	}
	s.notifier.reachable(account)
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

// registration reads the Contact headers of a REGISTER.
func registration(r *request) (location.Registration, bool) {
	reg := location.Registration{CallID: r.CallID().Value(), CSeq: r.CSeq().SeqNo, Flow: r.flow}
	wish := location.Unsaid
	if h := r.GetHeader("Expires"); h != nil {
		wish = seconds(h.Value())
	}
	values := header.Contacts(r)
	if len(values) == 1 && values[0] == "*" {
		reg.All = true
		return reg, wish == 0 // RFC 3261 §10.3 step 6
	}
	if len(values) > maxContacts {
		return reg, false
	}
	for _, v := range values {
		c, ok := contact(v, wish)
		if !ok {
			return reg, false
		}
		reg.Contacts = append(reg.Contacts, c)
	}
	return reg, true
}

// contact reads one Contact. wish is what the Expires header says, for a contact that says nothing itself.
func contact(text string, wish time.Duration) (location.Contact, bool) {
	var uri sip.Uri
	var params sip.HeaderParams
	if _, err := sip.ParseAddressValue(text, &uri, &params); err != nil || uri.Wildcard || uri.Host == "" {
		return location.Contact{}, false
	}
	if uri.Scheme != "sip" && uri.Scheme != "sips" {
		return location.Contact{}, false
	}
	uri.Headers = nil // must not travel in a Request-URI (RFC 3261 §19.1.5)
	c := location.Contact{URI: uri.String(), Expires: wish}
	for _, p := range params {
		switch k := strings.ToLower(strings.TrimSpace(p.K)); k {
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
