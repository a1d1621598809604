package media

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/handshake"
	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// What offer and answer agree on is what two sessions talk with.
func TestNegotiatedSessions(t *testing.T) {
	for _, policy := range []negotiate.Policy{negotiate.DTLS, negotiate.SDES, negotiate.None} {
		t.Run(string(policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(30)
				n.Default(memnet.Conditions{Latency: 10 * time.Millisecond})
				a, b := newEnd(t, n, hostA), newEnd(t, n, hostB)
				caller, called := a.negotiator(policy), b.negotiator(policy)
				a.agree(b, caller, called)
				for _, e := range []*end{a, b} {
					e.begin()
					e.rec.sent = map[uint32]AccessUnit{}
				}
				if a.desc.Audio.SendRED == 0 || b.desc.Audio.SendRED == 0 {
					t.Error("windows agree on no copies of sound")
				}
				if a.desc.Video.SendFEC == 0 || b.desc.Video.SendFEC == 0 {
					t.Error("windows agree on no repair packets")
				}
				if to, _ := latchOf(a.video).RTP(); to != netip.AddrPortFrom(hostB, 4002) {
					t.Errorf("video goes to %v", to)
				}
				time.Sleep(200 * time.Millisecond) // until there are keys
				talk(10*time.Second, a, b)
				settle(200 * time.Millisecond)
				checkClean(t, a)
				checkClean(t, b)
				hangUp(a, b)
			})
		})
	}
}

// negotiator makes the offers and answers of an end, which has a certificate.
func (e *end) negotiator(p negotiate.Policy) *negotiate.Session {
	e.t.Helper()
	if e.keying.Identity == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			e.t.Fatal(err)
		}
		if e.keying.Identity, err = handshake.NewIdentity(key); err != nil {
			e.t.Fatal(err)
		}
	}
	s, err := negotiate.NewSession(negotiate.Local{Address: e.address, AudioRTP: 4000, AudioRTCP: 4001, VideoRTP: 4002, VideoRTCP: 4003,
		SessionID: uint64(e.address.As4()[3]), Width: 1280, Height: 720, FPS: 30, MaxKbps: 2000, NACK: true, RED: true, FEC: true,
		Fingerprint: e.keying.Identity.Fingerprint()}, p)
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

// agree has an end offer and another one answer.
func (e *end) agree(other *end, caller, called *negotiate.Session) {
	e.t.Helper()
	offer, err := caller.Offer()
	if err != nil {
		e.t.Fatal(err)
	}
	var answer []byte
	if answer, other.desc, err = called.Answer(offer); err != nil {
		e.t.Fatal(err)
	}
	if e.desc, err = caller.Accept(answer); err != nil {
		e.t.Fatal(err)
	}
	e.sdp = []string{string(offer), string(answer)}
}
