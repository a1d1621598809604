package negotiate

import (
	"fmt"
	"strings"
	"testing"
)

// apart is somebody with ICE whose reports have ports of their own.
func apart(l Local, letter string) Local {
	l = reachable(l, letter)
	for _, s := range []struct {
		ice   *ICE
		rtcp  *uint16
		media uint16
	}{{l.AudioICE, &l.AudioRTCP, l.AudioRTP}, {l.VideoICE, &l.VideoRTCP, l.VideoRTP}} {
		*s.rtcp = s.media + 1
		s.ice.Candidates = append(s.ice.Candidates, fmt.Sprintf("3 2 udp 2130706430 %s %d typ host", l.Address, *s.rtcp))
	}
	return l
}

// Whoever has no rtcp-mux gets candidates for both components, others for one: and only if those that were offered are where it says
// that it is (RFC 8839 §4.2.5). An answer that does not use them says so.
func TestComponents(t *testing.T) {
	offer, _ := session(t, apart(ours(), "a"), SDES).Offer()
	mux := string(offer)
	two := strings.ReplaceAll(mux, "a=rtcp-mux\r\n", "")
	for name, c := range map[string]struct {
		offer              string
		agreed, mux, twice bool
		mismatch, lite     bool
	}{
		"one port":                 {offer: mux, agreed: true, mux: true},
		"two ports":                {offer: two, agreed: true, twice: true},
		"no candidate for reports": {offer: without(two, "a=candidate:3 2"), agreed: true, twice: true},
		"another address in c=":    {offer: strings.ReplaceAll(two, "c=IN IP4 10.0.0.1", "c=IN IP4 203.0.113.9"), mismatch: true},
		"another port":             {offer: strings.ReplaceAll(mux, "m=audio 4000", "m=audio 4444"), mismatch: true, mux: true},
		"another port of reports":  {offer: strings.ReplaceAll(two, "a=rtcp:4001", "a=rtcp:4441"), mismatch: true},
		"their mirror's address":   {offer: strings.ReplaceAll(mux, "c=IN IP4 10.0.0.1", "c=IN IP4 203.0.113.1"), agreed: true, mux: true},
		"candidates to come":       {offer: without(mux, "a=candidate"), agreed: true, mux: true},
		"nowhere yet":              {offer: strings.ReplaceAll(mux, "m=audio 4000", "m=audio 9"), agreed: true, mux: true},
		"lite":                     {offer: strings.ReplaceAll(mux, "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n"), agreed: true, mux: true, lite: true},
		"they say it themselves":   {offer: strings.ReplaceAll(mux, "a=ice-ufrag", "a=ice-mismatch\r\na=ice-ufrag"), mux: true},
	} {
		answer, d, err := session(t, apart(other(), "b"), SDES).Answer([]byte(c.offer))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		audio, _, _ := strings.Cut(string(answer), "m=video")
		says := func(text string) bool { return strings.Contains(audio, text) }
		if (d.Audio.ICE != nil) != c.agreed || d.Audio.Mux != c.mux || d.Audio.ICE != nil && d.Audio.ICE.Lite != c.lite {
			t.Errorf("%s: %+v, %+v", name, d.Audio, d.Audio.ICE)
		}
		if says("a=ice-ufrag") != c.agreed || says("a=candidate:3 2 udp") != c.twice || says("a=ice-mismatch") != c.mismatch {
			t.Errorf("%s: answered\n%s", name, audio)
		}
		if want := map[bool]string{true: "a=rtcp:6000\r\n", false: "a=rtcp:6001\r\n"}[c.agreed && c.mux]; !says(want) {
			t.Errorf("%s: no %q in\n%s", name, want, audio)
		}
	}
	if OffersMux([]byte(two)) || !OffersMux([]byte(mux)) || OffersMux([]byte("no description")) {
		t.Error("it is not seen who has one port")
	}
}

// without is a description without the lines that begin so.
func without(text, begin string) string {
	var out []string
	for _, line := range strings.SplitAfter(text, "\r\n") {
		if !strings.HasPrefix(line, begin) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// Who asked no server is told the default alone.
func TestDefaultAlone(t *testing.T) {
	offer, _ := session(t, apart(ours(), "a"), SDES).Offer()
	if OffersRelay(offer) || OffersRelay([]byte("no")) || !OffersRelay([]byte(strings.ReplaceAll(string(offer), "typ srflx", "typ relay"))) {
		t.Error("an offer with a relay, and without")
	}
	if HostsAlone(offer) || !HostsAlone([]byte(without(string(offer), "a=candidate:2"))) || HostsAlone([]byte(without(string(offer), "a=candidate"))) || HostsAlone([]byte("no")) {
		t.Error("it is not seen who asked a server")
	}
	l := apart(ours(), "a")
	p := Place{l.AudioRTP, l.AudioRTCP, l.AudioICE}.DefaultAlone(l.Address)
	if !p.ICE.Has(MediaComponent) || !p.ICE.Has(ReportsComponent) || len(p.ICE.Candidates) != 2 || len(l.AudioICE.Candidates) != 3 {
		t.Errorf("%q of %q", p.ICE.Candidates, l.AudioICE.Candidates)
	}
	if p := (Place{RTP: 4000}).DefaultAlone(l.Address); p.ICE != nil {
		t.Errorf("%+v", p)
	}
}

func TestHasComponents(t *testing.T) {
	for candidate, want := range map[string]bool{
		"1 2 udp 1 10.0.0.1 4001 typ host": true, "1 2 UDP 1 2001:db8::1 4001 typ host": true,
		"1 1 udp 1 10.0.0.1 4001 typ host": false, "1 2 udp 1 phone.local 4001 typ host": false, "1 2 udp 1 10.0.0.1 70000 typ host": false,
		"1 2": false, "": false, "1 two udp 1 10.0.0.1 4001 typ host": false,
	} {
		if got := (&ICE{Candidates: []string{candidate}}).Has(ReportsComponent); got != want {
			t.Errorf("%q: %t", candidate, got)
		}
	}
}
