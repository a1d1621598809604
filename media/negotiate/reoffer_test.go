package negotiate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

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

func TestPendingOffer(t *testing.T) {
	a, b := session(t, ours(), SDES), session(t, other(), SDES)
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
		"m=audio 4000 RTP/AVP 97 9 0 8 100 101 102\r\n", "m=text 0 RTP/AVP 98\r\n", "m=video 4002 RTP/AVP 96 97 99 103\r\n",
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

// scarce gives random bytes so often and no more.
type scarce struct {
	io.Reader
	left int
}

var errScarce = errors.New("there are no random bytes")

func (s *scarce) Read(b []byte) (int, error) {
	if s.left--; s.left < 0 {
		return 0, errScarce
	}
	return s.Reader.Read(b)
}

// The version in o= counts what was said anew, and a description that failed leaves the keys alone.
func TestVersionAndFailure(t *testing.T) {
	lb := other()
	random := &scarce{Reader: lb.Rand, left: 100}
	lb.Rand = random
	a, b := session(t, ours(), SDES), session(t, lb, SDES)
	offer, _, _, before := exchange(t, a, b)
	held := bytes.ReplaceAll(offer, []byte("a=sendrecv"), []byte("a=sendonly"))
	for i, text := range [][]byte{offer, held, held, offer, held} {
		version := []string{"o=- 77 1 ", "o=- 77 2 ", "o=- 77 2 ", "o=- 77 3 ", "o=- 77 4 "}[i]
		answer, _, err := b.Answer(text)
		if err != nil || !bytes.Contains(answer, []byte(version)) {
			t.Errorf("answer %d: %v, no %q in\n%s", i, err, version, answer)
		}
	}

	// Sound and picture have moved, and there is no key for the second.
	moved := bytes.Replace(offer, []byte("m=audio 4000"), []byte("m=audio 5000"), 1)
	random.left = 1
	if _, _, err := b.Answer(bytes.Replace(moved, []byte("m=video 4002"), []byte("m=video 5002"), 1)); !errors.Is(err, errScarce) {
		t.Fatalf("%v", err)
	}
	random.left = 100
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
			"m=audio 4000 RTP/AVP 96 97 0 8 100 101 102\r\n"},
		{"an m-line is dropped", sound + picture, sound, "m=audio 4000 RTP/AVP 97 9 0 8 100 101 102\r\n"},
		{"an m-line changes its media", sound + picture, sound + "m=audio 5004 RTP/AVP 0\r\n" + picture,
			"m=audio 0 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96 97 99 103\r\n"},
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
