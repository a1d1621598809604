package window

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"ewindow/media"
	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
	"ewindow/scripts/lab/sockets"
)

// sixAgent is registered over IPv6.
type sixAgent struct{ *fakeAgent }

var six = netip.MustParseAddr("2001:db8::9")

func (sixAgent) LocalAddr() netip.Addr { return six }

// A window that is registered over IPv6 answers an offer of IPv4 where the machine has that, and one of IPv6; a registrar that sees it by
// the other family than its media says nothing of relays then.
func TestOffersOfBothFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New(1)
		net.PowerOn(six)
		net.PowerOn(milanoHost)
		w := &Window{sip: sixAgent{&fakeAgent{}}, cfg: Config{Video: hd,
			Towards: func(netip.Addr) (netip.Addr, error) { return milanoHost, nil },
			Listen:  func(a netip.Addr) (*media.Sockets, error) { return sockets.Listen(net, a) }}}
		for theirs, want := range map[string]string{"IP4 192.0.2.9": "c=IN IP4 " + milanoHost.String(), "IP6 2001:db8::7": "c=IN IP6 " + six.String()} {
			offer := "v=0\r\no=- 1 1 IN " + theirs + "\r\ns=-\r\nc=IN " + theirs + "\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
			g := w.prepare(context.Background(), "x", []byte(offer), negotiate.None, sight{}, whence{netip.MustParseAddr("2001:db8::7"), six}, nil)
			if g.err != nil || !strings.Contains(string(g.body), want+"\r\n") || g.agreed.Audio == nil {
				t.Errorf("%s is answered with %v\n%s", theirs, g.err, g.body)
			}
			g.release()
		}
	})
}
