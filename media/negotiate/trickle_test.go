package negotiate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// trickling is somebody with ICE that has more to say.
func trickling(l Local, letter string) Local {
	l = reachable(l, letter)
	l.AudioICE.More, l.VideoICE.More, l.Trickle = true, true, true
	return l
}

// What one side finds later the other reads, in pieces of SDP, until there is no more.
func TestTrickle(t *testing.T) {
	a, b := session(t, trickling(ours(), "a"), SDES), session(t, trickling(other(), "b"), SDES)
	offer, answer, da, db := exchange(t, a, b)
	for _, sdp := range [][]byte{offer, answer} {
		if !OffersTrickle(sdp) || bytes.Contains(sdp, []byte("end-of-candidates")) || !bytes.Contains(sdp, []byte("a=ice-options:ice2 trickle\r\n")) {
			t.Errorf("it does not say that more comes:\n%s", sdp)
		}
	}
	if !da.Trickles() || !db.Trickles() || !da.Video.ICE.More || a.Mids() != (Mids{"audio", "video"}) || b.Mids() != a.Mids() {
		t.Errorf("agreed: %v, %v; %v, %v", da.Trickles(), db.Trickles(), a.Mids(), b.Mids())
	}
	more := func(letter string, whole bool) (audio, video *ICE) {
		audio, video = ways(letter, "10.0.0.9", 1), ways(letter, "10.0.0.9", 3)
		audio.More, video.More = !whole, !whole
		return audio, video
	}
	for range 2 { // the same again
		audio, video, err := a.Hear(b.Mids().Fragment(more("b", false)))
		if err != nil || audio == nil || video == nil || !audio.More || len(video.Candidates) != 2 || video.Candidates[0] != ways("b", "10.0.0.9", 3).Candidates[0] {
			t.Errorf("%+v, %+v, %v", audio, video, err)
		}
	}
	if audio, video, err := a.Hear(b.Mids().Fragment(more("b", true))); err != nil || audio.More || video.More {
		t.Errorf("%v, %v, %v", audio, video, err)
	}
	if audio, video, err := a.Hear(b.Mids().Fragment(more("b", true))); !errors.Is(err, errWhole) || audio != nil || video != nil {
		t.Errorf("after the end: %v, %v, %v", audio, video, err)
	}
}

// Whoever does not say that it takes candidates later has them all, and no names of streams.
func TestTrickleOneSided(t *testing.T) {
	a, b := session(t, trickling(ours(), "a"), SDES), session(t, reachable(other(), "b"), SDES)
	_, answer, da, db := exchange(t, a, b)
	if da.Trickles() || db.Trickles() || bytes.Contains(answer, []byte("trickle")) || bytes.Contains(answer, []byte("a=mid")) || !bytes.Contains(answer, []byte("a=end-of-candidates")) {
		t.Errorf("%v, %v:\n%s", da.Trickles(), db.Trickles(), answer)
	}
	if _, _, err := a.Hear((Mids{"audio", "video"}).Fragment(ways("b", "10.0.0.9", 1), nil)); err == nil {
		t.Error("candidates of somebody who has not agreed to name them are read")
	}
}

// What is wrong costs the stream that it is wrong for.
func TestHearRefuses(t *testing.T) {
	const good = "m=video 9 RTP/AVP 0\r\na=mid:video\r\na=ice-ufrag:bbbbbbbb\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb\r\na=candidate:1 1 udp 1 10.0.0.9 9 typ host\r\n"
	for name, test := range map[string]struct {
		fragment string
		want     error
		kept     bool // the good part
	}{
		"another mid":          {"m=audio 9 RTP/AVP 0\r\na=mid:x\r\n" + good, errUnknownMid, true},
		"no mid":               {"m=audio 9 RTP/AVP 0\r\na=ice-ufrag:bbbbbbbb\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb\r\n" + good, errUnknownMid, true},
		"a mid without end":    {"m=audio 9 RTP/AVP 0\r\na=mid:" + strings.Repeat("a", 500) + "\r\n" + good, errUnknownMid, true},
		"another ufrag":        {strings.Replace(good, "ufrag:bb", "ufrag:xx", 1), errOtherUfrag, false},
		"another password":     {strings.Replace(good, "pwd:bb", "pwd:xx", 1), errOtherUfrag, false},
		"no credentials":       {"m=video 9 RTP/AVP 0\r\na=mid:video\r\n", errOtherUfrag, false},
		"a short ufrag":        {strings.Replace(good, "bbbbbbbb", "b", 1), errICE, false},
		"of the whole session": {"a=ice-ufrag:bbbbbbbb\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb\r\nm=video 9 RTP/AVP 0\r\na=mid:video\r\na=candidate:1 1 udp 1 10.0.0.9 9 typ host\r\n", nil, true},
		"nothing":              {"", nil, false},
	} {
		a, b := session(t, trickling(ours(), "a"), SDES), session(t, trickling(other(), "b"), SDES)
		exchange(t, a, b)
		audio, video, err := a.Hear([]byte(test.fragment))
		if !errors.Is(err, test.want) || audio != nil || (video != nil) != test.kept {
			t.Errorf("%s: %v, %v, %v", name, audio, video, err)
		}
	}
	a, b := session(t, trickling(ours(), "a"), SDES), session(t, trickling(other(), "b"), SDES)
	exchange(t, a, b)
	flood := good
	for i := range 200 {
		flood += fmt.Sprintf("a=candidate:%d 1 udp 1 10.0.1.%d 9 typ host\r\n", i, i)
	}
	if _, video, err := a.Hear([]byte(flood)); err != nil || len(video.Candidates) != maxCandidates {
		t.Errorf("%v, %v", video, err)
	}
	for _, fragment := range []string{strings.Repeat(good, 200), strings.Repeat("m=audio 9 RTP/AVP 0\r\n", 100), "\x00\x01", "rubbish"} {
		if audio, video, err := a.Hear([]byte(fragment)); err == nil || audio != nil || video != nil {
			t.Errorf("%.20q…: %v, %v, %v", fragment, audio, video, err)
		}
	}
}

// Whatever comes in an INFO ends nothing.
func FuzzHear(f *testing.F) {
	f.Add([]byte("m=audio 9 RTP/AVP 0\r\na=mid:audio\r\na=ice-ufrag:bbbbbbbb\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbb\r\na=candidate:1 1 udp 1 10.0.0.9 9 typ host\r\na=end-of-candidates\r\n"))
	f.Add([]byte("a=end-of-candidates\r\nm=video 9 RTP/AVP 0\r\na=mid:video\r\n"))
	f.Fuzz(func(t *testing.T, fragment []byte) {
		a, b := session(t, trickling(ours(), "a"), None), session(t, trickling(other(), "b"), None)
		exchange(t, a, b)
		audio, video, _ := a.Hear(fragment)
		for _, s := range []*ICE{audio, video} {
			if s != nil && (len(s.Candidates) > maxCandidates || s.Fragment != "bbbbbbbb") {
				t.Errorf("%+v", s)
			}
		}
	})
}
