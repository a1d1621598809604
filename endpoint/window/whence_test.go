package window

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/media/negotiate"
)

// plainPhone is a plan by which a phone calls milano without SRTP.
func plainPhone() *programme.Programme {
	p := plan("milano")
	p.Links, p.Phones[0].Security = nil, programme.None
	return p
}

// hidden is what a phone offers behind a router, or another machine that would have our pictures.
func hidden(offer []byte, behind string) []byte {
	return []byte(strings.ReplaceAll(string(offer), farHost.String(), behind))
}

// A phone without SRTP behind a router says an address that nobody reaches: it is heard, and sees us, from where its signalling comes,
// as the registrar says; after a move too. Without that word nothing is believed, and nothing sent but to where it said.
func TestPlainPhoneBehindRouter(t *testing.T) {
	elsewhere := netip.MustParseAddr("10.0.1.3")
	for name, c := range map[string]struct {
		from, ours netip.Addr // as the registrar says
		heard      bool
	}{
		"told":                       {farHost, milanoHost, true},
		"an old registrar":           {netip.Addr{}, netip.Addr{}, false},
		"somebody else's media":      {elsewhere, milanoHost, false},
		"both behind the same":       {farHost, farHost, true}, // it is believed, and not sent to before it speaks
		"moved between two requests": {elsewhere, milanoHost, true},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				l.net.PowerOn(elsewhere)
				l.planned(plainPhone())
				f := l.far(negotiate.None)
				defer f.close()
				offer := hidden(f.offer(), "192.168.7.20")
				in := l.inviteFrom("p", "desk", offer, c.from, c.ours)
				f.accept(<-in.answered)
				in.ack <- nil
				f.talk()
				time.Sleep(time.Second)
				if name == "moved between two requests" {
					in.from(farHost, milanoHost)
					<-l.reoffer(in.fakeDialog, offer).answer
					f.talk()
					time.Sleep(time.Second)
				}
				call := l.w.Status().Calls[0]
				if heard, seen := call.Figures.SoundIn > 0, f.pictures() > 0; heard != c.heard || seen != c.heard {
					t.Errorf("the phone is heard: %t, sees the window: %t, want %t: %+v", heard, seen, c.heard, call)
				}
			})
		})
	}
}
