package media

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// What offer and answer agree on is what two sessions talk with.
func TestNegotiatedSessions(t *testing.T) {
	for _, policy := range []negotiate.Policy{negotiate.GCM, negotiate.SDES, negotiate.None} {
		t.Run(string(policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(30)
				n.Default(memnet.Conditions{Latency: 10 * time.Millisecond})
				a, b := newEnd(t, n, hostA), newEnd(t, n, hostB)
				local := func(e *end, id uint64) negotiate.Local {
					return negotiate.Local{Address: e.address, AudioRTP: 4000, AudioRTCP: 4001, VideoRTP: 4002, VideoRTCP: 4003,
						SessionID: id, Width: 1280, Height: 720, FPS: 30, MaxKbps: 2000, NACK: true, RED: true, FEC: true}
				}
				caller, err1 := negotiate.NewSession(local(a, 1), policy)
				called, err2 := negotiate.NewSession(local(b, 2), policy)
				if err := errors.Join(err1, err2); err != nil {
					t.Fatal(err)
				}
				offer, err := caller.Offer()
				if err != nil {
					t.Fatal(err)
				}
				var answer []byte
				if answer, b.desc, err = called.Answer(offer); err != nil {
					t.Fatal(err)
				}
				if a.desc, err = caller.Accept(answer); err != nil {
					t.Fatal(err)
				}
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
				talk(10*time.Second, a, b)
				settle(200 * time.Millisecond)
				checkClean(t, a)
				checkClean(t, b)
				hangUp(a, b)
			})
		})
	}
}
