package negotiate

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// sound checks what must hold of every description, whatever was read.
func sound(t *testing.T, d Description, p Policy) {
	t.Helper()
	if d.Audio == nil && d.Video == nil {
		t.Error("nothing agreed, and no error")
	}
	for _, s := range []*Stream{d.Audio, d.Video} {
		if s == nil {
			continue
		}
		if h := s.Handshake; h != nil {
			if s.Send != nil || s.Plain || !s.Mux || len(h.Fingerprints) == 0 || h.Suites[0] != AEAD_AES_128_GCM || p == DTLS && len(h.Suites) > 1 {
				t.Errorf("policy %s, handshake %+v of %+v", p, h, s)
			}
			continue
		}
		if p == DTLS {
			t.Error("no handshake where the policy wants one")
		}
		if (s.Send == nil) != (s.Receive == nil) || s.Send == nil && p != None {
			t.Errorf("policy %s, keys %v, %v", p, s.Send, s.Receive)
		}
		if s.Send != nil {
			for _, k := range []*Keys{s.Send, s.Receive} {
				if len(k.Key) != 16 || len(k.Salt) != k.Suite.saltLength() {
					t.Errorf("key of %d and salt of %d bytes", len(k.Key), len(k.Salt))
				}
			}
			if s.Send.equal(s.Receive) {
				t.Error("one key both ways")
			}
		}
		if s.SendType > 127 || s.ReceiveType > 127 || s.EventType > 127 {
			t.Errorf("payload types %d, %d, %d", s.SendType, s.ReceiveType, s.EventType)
		}
		if s.Direction.Sends() && (!s.RTP.IsValid() || s.RTP.Port() == 0 || s.RTP.Addr().IsUnspecified() || s.RTP.Addr().IsMulticast()) {
			t.Errorf("%s to %v", s.Direction, s.RTP)
		}
		if s.RTCP.IsValid() && (s.RTCP.Port() == 0 || s.RTCP.Addr().IsUnspecified() || s.RTCP.Addr().IsMulticast()) {
			t.Errorf("RTCP to %v", s.RTCP)
		}
	}
}

// answerUnder offers text twice and lets the session make an offer of its own in between.
func answerUnder(t *testing.T, p Policy, offer []byte) {
	t.Helper()
	s := session(t, certified(ours()), p)
	for range 2 {
		answer, d, err := s.Answer(offer)
		if err != nil {
			if !errors.Is(err, ErrNotAcceptable) {
				t.Errorf("not said to be the caller's fault: %v", err)
			}
			return
		}
		sound(t, d, p)
		checkAnswer(t, string(offer), answer)
		b, err := s.Offer()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(b); err != nil {
			t.Errorf("our offer cannot be read: %v\n%s", err, b)
		}
		s.Withdraw()
	}
}

// acceptUnder gives text as the answer to an offer and to a re-offer.
func acceptUnder(t *testing.T, p Policy, answer []byte) {
	t.Helper()
	s := session(t, certified(ours()), p)
	for range 2 {
		if _, err := s.Offer(); err != nil {
			t.Fatal(err)
		}
		d, err := s.Accept(answer)
		if err == nil {
			sound(t, d, p)
		} else if !errors.Is(err, ErrNotAcceptable) {
			t.Errorf("not said to be the other side's fault: %v", err)
		}
	}
}

// Every description cut off at every byte.
func TestTruncated(t *testing.T) {
	for _, p := range phones {
		for n := range len(p.offer) {
			answerUnder(t, p.policy, []byte(p.offer[:n]))
		}
	}
	o, err := NewOffer(other(), SDES)
	if err != nil {
		t.Fatal(err)
	}
	for n := range o.SDP() {
		acceptUnder(t, SDES, o.SDP()[:n])
	}
}

// Descriptions whose lines come from several phones in any order: nothing panics, and what is agreed is sound.
func TestMixed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for _, p := range phones {
		lines = append(lines, strings.SplitAfter(p.offer, "\n")...)
	}
	agreed := 0
	for range 2000 {
		var b strings.Builder
		b.WriteString("v=0\nc=IN IP4 10.0.0.9\nm=audio 5000 RTP/SAVP 96 97 8 0\n")
		for range random.IntN(60) {
			if line := lines[random.IntN(len(lines))]; !strings.HasPrefix(line, "v=") {
				b.WriteString(strings.TrimRight(line, "\r\n") + "\r\n")
			}
		}
		text := []byte(b.String())
		p := []Policy{DTLS, SDES, None}[random.IntN(3)]
		answerUnder(t, p, text)
		acceptUnder(t, p, text)
		if _, _, err := Answer(text, ours(), p); err == nil {
			agreed++
		}
	}
	if agreed < 200 || agreed > 1800 {
		t.Errorf("%d of 2000 mixtures were acceptable: they test little", agreed)
	}
}

func seeds(f *testing.F) {
	for _, p := range phones {
		f.Add([]byte(p.offer))
	}
	for _, p := range []Policy{DTLS, SDES, None} {
		l := certified(other())
		o, err := NewOffer(l, p)
		if err != nil {
			f.Fatal(err)
		}
		answer, _, err := Answer(o.SDP(), certified(ours()), p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(o.SDP())
		f.Add(answer)
	}
}

func FuzzAnswer(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, offer []byte) {
		for _, p := range []Policy{DTLS, SDES, None} {
			answerUnder(t, p, offer)
		}
	})
}

func FuzzAccept(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, p := range []Policy{DTLS, SDES, None} {
			acceptUnder(t, p, answer)
		}
	})
}
