package window

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
	"ewindow/media/reach"
	"ewindow/registrar/signal/relays"
)

const waits = 1500 * time.Millisecond // for a server that does not answer

// slow has the window ask a server that does not answer.
func (l *lab) slow() {
	l.sip.tell(relaysCame{&relays.Relays{URIs: []string{"stun:" + nobody + ":3478"}, Username: "milano", Password: "secret", Expires: time.Now().Add(time.Hour)}})
	synctest.Wait()
}

// shy is a seeker whose SDP names a place where it is not; where it is comes later.
func (c *cable) shy(t *testing.T) (s *seeker, later func() []byte) {
	t.Helper()
	paths, err := reach.Gather(context.Background(), reach.Config{Local: farHost, Video: true, Net: c.nets[farHost]})
	if err != nil {
		t.Fatal(err)
	}
	_, audio, video := paths.Places()
	elsewhere := func(p negotiate.Place) *negotiate.ICE {
		ice := *p.ICE
		ice.Candidates, ice.More = []string{fmt.Sprintf("1 1 udp 2130706431 10.0.1.7 %d typ host", p.RTP)}, true
		return &ice
	}
	sdp, err := negotiate.NewSession(negotiate.Local{Address: netip.MustParseAddr("10.0.1.7"), AudioRTP: audio.RTP, AudioRTCP: audio.RTCP, VideoRTP: video.RTP, VideoRTCP: video.RTCP,
		AudioICE: elsewhere(audio), VideoICE: elsewhere(video), Trickle: true, Width: hd.Width, Height: hd.Height, FPS: hd.FPS, MaxKbps: hd.Kbps, SessionID: 7,
		Fingerprint: newIdentity(nil, slog.New(slog.DiscardHandler)).Fingerprint()}, negotiate.DTLS)
	if err != nil {
		t.Fatal(err)
	}
	return &seeker{t, sdp, paths}, func() []byte { return sdp.Mids().Fragment(audio.ICE, video.ICE) }
}

// whole says whether a description or a piece of one names all ways.
func whole(sdp []byte) bool {
	return bytes.Count(sdp, []byte("a=end-of-candidates")) == bytes.Count(sdp, []byte("m="))
}

// A window that calls another one does not wait for servers: what they say follows, once the call is confirmed; and what the other side
// tells is checked, even if it comes before our INVITE has returned.
func TestTrickleCall(t *testing.T) {
	simulate(t, func(l *lab) {
		t, c := l.t, l.cable()
		far, later := c.shy(t)
		defer far.paths.Close()
		l.sip.trickles = true
		l.slow()
		begun := time.Now()
		l.online(plan("milano"))
		o := <-l.sip.invites
		if took := time.Since(begun); took > 100*time.Millisecond || whole(o.offer) || !negotiate.OffersTrickle(o.offer) {
			t.Errorf("the INVITE went out after %v with\n%s", took, o.offer)
		}
		answer, d, err := far.sdp.Answer(o.offer)
		if err != nil {
			t.Fatal(err)
		}
		far.agreed(d)
		dialog := newDialog("a")
		dialog.trickles, dialog.fragments = true, make(chan []byte, 10)
		l.sip.tell(trickleCame{dialog, later()})
		l.sip.tell(trickleCame{newDialog("another"), later()})
		synctest.Wait()
		if len(dialog.fragments) > 0 {
			t.Error("an INFO before the call is confirmed")
		}
		o.reply <- established{dialog, "a", answer}
		time.Sleep(time.Second)
		if path := l.w.Status().Call("munich").Path; path != "host" {
			t.Errorf("path %q; %s", path, l.log.Take())
		}
		last := <-dialog.fragments
		if took := time.Since(begun); took < waits || took > waits+100*time.Millisecond || !whole(last) || len(dialog.fragments) > 0 {
			t.Errorf("after %v:\n%s", took, last)
		}
		if audio, _, err := far.sdp.Hear(last); err != nil || audio == nil || audio.More {
			t.Errorf("%v, %v", audio, err)
		}

		// Without end, and of others: bounded, and said once.
		for range mostFragments + 20 {
			l.sip.tell(trickleCame{dialog, later()})
		}
		synctest.Wait()
		log := l.log.Take()
		if n := strings.Count(log, "without end"); n != 1 {
			t.Errorf("said %d times", n)
		}
		if n := strings.Count(log, "audio: they come after the end of candidates"); n != 1 {
			t.Errorf("said %d times:\n%s", n, log)
		}
	})
}

