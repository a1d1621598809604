package negotiate

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// ways are how somebody is reached, told apart by a letter.
func ways(letter, address string, port int) *ICE {
	return &ICE{Fragment: strings.Repeat(letter, 8), Password: strings.Repeat(letter, 24), Candidates: []string{
		fmt.Sprintf("1 1 udp 2130706431 %s %d typ host", address, port),
		fmt.Sprintf("2 1 udp 1694498815 203.0.113.1 %d typ srflx raddr %s rport %d", port, address, port),
	}}
}

// reachable is somebody with ICE.
func reachable(l Local, letter string) Local {
	l.AudioRTCP, l.VideoRTCP = l.AudioRTP, l.VideoRTP
	at := l.Address.String()
	l.AudioICE, l.VideoICE = ways(letter, at, int(l.AudioRTP)), ways(letter, at, int(l.VideoRTP))
	return l
}

func TestICE(t *testing.T) {
	a, b := session(t, reachable(ours(), "a"), SDES), session(t, reachable(other(), "b"), SDES)
	offer, answer, da, db := exchange(t, a, b)
	for _, s := range []*Stream{da.Audio, da.Video} {
		if s.ICE == nil || s.ICE.Fragment != "bbbbbbbb" || len(s.ICE.Candidates) != 2 {
			t.Errorf("of the answer: %+v\n%s", s.ICE, answer)
		}
	}
	if !reflect.DeepEqual(db.Video.ICE, ways("a", "10.0.0.1", 4002)) {
		t.Errorf("of the offer: %+v\n%s", db.Video.ICE, offer)
	}
	if !OffersICE(offer) || b.Seeks(offer) || !da.ICE() {
		t.Error("it is not seen which ways are new")
	}
	if !bytes.Contains(offer, []byte("a=ice-options:ice2\r\n")) {
		t.Errorf("no ice2 in\n%s", offer)
	}
}

// Ways that move are agreed on anew by both; if that fails, all is as it was.
func TestICERestart(t *testing.T) {
	a, b := session(t, reachable(ours(), "a"), SDES), session(t, reachable(other(), "b"), SDES)
	first, _, _, _ := exchange(t, a, b)
	move := func(s *Session, letter string, port uint16) {
		t.Helper()
		l := s.local
		if err := s.Move(l.Address, Place{port, port, ways(letter, l.Address.String(), int(port))}, Place{port + 2, port + 2, ways(letter, l.Address.String(), int(port)+2)}); err != nil {
			t.Fatal(err)
		}
	}
	move(a, "c", 5000)
	offer, err := a.Offer()
	if err != nil || !b.Seeks(offer) {
		t.Fatalf("%v, seeks %t:\n%s", err, b.Seeks(offer), offer)
	}
	move(b, "d", 7000)
	answer, db, err := b.Answer(offer)
	if err != nil {
		t.Fatal(err)
	}
	da, err := a.Accept(answer)
	if err != nil || da.Audio.ICE.Fragment != "dddddddd" || db.Audio.ICE.Fragment != "cccccccc" {
		t.Fatalf("%v, %+v, %+v", err, da.Audio.ICE, db.Audio.ICE)
	}
	again, _ := a.Offer()
	a.Withdraw()
	move(a, "e", 8000)
	if moved, _ := a.Offer(); bytes.Contains(moved, []byte("cccccccc")) || bytes.Equal(moved, first) {
		t.Errorf("the new ways are not offered:\n%s", moved)
	}
	a.Withdraw()
	if after, _ := a.Offer(); !sameBody(again, after) {
		t.Errorf("after an offer that was refused:\n%s\nwas\n%s", after, again)
	}
	a.Withdraw()
	move(b, "f", 9000)
	if _, _, err := b.Answer([]byte("v=0\r\n")); !errors.Is(err, ErrNotAcceptable) {
		t.Fatal(err)
	}
	if offer, _ := b.Offer(); !bytes.Contains(offer, []byte("dddddddd")) {
		t.Errorf("after an offer that could not be answered:\n%s", offer)
	}
}

// sameBody compares descriptions but for o=, whose version grows.
func sameBody(a, b []byte) bool {
	rest := func(d []byte) []byte { return d[bytes.Index(d, []byte("s=-")):] }
	return bytes.Equal(rest(a), rest(b))
}

// Who has no ICE is met without, and nobody is refused for it.
func TestWithoutICE(t *testing.T) {
	a, b := session(t, reachable(ours(), "a"), SDES), session(t, other(), SDES)
	_, answer, da, db := exchange(t, a, b)
	if da.ICE() || db.ICE() || bytes.Contains(answer, []byte("ice-")) || da.Audio.RTP.Port() != 6000 || db.Audio.RTP.Port() != 4000 {
		t.Errorf("%+v\n%+v\n%s", da.Audio, db.Audio, answer)
	}
	a, b = session(t, ours(), SDES), session(t, reachable(other(), "b"), SDES)
	if _, answer, da, db := exchange(t, a, b); da.ICE() || db.ICE() || bytes.Contains(answer, []byte("ice-ufrag")) {
		t.Errorf("%+v\n%+v\n%s", da.Audio, db.Audio, answer)
	}
}

func TestOffersOfICE(t *testing.T) {
	offer, _ := session(t, reachable(ours(), "a"), SDES).Offer()
	for name, c := range map[string]struct {
		old, new string
		agreed   bool
		refused  string
	}{
		"as it is":            {"", "", true, ""},
		"no address yet":      {"c=IN IP4 10.0.0.1", "c=IN IP4 0.0.0.0", true, ""},
		"another family":      {"c=IN IP4 10.0.0.1", "c=IN IP6 2001:db8::1", true, ""},
		"no rtcp-mux":         {"a=rtcp-mux\r\n", "", false, ""},
		"a short fragment":    {"a=ice-ufrag:aaaaaaaa", "a=ice-ufrag:aaa", false, "a=ice-ufrag has 3 characters, want 4 to 256"},
		"no password":         {"a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n", "", false, "a=ice-pwd has 0 characters, want 22 to 256"},
		"a long fragment":     {"a=ice-ufrag:aaaaaaaa", "a=ice-ufrag:" + strings.Repeat("a", 257), false, "a=ice-ufrag has 257 characters"},
		"candidates for days": {"a=end-of-candidates\r\n", strings.Repeat("a=candidate:1 1 udp 1 10.0.0.9 9 typ host\r\n", 500), true, ""},
	} {
		s := session(t, reachable(other(), "b"), SDES)
		_, d, err := s.Answer(bytes.ReplaceAll(offer, []byte(c.old), []byte(c.new)))
		switch {
		case c.refused != "":
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case (d.Audio.ICE != nil) != c.agreed:
			t.Errorf("%s: %+v", name, d.Audio.ICE)
		case c.agreed && (len(d.Audio.ICE.Candidates) > maxCandidates || !d.Audio.Direction.Sends()):
			t.Errorf("%s: %d candidates, %s", name, len(d.Audio.ICE.Candidates), d.Audio.Direction)
		}
	}
}
