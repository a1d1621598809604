package negotiate

import (
	"errors"
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
		if (s.Send == nil) != (s.Receive == nil) || s.Send == nil && p != None {
			t.Errorf("policy %s, keys %v, %v", p, s.Send, s.Receive)
		}
		if s.Send != nil {
			if p == GCM && (s.Send.Suite != AEAD_AES_128_GCM || s.Receive.Suite != AEAD_AES_128_GCM) {
				t.Errorf("policy %s, suite %s", p, s.Send.Suite)
			}
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

// answerAll offers text to all policies, twice each, and lets the session make an offer of its own in between.
func answerAll(t *testing.T, offer []byte) {
	t.Helper()
	for _, p := range []Policy{GCM, SDES, None} {
		s := session(t, ours(), p)
		for range 2 {
			answer, d, err := s.Answer(offer)
			if err != nil {
				if !errors.Is(err, ErrNotAcceptable) {
					t.Errorf("not said to be the caller's fault: %v", err)
				}
				break
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
}

func acceptAll(t *testing.T, answer []byte) {
	t.Helper()
	for _, p := range []Policy{GCM, SDES, None} {
		s := session(t, ours(), p)
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
}

// Every description cut off at every byte.
func TestTruncated(t *testing.T) {
	o, err := NewOffer(other(), SDES)
	if err != nil {
		t.Fatal(err)
	}
	texts := [][]byte{o.SDP()}
	for _, p := range phones {
		texts = append(texts, []byte(p.offer))
	}
	for _, text := range texts {
		for n := range len(text) {
			answerAll(t, text[:n])
			acceptAll(t, text[:n])
		}
	}
}

func seeds(f *testing.F) {
	for _, p := range phones {
		f.Add([]byte(p.offer))
	}
	for _, p := range []Policy{GCM, SDES, None} {
		l := other()
		o, err := NewOffer(l, p)
		if err != nil {
			f.Fatal(err)
		}
		answer, _, err := Answer(o.SDP(), ours(), p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(o.SDP())
		f.Add(answer)
	}
}

func FuzzAnswer(f *testing.F) {
	seeds(f)
	f.Fuzz(answerAll)
}

func FuzzAccept(f *testing.F) {
	seeds(f)
	f.Fuzz(acceptAll)
}