// Whoever does not take ways later gets all at once.
func TestNoTrickle(t *testing.T) {
	simulate(t, func(l *lab) {
		l.cable()
		l.slow()
		begun := time.Now()
		l.online(plan("milano"))
		o := <-l.sip.invites
		if took := time.Since(begun); took < waits || !whole(o.offer) {
			l.t.Errorf("after %v:\n%s", took, o.offer)
		}
	})
}

// Whoever has said that it takes ways later, and then does not, is offered all of them.
func TestTrickleTurnedDown(t *testing.T) {
	simulate(t, func(l *lab) {
		t, c := l.t, l.cable()
		far := c.seeker(t)
		defer far.paths.Close()
		l.sip.trickles = true
		l.slow()
		l.online(plan("milano"))
		o := <-l.sip.invites
		answer, d, err := far.sdp.Answer(o.offer)
		if err != nil {
			t.Fatal(err)
		}
		far.agreed(d)
		if bytes.Contains(answer, []byte("trickle")) || bytes.Contains(answer, []byte("a=mid")) {
			t.Errorf("the answer has\n%s", answer)
		}
		dialog := newDialog("a")
		begun := time.Now()
		o.reply <- established{dialog, "a", answer}
		offer := <-dialog.offers
		if took := time.Since(begun); took > 2*waits || !whole(offer) {
			t.Errorf("after %v:\n%s", took, offer)
		}
	})
}

// A call of another window that takes ways later is answered at once, and told the rest when it is confirmed; one of a window that does
// not is answered with all.
func TestTrickleAnswer(t *testing.T) {
	for _, takes := range []bool{true, false} {
		simulate(t, func(l *lab) {
			t, c := l.t, l.cable()
			far, later := c.shy(t)
			defer far.paths.Close()
			l.slow()
			l.planned(plan("milano"))
			offer, err := far.sdp.Offer()
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			in := newDialog("b")
			in.trickles, in.fragments = takes, make(chan []byte, 10)
			answered, ack := make(chan []byte, 1), make(chan struct{})
			l.sip.tell(invitation{dialog: in, callID: "b", from: "munich", offer: offer,
				answer: func(_ context.Context, sdp []byte) error { answered <- sdp; <-ack; return nil },
				reject: func(status int, reason string, _ time.Duration) { t.Errorf("%d %s", status, reason) }})
			var answer []byte
			select {
			case answer = <-answered:
			case <-time.After(time.Minute):
				t.Fatal("not answered")
			}
			if took := time.Since(begun); takes == (took > 100*time.Millisecond) || takes == whole(answer) {
				t.Errorf("takes ways later: %v; answered after %v with\n%s", takes, took, answer)
			}
			d, err := far.sdp.Accept(answer)
			if err != nil {
				t.Fatal(err)
			}
			far.agreed(d)
			time.Sleep(2 * waits)
			if len(in.fragments) > 0 {
				t.Error("an INFO before the ACK")
			}
			close(ack)
			l.sip.tell(trickleCame{in, later()})
			time.Sleep(time.Second)
			if path := l.w.Status().Call("munich").Path; path != "host" {
				t.Errorf("path %q", path)
			}
			if n := len(in.fragments); takes && (n != 1 || !whole(<-in.fragments)) || !takes && n > 0 {
				t.Errorf("takes ways later: %v; told %d times", takes, n)
			}
		})
	}
}
