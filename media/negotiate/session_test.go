package negotiate

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// other is a second window, at 10.0.0.2, with other keys.
func other() Local {
	l := ours()
	l.Address = netip.MustParseAddr("10.0.0.2")
	l.AudioRTP, l.AudioRTCP, l.VideoRTP, l.VideoRTCP = 6000, 6001, 6002, 6003
	l.Rand = rand.NewChaCha8([32]byte{2})
	return l
}

func session(t *testing.T, l Local, p Policy) *Session {
	t.Helper()
	s, err := NewSession(l, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exchange lets a offer and b answer.
func exchange(t *testing.T, a, b *Session) (offer, answer []byte, da, db Description) {
	t.Helper()
	offer, err := a.Offer()
	if err != nil {
		t.Fatal(err)
	}
	answer, db, err = b.Answer(offer)
	if err != nil {
		t.Fatalf("Answer: %v\n%s", err, offer)
	}
	da, err = a.Accept(answer)
	if err != nil {
		t.Fatalf("Accept: %v\n%s", err, answer)
	}
	return offer, answer, da, db
}

// mirrored checks that two descriptions are the two ends of the same streams.
func mirrored(t *testing.T, a, b Description) {
	t.Helper()
	for _, pair := range [][2]*Stream{{a.Audio, b.Audio}, {a.Video, b.Video}} {
		x, y := pair[0], pair[1]
		if (x == nil) != (y == nil) {
			t.Errorf("one side has a stream, the other none: %v, %v", x, y)
			continue
		}
		if x == nil {
			continue
		}
		if !reflect.DeepEqual(x.Send, y.Receive) || !reflect.DeepEqual(x.Receive, y.Send) {
			t.Errorf("%s: keys do not fit", x.Codec)
		}
		if x.Send != nil && x.Send.equal(x.Receive) {
			t.Errorf("%s: one key both ways", x.Codec)
		}
		if x.Codec != y.Codec || x.ClockRate != y.ClockRate || x.SendType != y.ReceiveType || x.ReceiveType != y.SendType ||
			x.EventType != y.EventType || x.Mux != y.Mux || x.Mode != y.Mode || x.PLI != y.PLI || x.FIR != y.FIR {
			t.Errorf("%+v\n%+v", x, y)
		}
		if x.Direction.Sends() != y.Direction.Receives() || x.Direction.Receives() != y.Direction.Sends() {
			t.Errorf("%s: %s and %s", x.Codec, x.Direction, y.Direction)
		}
	}
}

func TestOfferText(t *testing.T) {
	o, err := NewOffer(ours(), SDES)
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	var kept []string
	for line := range strings.SplitSeq(string(o.SDP()), "\r\n") {
		if strings.HasPrefix(line, "a=crypto:") {
			keys++
			if line, _, _ = strings.Cut(line, " inline:"); keys > 2 {
				continue
			}
		}
		kept = append(kept, line)
	}
	want := `v=0
o=- 77 1 IN IP4 10.0.0.1
s=-
c=IN IP4 10.0.0.1
t=0 0
a=record:off
m=audio 4000 RTP/SAVP 96 9 0 8 100 101
a=rtpmap:96 opus/48000/2
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:100 telephone-event/48000
a=fmtp:100 0-15
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
a=rtcp:4001
a=rtcp-mux
a=crypto:1 AEAD_AES_128_GCM
a=crypto:2 AES_CM_128_HMAC_SHA1_80
m=video 4002 RTP/SAVP 97 98
b=TIAS:2000000
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
a=rtpmap:98 H264/90000
a=fmtp:98 profile-level-id=42e01f;packetization-mode=0;level-asymmetry-allowed=1
a=sendrecv
a=rtcp:4003
a=rtcp-fb:97 nack pli
a=rtcp-fb:97 ccm fir
a=rtcp-fb:98 nack pli
a=rtcp-fb:98 ccm fir
a=rtcp-mux
`
	if got := strings.Join(kept, "\n"); got != want {
		t.Errorf("offer:\n%s\nwant:\n%s", got, want)
	}
	if keys != 4 {
		t.Errorf("%d keys", keys)
	}
}

// Every pair of policies and sizes agrees, with swapped keys, or fails on the side that cannot.
func TestOfferAnswerAccept(t *testing.T) {
	for _, a := range []Policy{GCM, SDES, None} {
		for _, b := range []Policy{GCM, SDES, None} {
			for _, change := range []func(*Local){
				func(l *Local) {},
				func(l *Local) { l.VideoRTP, l.VideoRTCP = 0, 0 },
				func(l *Local) { l.Width, l.Height, l.MaxKbps = 1920, 1080, 0 },
				func(l *Local) { l.HideCamera = true },
			} {
				la, lb := ours(), other()
				change(&lb)
				sa, sb := session(t, la, a), session(t, lb, b)
				offer, err := sa.Offer()
				if err != nil {
					t.Fatal(err)
				}
				answer, db, err := sb.Answer(offer)
				if a == None && b != None {
					if !errors.Is(err, ErrNotAcceptable) {
						t.Errorf("%s offers to %s: %v", a, b, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s offers to %s: %v", a, b, err)
				}
				da, err := sa.Accept(answer)
				if err != nil {
					t.Fatalf("%s accepts of %s: %v", a, b, err)
				}
				mirrored(t, da, db)
				if want := a != None; (da.Audio.Send != nil) != want {
					t.Errorf("%s offers to %s: protected %v, want %v", a, b, !want, want)
				}
				if a != None && da.Audio.Send.Suite != AEAD_AES_128_GCM {
					t.Errorf("%s is not the first suite", da.Audio.Send.Suite)
				}
				// The other way round, in the same dialog.
				_, _, db2, da2 := exchange(t, sb, sa)
				mirrored(t, da2, db2)
				if da.Audio.Send != nil && !da.Audio.Send.equal(da2.Audio.Send) {
					t.Error("a re-INVITE the other way changes the key")
				}
				strict(t, offer)
				strict(t, answer)
			}
		}
	}
}

// strict reads a description of ours with pion's parser, which forgives nothing.
func strict(t *testing.T, b []byte) {
	t.Helper()
	var d sdp.SessionDescription
	if err := d.Unmarshal(b); err != nil {
		t.Errorf("a strict parser: %v\n%s", err, b)
	}
}

func TestLevelsOfTwoSizes(t *testing.T) {
	la, lb := ours(), other()
	lb.Width, lb.Height = 1920, 1080
	_, _, da, db := exchange(t, session(t, la, GCM), session(t, lb, GCM))
	if da.Video.Profile.String() != "42e028" || db.Video.Profile.String() != "42e01f" {
		t.Errorf("we may send %v and they %v", da.Video.Profile, db.Video.Profile)
	}
}

func TestRefreshKeepsEverything(t *testing.T) {
	a, b := session(t, ours(), SDES), session(t, other(), SDES)
	offer, answer, da, db := exchange(t, a, b)
	for range 3 {
		offer2, answer2, da2, db2 := exchange(t, a, b)
		if !bytes.Equal(offer, offer2) || !bytes.Equal(answer, answer2) {
			t.Errorf("a refresh changes what is said:\n%s\n%s", offer2, answer2)
		}
		if !reflect.DeepEqual(da, da2) || !reflect.DeepEqual(db, db2) {
			t.Error("a refresh changes what is agreed")
		}
	}
	// The side that was called offers more than it had answered: once a new version, then the same again.
	first, _, _, _ := exchange(t, b, a)
	second, _, _, _ := exchange(t, b, a)
	if !bytes.Contains(first, []byte("o=- 77 2 IN")) || !bytes.Equal(first, second) {
		t.Errorf("first:\n%s\nsecond:\n%s", first, second)
	}
}

func TestHoldAndResume(t *testing.T) {
	a, b := session(t, ours(), SDES), session(t, other(), SDES)
	offer, _, _, db := exchange(t, a, b)
	for _, test := range []struct {
		name, old, new string
		want           Direction
		answer         string
	}{
		{"sendonly", "a=sendrecv", "a=sendonly", RecvOnly, "a=recvonly"},
		{"recvonly", "a=sendrecv", "a=recvonly", SendOnly, "a=sendonly"},
		{"inactive", "a=sendrecv", "a=inactive", Inactive, "a=inactive"},
		{"c=0.0.0.0", "c=IN IP4 10.0.0.1", "c=IN IP4 0.0.0.0", RecvOnly, "a=recvonly"},
	} {
		held, d, err := b.Answer(bytes.ReplaceAll(offer, []byte(test.old), []byte(test.new)))
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if d.Audio.Direction != test.want || d.Video.Direction != test.want || !bytes.Contains(held, []byte(test.answer)) {
			t.Errorf("%s: %s, %s in\n%s", test.name, d.Audio.Direction, d.Video.Direction, held)
		}
		if d.Audio.RTP.IsValid() != (test.name != "c=0.0.0.0") || d.Audio.RTP != d.Audio.RTCP {
			t.Errorf("%s: we would send to %v and %v", test.name, d.Audio.RTP, d.Audio.RTCP)
		}
		_, d, err = b.Answer(offer)
		if err != nil || !reflect.DeepEqual(d, db) {
			t.Errorf("%s, resumed: %v, %v", test.name, sentence(d.Audio), err)
		}
	}
}

func TestNewKeyForNewAddress(t *testing.T) {
	a, b := session(t, ours(), SDES), session(t, other(), SDES)
	offer, _, _, db := exchange(t, a, b)
	moved := bytes.ReplaceAll(offer, []byte("m=audio 4000"), []byte("m=audio 5000"))
	_, d, err := b.Answer(moved)
	if err != nil {
		t.Fatal(err)
	}
	if d.Audio.Send.equal(db.Audio.Send) {
		t.Error("the key stays although the destination of the sound has changed")
	}
	if !d.Video.Send.equal(db.Video.Send) {
		t.Error("the key of the picture changes although its destination has not")
	}
}

func TestLeavingASuiteSpendsItsKey(t *testing.T) {
	a, b := session(t, ours(), SDES), session(t, other(), SDES)
	offer, _, _, db := exchange(t, a, b)
	// An offer without the GCM lines, then with them again.
	var weaker [][]byte
	for line := range bytes.SplitAfterSeq(offer, []byte("\n")) {
		if !bytes.Contains(line, []byte("AEAD_")) {
			weaker = append(weaker, line)
		}
	}
	_, d, err := b.Answer(bytes.Join(weaker, nil))
	if err != nil || d.Audio.Send.Suite != AES_CM_128_HMAC_SHA1_80 {
		t.Fatalf("%s, %v", sentence(d.Audio), err)
	}
	_, d, err = b.Answer(offer)
	if err != nil || d.Audio.Send.Suite != AEAD_AES_128_GCM || d.Audio.Send.equal(db.Audio.Send) {
		t.Errorf("back at GCM: %s, same key %v, %v", sentence(d.Audio), d.Audio.Send.equal(db.Audio.Send), err)
	}
}

func TestRekey(t *testing.T) {
	a, b := session(t, ours(), GCM), session(t, other(), GCM)
	_, _, before, _ := exchange(t, a, b)
	a.Rekey()
	if _, err := a.Offer(); err != nil {
		t.Fatal(err)
	}
	a.Withdraw()
	// Withdrawn, it has changed nothing: an offer of theirs is answered with the key in use.
	_, _, _, kept := exchange(t, b, a)
	if !kept.Audio.Send.equal(before.Audio.Send) {
		t.Error("an offer that was withdrawn has left its key")
	}
	_, _, after, theirs := exchange(t, a, b)
	if after.Audio.Send.equal(before.Audio.Send) || after.Video.Send.equal(before.Video.Send) {
		t.Error("the old key goes on")
	}
	mirrored(t, after, theirs)
	_, _, again, _ := exchange(t, a, b)
	if !again.Audio.Send.equal(after.Audio.Send) {
		t.Error("one Rekey lasts for ever")
	}
}

func TestPendingOffer(t *testing.T) {
	a, b := session(t, ours(), GCM), session(t, other(), GCM)
	if _, err := a.Accept([]byte("v=0")); err == nil {
		t.Error("an answer without an offer was accepted")
	}
	offer, _, before, _ := exchange(t, a, b)
	if _, err := b.Offer(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Answer(offer); !errors.Is(err, ErrPending) {
		t.Errorf("glare: %v", err)
	}
	b.Withdraw()
	if _, err := a.Offer(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Accept([]byte("v=0\r\nm=audio 0 RTP/SAVP 96\r\nm=video 0 RTP/SAVP 97\r\n")); !errors.Is(err, ErrNotAcceptable) {
		t.Errorf("all refused: %v", err)
	}
	// What was agreed before still holds.
	_, _, after, _ := exchange(t, a, b)
	if !reflect.DeepEqual(before, after) {
		t.Error("a failed re-offer changed the session")
	}
}

func TestPayloadTypesKeepTheirMeaning(t *testing.T) {
	const offer = `v=0
c=IN IP4 10.0.0.9
m=audio 5000 RTP/AVP 97 96 8
a=rtpmap:96 iLBC/8000
a=rtpmap:97 opus/48000/2
m=text 5002 RTP/AVP 98
m=video 5004 RTP/AVP 97
a=rtpmap:97 H264/90000
`
	s := session(t, ours(), None)
	_, _, err := s.Answer([]byte(offer))
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Offer()
	if err != nil {
		t.Fatal(err)
	}
	// Opus stays 97 and 96 is not used again; in the picture's line 97 is mode 0, so mode 1 gets another.
	for _, want := range []string{
		"m=audio 4000 RTP/AVP 97 9 0 8 100 101\r\n", "m=text 0 RTP/AVP 98\r\n", "m=video 4002 RTP/AVP 96 97\r\n",
		"a=rtpmap:97 opus/48000/2\r\n", "a=fmtp:97 profile-level-id=42e01f;packetization-mode=0",
		"a=fmtp:96 profile-level-id=42e01f;packetization-mode=1",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
}

func TestNoPayloadTypeLeft(t *testing.T) {
	offer := "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 RTP/AVP 8"
	for n := 96; n < 128; n++ {
		offer += fmt.Sprint(" ", n)
	}
	s := session(t, ours(), None)
	if _, _, err := s.Answer([]byte(offer)); err != nil {
		t.Fatal(err)
	}
	b, err := s.Offer()
	if err != nil || !bytes.Contains(b, []byte("m=audio 4000 RTP/AVP 9 0 8\r\n")) {
		t.Errorf("%v\n%s", err, b)
	}
}

func TestLocal(t *testing.T) {
	for _, test := range []struct {
		change func(*Local)
		policy Policy
		want   string
	}{
		{func(l *Local) { l.Address = netip.Addr{} }, GCM, "negotiate: local address invalid IP is none that others can send to"},
		{func(l *Local) { l.Address = netip.IPv4Unspecified() }, GCM, "negotiate: local address 0.0.0.0 is none that others can send to"},
		{func(l *Local) { l.AudioRTP = 0 }, GCM, "negotiate: no local ports for audio"},
		{func(l *Local) { l.VideoRTCP = 0 }, GCM, "negotiate: video needs a port for RTP and one for RTCP"},
		{func(l *Local) { l.FPS = 0 }, GCM, "negotiate: 1280x720 at 0/s, 2000 kbit/s is no picture"},
		{func(l *Local) {}, "tls", `negotiate: unknown policy "tls"`},
	} {
		l := ours()
		test.change(&l)
		if _, err := NewOffer(l, test.policy); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	l := ours()
	l.Rand = strings.NewReader("too short")
	if _, err := NewOffer(l, GCM); err == nil || err.Error() != "offer audio: draw a key for AEAD_AES_128_GCM: unexpected EOF" {
		t.Errorf("%v", err)
	}
	b, _ := NewOffer(ours(), GCM)
	_, _, err := Answer(b.SDP(), l, GCM)
	if err == nil || errors.Is(err, ErrNotAcceptable) {
		t.Errorf("no randomness is not the caller's fault: %v", err)
	}
}

func TestHideCamera(t *testing.T) {
	l := ours()
	l.HideCamera = true
	offer, _, da, db := exchange(t, session(t, l, GCM), session(t, other(), GCM))
	if da.Video.Direction != RecvOnly || db.Video.Direction != SendOnly || da.Audio.Direction != SendRecv {
		t.Errorf("%s, %s, sound %s in\n%s", da.Video.Direction, db.Video.Direction, da.Audio.Direction, offer)
	}
}

func TestIPv6(t *testing.T) {
	la, lb := ours(), other()
	la.Address, lb.Address = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	offer, _, da, db := exchange(t, session(t, la, GCM), session(t, lb, GCM))
	mirrored(t, da, db)
	if !bytes.Contains(offer, []byte("\r\nc=IN IP6 2001:db8::1\r\n")) || db.Audio.RTP.String() != "[2001:db8::1]:4000" {
		t.Errorf("%v from\n%s", db.Audio.RTP, offer)
	}
	strict(t, offer)
}

func TestControlPort(t *testing.T) {
	for _, test := range []struct{ name, lines, want string }{
		{"shared", "a=rtpmap:96 opus/48000/2\r\na=rtcp:5007\r\na=rtcp-mux", "10.0.0.9:5000"},
		{"shared where a payload type looks like RTCP", "a=rtcp-mux", "10.0.0.9:5001"}, // 72 is chosen
		{"elsewhere", "a=rtcp:7000 IN IP4 10.0.0.8", "10.0.0.8:7000"},
		{"nowhere", "a=rtcp:9 IN IP4 0.0.0.0", "invalid AddrPort"},
	} {
		offer := "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 RTP/AVP 72 96\r\na=rtpmap:72 G722/8000\r\n" + test.lines
		answer, d, err := Answer([]byte(offer), ours(), None)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Audio.RTCP.String(); got != test.want || bytes.Contains(answer, []byte("rtcp-mux")) != d.Audio.Mux {
			t.Errorf("%s: %s, want %s\n%s", test.name, got, test.want, answer)
		}
	}
}

// Under None keys that once were used are offered again, so that a re-INVITE takes no protection away.
func TestKeysStayUnderNone(t *testing.T) {
	a, b := session(t, ours(), SDES), session(t, other(), None)
	_, _, _, before := exchange(t, a, b)
	_, _, after, theirs := exchange(t, b, a)
	mirrored(t, after, theirs)
	if after.Audio.Send == nil || !after.Audio.Send.equal(before.Audio.Send) {
		t.Errorf("the re-offer gave %s", sentence(after.Audio))
	}
}

// What the other side says of the whole session counts where an m-line says nothing.
func TestSessionLevel(t *testing.T) {
	offer := "v=0\r\nc=IN IP4 10.0.0.9\r\nb=AS:500\r\na=inactive\r\nm=audio 5000 RTP/AVP 0\r\na=sendrecv\r\n" +
		"m=video 5002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
	_, d, err := Answer([]byte(offer), ours(), None)
	if err != nil || d.Audio.Direction != SendRecv || d.Video.Direction != Inactive || d.Video.MaxKbps != 500 {
		t.Errorf("%s; %s; %v", sentence(d.Audio), sentence(d.Video), err)
	}
}

// The version in o= counts what was said anew, and a description that failed leaves the keys alone.
func TestVersionAndFailure(t *testing.T) {
	a, b := session(t, ours(), SDES), session(t, other(), GCM)
	offer, _, _, before := exchange(t, a, b)
	held := bytes.ReplaceAll(offer, []byte("a=sendrecv"), []byte("a=sendonly"))
	for i, text := range [][]byte{offer, held, held, offer, held} {
		version := []string{"o=- 77 1 ", "o=- 77 2 ", "o=- 77 2 ", "o=- 77 3 ", "o=- 77 4 "}[i]
		answer, _, err := b.Answer(text)
		if err != nil || !bytes.Contains(answer, []byte(version)) {
			t.Errorf("answer %d: %v, no %q in\n%s", i, err, version, answer)
		}
	}

	// The sound has moved, which asks for a new key; then the picture turns out to be unprotected.
	moved := bytes.Replace(offer, []byte("m=audio 4000"), []byte("m=audio 5000"), 1)
	sound, _, _ := bytes.Cut(moved, []byte("m=video"))
	bad := append(bytes.Clone(sound), "m=video 5002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"...)
	if _, _, err := b.Answer(bad); !errors.Is(err, ErrNotAcceptable) {
		t.Fatalf("%v", err)
	}
	_, d, err := b.Answer(offer)
	if err != nil || !d.Audio.Send.equal(before.Audio.Send) {
		t.Errorf("an offer that failed has changed the key: %v", err)
	}
}

// Re-offers that break the rules of RFC 3264 §8 leave us with offers of our own that do not.
func TestUnrulyReoffers(t *testing.T) {
	const head = "v=0\r\nc=IN IP4 10.0.0.9\r\n"
	const sound = head + "m=audio 5000 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n"
	const picture = "m=video 5002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
	for _, test := range []struct{ name, first, then, want string }{
		{"a payload type gets another meaning", sound, head + "m=audio 5000 RTP/AVP 97\r\na=rtpmap:97 G722/8000\r\n",
			"m=audio 4000 RTP/AVP 96 97 0 8 100 101\r\n"},
		{"an m-line is dropped", sound + picture, sound, "m=audio 4000 RTP/AVP 97 9 0 8 100 101\r\n"},
		{"an m-line changes its media", sound + picture, sound + "m=audio 5004 RTP/AVP 0\r\n" + picture,
			"m=audio 0 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96 97\r\n"},
	} {
		s := session(t, ours(), None)
		for _, offer := range []string{test.first, test.then} {
			if _, _, err := s.Answer([]byte(offer)); err != nil {
				t.Fatal(err)
			}
		}
		b, err := s.Offer()
		if err != nil {
			t.Fatal(err)
		}
		var lines string
		for line := range strings.SplitAfterSeq(string(b), "\n") {
			if strings.HasPrefix(line, "m=") {
				lines += line
			}
		}
		if !strings.HasSuffix(lines, test.want) || test.name == "an m-line is dropped" && lines != test.want {
			t.Errorf("%s: we offer\n%swant\n%s", test.name, lines, test.want)
		}
	}
}
