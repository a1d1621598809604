package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
)

const (
	bareSDP   = "v=0\r\nm=audio 4000 RTP/AVP 0\r\n"
	keyedSDP  = "v=0\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET\r\n"
	multipart = "--b\r\nContent-Type: application/sdp\r\n\r\n" + keyedSDP + "--b--\r\n"
	sdpHeader = "Content-Type: application/sdp"
)

// withKeys has all of what keys have to do with: reception speaks plain RTP, office SDES.
var withKeys = strings.NewReplacer(
	"phone \"office\" {\n  may_dial = [milano]\n  auth     = \"sha256\"", "phone \"office\" {\n  may_dial = [milano, reception]",
).Replace(always) + `
phone "desk" {
  may_dial = [both]
}
group "both" {
  members = [reception, office]
  ring    = all
}
`

// with makes m carry a body.
// plus is the message with more header lines.
func (m msg) plus(lines string) msg {
	m.extra = strings.TrimSpace(m.extra + "\n" + lines)
	return m
}

func (m msg) with(body string) msg {
	m.extra, m.body = strings.TrimSpace(m.extra+"\n"+sdpHeader), body
	if body == multipart {
		m.extra = strings.Replace(m.extra, sdpHeader, "Content-Type: multipart/mixed;boundary=b", 1)
	}
	return m
}

// trickles gives a message ways of ICE that come after offer and answer (RFC 8840).
func trickles(m msg) msg {
	m.extra = strings.TrimSpace(m.extra + "\nInfo-Package: trickle-ice\nContent-Disposition: Info-Package\nContent-Type: application/trickle-ice-sdpfrag")
	m.body = "m=audio 9 RTP/AVP 0\r\na=mid:audio\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=end-of-candidates\r\n"
	return m
}

// final waits for the last answer to m, and answers the challenge if there is one.
func (p *peer) final(m msg) *sip.Response {
	p.l.t.Helper()
	p.write(p.text(m))
	for {
		switch res, ok := p.next().(*sip.Response); {
		case !ok:
			p.l.t.Fatalf("%s: no answer to %s", p.name, m.method)
		case res.IsProvisional():
		case res.StatusCode == 401 || res.StatusCode == 407:
			m.extra += "\n" + p.credentials(m, res, p.name+"-secret")
			p.write(p.text(m))
		default:
			return res
		}
	}
}

func (l *lab) wantRefused(p *peer, m msg, v verdict) {
	l.t.Helper()
	if res := p.final(m); res.StatusCode != v.status || res.Reason != v.reason {
		l.t.Errorf("%s of %s over %s: %d %s, want %d %s", m.method, p.name, p.transport, res.StatusCode, res.Reason, v.status, v.reason)
	}
}

// answerWith writes a response with a body.
func (p *peer) answerWith(req *sip.Request, status int, body string) {
	p.l.t.Helper()
	p.answer(req, status, sdpHeader+"\n\n"+body)
}

