package window

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"

	"ewindow/media"
	"ewindow/media/negotiate"
	"ewindow/media/reach"
	"ewindow/registrar/signal/relays"
)

// cable is a network of two machines for searches of ways.
type cable struct {
	nets  map[netip.Addr]*vnet.Net
	asked atomic.Bool // somebody asked nobody
}

const nobody = "10.0.1.9" // a server that is not there

func (l *lab) cable() *cable {
	l.t.Helper()
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	c := &cable{nets: map[netip.Addr]*vnet.Net{}}
	router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.0.1.0/24", LoggerFactory: quiet})
	for _, at := range []netip.Addr{milanoHost, farHost} {
		if err == nil {
			if c.nets[at], err = vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{at.String()}}); err == nil {
				err = router.AddNet(c.nets[at])
			}
		}
	}
	if err == nil {
		router.AddChunkFilter(func(p vnet.Chunk) bool {
			if strings.HasPrefix(p.DestinationAddr().String(), nobody) {
				c.asked.Store(true)
			}
			return true
		})
		err = router.Start()
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = router.Stop() })
	l.w.cfg.Gather = func(ctx context.Context, cfg reach.Config) (*reach.Paths, error) {
		cfg.Net = c.nets[milanoHost]
		return reach.Gather(ctx, cfg)
	}
	return c
}

// seeker is the other end of a call whose ways are sought. It has no media: the window is silent to it.
type seeker struct {
	t     *testing.T
	sdp   *negotiate.Session
	paths *reach.Paths
}

func (c *cable) seeker(t *testing.T) *seeker {
	t.Helper()
	paths, err := reach.Gather(context.Background(), reach.Config{Local: farHost, Video: true, Net: c.nets[farHost]})
	if err != nil {
		t.Fatal(err)
	}
	address, audio, video := paths.Places()
	sdp, err := negotiate.NewSession(negotiate.Local{Address: address, AudioRTP: audio.RTP, AudioRTCP: audio.RTCP, VideoRTP: video.RTP, VideoRTCP: video.RTCP,
		AudioICE: audio.ICE, VideoICE: video.ICE, Width: hd.Width, Height: hd.Height, FPS: hd.FPS, MaxKbps: hd.Kbps, SessionID: 7,
		Fingerprint: newIdentity(nil, slog.New(slog.DiscardHandler)).Fingerprint()}, negotiate.DTLS)
	if err != nil {
		t.Fatal(err)
	}
	return &seeker{t, sdp, paths}
}

// anew is an offer of other ways.
func (s *seeker) anew() []byte {
	s.t.Helper()
	if err := s.paths.Renew(context.Background(), reach.Relays{}); err != nil {
		s.t.Fatal(err)
	}
	s.paths.Control(true)
	if err := s.sdp.Move(s.paths.Places()); err != nil {
		s.t.Fatal(err)
	}
	offer, err := s.sdp.Offer()
	if err != nil {
		s.t.Fatal(err)
	}
	return offer
}

// agreed begins the checks.
func (s *seeker) agreed(d negotiate.Description) {
	for way, stream := range map[media.Way]*negotiate.Stream{s.paths.Ways().Audio: d.Audio, s.paths.Ways().Video: d.Video} {
		way.Agree(stream)
	}
}

// Whoever offers other ways as fast as it is answered is answered a few times at once, and then every five seconds: each answer takes
// addresses at relays. The call goes on.
func TestRestartStorm(t *testing.T) {
	simulate(t, func(l *lab) {
		t, c := l.t, l.cable()
		s := c.seeker(t)
		defer s.paths.Close()
		l.online(plan("milano"))
		o := <-l.sip.invites
		answer, d, err := s.sdp.Answer(o.offer)
		if err != nil {
			t.Fatal(err)
		}
		s.agreed(d)
		dialog := newDialog("a")
		o.reply <- established{dialog, "a", answer}
		time.Sleep(time.Second)
		var answers []time.Duration
		for began := time.Now(); time.Since(began) < 13*time.Second && len(answers) < 20; {
			theirs := l.reoffer(dialog, s.anew())
			select {
			case sdp := <-theirs.answer:
				if d, err = s.sdp.Accept(sdp); err != nil {
					t.Fatal(err)
				}
				s.agreed(d)
				answers = append(answers, time.Since(began).Truncate(time.Second))
			case status := <-theirs.reject: // it crossed one of ours
				t.Logf("refused: %d %s", status, <-theirs.reason)
			}
		}
		want := []time.Duration{0, 0, 0, 0, 0, 5 * time.Second, 10 * time.Second, 15 * time.Second}
		if !slices.Equal(answers, want) {
			t.Errorf("answered after %v, want %v", answers, want)
		}
		time.Sleep(time.Second)
		if path := l.w.Status().Call("munich").Path; path != "host" || len(dialog.said()) > 0 {
			t.Errorf("path %q, said %v", path, dialog.said())
		}
	})
}

// Both sides look for other ways at once. Whoever hears of the other's offer while its own is not on its way answers that, with the
// ways that it has gathered, instead of insisting: else both refuse each other's again and again.
func TestCrossingSearches(t *testing.T) {
	for name, late := range map[string]bool{"ours is still gathered for": false, "ours met theirs and waits": true} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				t, c := l.t, l.cable()
				s := c.seeker(t)
				defer s.paths.Close()
				l.online(plan("milano"))
				o := <-l.sip.invites
				answer, d, err := s.sdp.Answer(o.offer)
				if err != nil {
					t.Fatal(err)
				}
				s.agreed(d)
				dialog := newDialog("a")
				o.reply <- established{dialog, "a", answer}
				time.Sleep(3 * time.Second)
				if path := l.w.Status().Call("munich").Path; path != "host" {
					t.Fatalf("path %q", path)
				}
				// Nothing comes: other ways are sought, which takes its time with a server that is not there, and are offered.
				l.sip.tell(relaysCame{&relays.Relays{Version: 1, URIs: []string{"stun:" + nobody + ":3478"}, Expires: time.Now().Add(time.Hour)}})
				for until := time.Now().Add(20 * time.Second); !c.asked.Load() || late && len(dialog.offers) == 0; time.Sleep(100 * time.Millisecond) {
					if time.Now().After(until) {
						t.Fatal("no other ways were sought")
					}
				}
				theirs := l.reoffer(dialog, s.anew())
				select {
				case sdp := <-theirs.answer:
					d, err := s.sdp.Accept(sdp)
					if err != nil {
						t.Fatal(err)
					}
					s.agreed(d)
				case status := <-theirs.reject:
					t.Fatalf("refused: %d %s", status, <-theirs.reason)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if path := l.w.Status().Call("munich").Path; path != "host" || s.paths.Path() != "host" {
					t.Errorf("path %q, theirs %q", path, s.paths.Path())
				}
				if late { // ours was given up
					<-dialog.offers
					(<-dialog.reinvites) <- []byte("too late")
				}
				time.Sleep(time.Second)
				if len(dialog.offers) > 0 || len(dialog.said()) > 0 {
					t.Error("ours was made all the same")
				}
			})
		})
	}
}
