package proxy

import (
	"testing"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// Ways that windows name within their call go on as they are (RFC 8840); somebody else, who knows all of the dialog, names none.
func TestTrickle(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		caller, called := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		for _, side := range []struct{ from, to call }{{caller, called}, {called, caller}} {
			m := trickles(side.from.in("INFO"))
			side.from.p.ask(m)
			info := side.to.p.request(sip.INFO)
			if string(info.Body()) != m.body || header.MediaType(info) != header.TrickleType || header.First(info, header.InfoPackage) != header.TricklePackage {
				t.Errorf("%s", info)
			}
			side.to.p.answer(info, 200, "")
			side.from.p.response(200)
		}
		thief := caller
		thief.p = l.join("office", "TLS")
		thief.p.register()
		if res := thief.p.final(trickles(thief.in("INFO"))); res.StatusCode != 403 {
			t.Errorf("%s", res)
		}
		munich.silent(0)
	})
}