// keyCases are ways on which keys would have gone in clear. In each, whoever asks is answered, and nobody else hears
// of it. That no key arrived anywhere is watched by every peer without TLS, in every test of this package.
var keyCases = map[string]func(l *lab, transport string){
	"a new call, of any account, and in any body": func(l *lab, transport string) {
		milano := l.join("milano", "TLS")
		milano.register()
		office, reception := l.join("office", transport), l.join("reception", transport)
		for _, m := range []msg{{callID: "a"}, msg{callID: "b"}.with(bareSDP), msg{callID: "c"}.with(keyedSDP), msg{callID: "d"}.with(multipart)} {
			m.method, m.uri = "INVITE", "sip:milano@"+domain
			if strings.Contains(m.body, "inline") {
				l.wantRefused(office, m, vKeysInClear)
				l.wantRefused(reception, m, vKeysInClear)
			} else {
				l.wantRefused(office, m, vMustEncrypt)
			}
		}
		milano.silent(time.Second)
	},
	"a call to a phone without TLS": func(l *lab, transport string) {
		office, reception := l.join("office", "TLS"), l.join("reception", transport)
		reception.register()
		l.wantRefused(office, msg{method: "INVITE", uri: "sip:reception@" + domain, callID: "k"}.with(keyedSDP), vOfferInClear)
		reception.silent(time.Second)
		office.ask(msg{method: "INVITE", uri: "sip:reception@" + domain, callID: "n"}.with(bareSDP))
		reception.request(sip.INVITE)
	},
	"a call to a group": func(l *lab, transport string) {
		l.addAccount("desk")
		caller, reception, office := l.join("desk", "TLS"), l.join("reception", transport), l.join("office", "TLS")
		reception.register()
		office.register()
		caller.ask(msg{method: "INVITE", uri: "sip:both@" + domain, callID: "k"}.with(keyedSDP))
		office.request(sip.INVITE)
		reception.silent(time.Second)
	},
	"within a dialog, from the phone": func(l *lab, transport string) {
		dialog, _, milano := l.keyed()
		moved := dialog
		moved.p = l.join("office", transport)
		for _, method := range []string{"INVITE", "UPDATE", "PRACK", "INFO"} {
			l.wantRefused(moved.p, moved.in(method).with(keyedSDP), vKeysWithin)
			l.wantRefused(moved.p, moved.in(method).with(multipart), vKeysWithin)
		}
		l.wantRefused(moved.p, trickles(moved.in("INFO")), vKeysWithin)
		for _, method := range []string{"INVITE", "UPDATE", "PRACK"} {
			l.wantRefused(moved.p, moved.in(method).with(bareSDP), vMustWithin)
		}
		l.wantRefused(moved.p, moved.in("INVITE"), vMustWithin) // the 2xx would bring an offer
		moved.p.write(moved.p.text(moved.in("ACK").with(keyedSDP)))
		moved.p.silent(time.Second)
		milano.silent(time.Second)
		moved.p.ask(moved.in("UPDATE")) // only prolongs the session
		milano.answer(milano.request(sip.UPDATE), 200, "")
		moved.p.response(200)
		moved.p.write(moved.p.text(moved.in("BYE")))
		milano.answer(milano.request(sip.BYE), 200, "")
		moved.p.response(200)
	},
	"within a dialog, to the phone that has moved": func(l *lab, transport string) {
		dialog, called, milano := l.keyed()
		phone := l.join("office", transport)
		phone.contact = dialog.p.contact
		phone.register()
		for _, method := range []string{"INVITE", "UPDATE", "PRACK"} {
			for _, body := range []string{keyedSDP, multipart, bareSDP} {
				l.wantRefused(milano, called.in(method).with(body), vPeerInClear)
			}
		}
		l.wantRefused(milano, called.in("INVITE"), vPeerInClear)
		l.wantRefused(milano, called.in("INFO").with(keyedSDP), vPeerInClear)
		l.wantRefused(milano, trickles(called.in("INFO")), vPeerInClear)
		milano.write(milano.text(called.in("ACK").with(keyedSDP)))
		phone.silent(time.Second)
		for _, method := range []string{"UPDATE", "BYE"} { // the call is still there
			milano.ask1(called.in(method))
			phone.answer(phone.request(sip.RequestMethod(method)), 200, "")
			milano.response(200)
		}
	},
	"in the answer to a phone without TLS": func(l *lab, transport string) {
		milano, reception := l.join("milano", "TLS"), l.join("reception", transport)
		milano.register()
		invite := msg{method: "INVITE", uri: "sip:milano@" + domain, callID: "k"}.with(bareSDP)
		reception.ask(invite)
		req := milano.request(sip.INVITE)
		milano.answerWith(req, 183, keyedSDP)
		reception.response(100)
		reception.silent(10 * time.Second)
		milano.answerWith(req, 200, keyedSDP)
		if res := reception.response(488); res.Reason != vAnswerKeys.reason {
			l.t.Errorf("refused with %q", res.Reason)
		}
		milano.request(sip.ACK)
		milano.answer(milano.request(sip.BYE), 200, "")
		milano.answerWith(req, 200, keyedSDP) // repeated
		reception.refused(invite)
		reception.quiet(time.Minute)
	},
	"in the answer, elsewhere than in a line of SDP": func(l *lab, transport string) {
		milano, reception := l.join("milano", "TLS"), l.join("reception", transport)
		milano.register()
		for i, how := range []string{
			"Content-Transfer-Encoding: base64\n" + sdpHeader + "\n\ndj0w",
			"X-SDP: a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\n" + sdpHeader + "\n\n" + bareSDP,
			sdpHeader + "\n\n" + bareSDP + "a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET\r\n",
		} {
			invite := msg{method: "INVITE", uri: "sip:milano@" + domain, callID: fmt.Sprint("k", i)}.with(bareSDP)
			reception.ask(invite)
			milano.answer(milano.request(sip.INVITE), 200, how)
			reception.past(488)
			reception.refused(invite)
			milano.request(sip.ACK)
			milano.answer(milano.request(sip.BYE), 200, "")
		}
	},
	"in the answer within a dialog": func(l *lab, transport string) {
		milano, reception := l.join("milano", "TLS"), l.join("reception", transport)
		milano.register()
		caller, _ := reception.call(milano, "sip:milano@"+domain)
		caller.ack()
		milano.request(sip.ACK)
		again := caller.in("INVITE").with(bareSDP)
		reception.ask(again)
		milano.answerWith(milano.request(sip.INVITE), 200, keyedSDP)
		reception.response(488)
		reception.refused(again)
		milano.request(sip.ACK)
		milano.silent(time.Second) // no BYE
		reception.ask(caller.in("UPDATE").with(bareSDP))
		milano.answerWith(milano.request(sip.UPDATE), 200, keyedSDP)
		reception.past(488)
	},
	"in the answer of a phone without TLS": func(l *lab, transport string) {
		office, reception := l.join("office", "TLS"), l.join("reception", transport)
		reception.register()
		office.ask(msg{method: "INVITE", uri: "sip:reception@" + domain, callID: "k"}.with(bareSDP))
		req := reception.request(sip.INVITE)
		reception.answerWith(req, 183, keyedSDP)
		office.response(100)
		office.silent(time.Second)
		reception.answerWith(req, 200, keyedSDP)
		office.response(488)
		reception.request(sip.ACK)
		reception.answer(reception.request(sip.BYE), 200, "")
		office.silent(time.Second)
	},
	"at the echo": func(l *lab, transport string) {
		reception := l.join("reception", transport)
		l.wantRefused(reception, msg{method: "INVITE", uri: "sip:echo@" + domain, callID: "k"}.with(keyedSDP), vKeysInClear)
		// Asked for an offer, the echo makes one without keys.
		reception.ask(msg{method: "INVITE", uri: "sip:echo@" + domain, callID: "n"})
		if res := reception.response(200); !strings.Contains(string(res.Body()), "RTP/AVP") {
			l.t.Errorf("the echo offers %s", res.Body())
		}
		e := l.earphone("office", "TLS")
		e.dial()
		moved := e.call
		moved.p = l.join("office", transport)
		for _, m := range []msg{moved.in("INVITE").with(e.offer()), moved.in("UPDATE").with(e.offer())} {
			l.wantRefused(moved.p, m, vKeysWithin)
		}
		for _, m := range []msg{moved.in("INVITE").with(bareSDP), moved.in("INVITE")} {
			l.wantRefused(moved.p, m, vMustWithin)
		}
		e.ask(e.call.in("INVITE").with(e.offer())) // the call is still there
		e.past(200)
	},
	"where nobody has looked before": func(l *lab, transport string) {
		p := l.join("reception", transport)
		p.register()
		b, _ := l.server.locate.reach("reception", time.Now())
		req := sip.NewRequest(sip.MESSAGE, sip.Uri{Scheme: "sip", User: "reception", Host: "x"})
		req.AppendHeader(l.server.site.leg("", b.Flow).via("z9hG4bK-1"))
		req.SetBody([]byte(multipart))
		hop{out: l.server.site.leg("reception", location.Flow(b.Flow))}.address(req)
		req.Laddr.IP, req.Laddr.Port = l.server.site.hosts.udpLocal()
		if transport != "UDP" {
			req.Laddr = sip.Addr{}
		}
		if err := l.server.stack.Write(req); err == nil {
			l.t.Error("written")
		}
		if !strings.Contains(l.log.String(), "a message with keys was not sent") {
			l.t.Error("the log says nothing")
		}
		p.silent(time.Second)
		p.register() // the connection is still there
	},
}

func TestKeysNeverInClear(t *testing.T) {
	for name, f := range keyCases {
		for _, transport := range []string{"UDP", "TCP"} {
			t.Run(name+", "+transport, func(t *testing.T) {
				simulate(t, withKeys, func(l *lab) { f(l, transport) })
			})
		}
	}
}

// keyed is a call of office to milano, over TLS and with keys.
func (l *lab) keyed() (dialog, called call, milano *peer) {
	l.t.Helper()
	milano = l.join("milano", "TLS")
	milano.register()
	office := l.join("office", "TLS")
	office.register()
	dialog, called = office.call(milano, "sip:milano@"+domain)
	dialog.ack()
	milano.request(sip.ACK)
	return dialog, called, milano
}

// ask1 is ask, but for a BYE, which is not challenged.
func (p *peer) ask1(m msg) {
	p.l.t.Helper()
	if m.method == "BYE" {
		p.write(p.text(m))
		return
	}
	p.ask(m)
}

// refused acknowledges the last answer to an INVITE.
func (p *peer) refused(m msg) {
	p.l.t.Helper()
	p.write(p.text(msg{method: "ACK", uri: m.uri, from: m.from, to: m.to, callID: m.callID, seq: p.seq,
		branch: fmt.Sprintf("z9hG4bK-%s-INVITE-%d", p.name, p.seq)}))
}

// past waits for a status, past whatever is repeated.
func (p *peer) past(status int) {
	p.l.t.Helper()
	for {
		m := p.next()
		if m == nil {
			p.l.t.Fatalf("%s: no %d", p.name, status)
		}
		if res, ok := m.(*sip.Response); ok && res.StatusCode == status {
			return
		}
	}
}

// quiet fails if something arrives within d but for what has been said before.
func (p *peer) quiet(d time.Duration) {
	p.l.t.Helper()
	for end := time.After(d); ; {
		select {
		case m := <-p.inbox:
			if res, ok := m.(*sip.Response); !ok || res.StatusCode != 488 {
				p.l.t.Fatalf("%s: got %v", p.name, m)
			}
		case <-end:
			return
		}
	}
}
