package media

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
)

func TestHistory(t *testing.T) {
	start := time.Unix(1700000000, 0)
	var h history
	if h.again(start, 7, 0) != nil {
		t.Error("nothing was sent, and something is sent again")
	}
	send := func(at time.Time, seq uint16, size int) {
		s := h.slot(seq)
		h.keep(s, at, seq, append(s.data, bytes.Repeat([]byte{byte(seq)}, size)...))
	}
	for seq := uint16(65000); seq != 1000; seq++ { // over the wrap
		send(start, seq, 1000)
	}
	later := start.Add(100 * time.Millisecond)
	for seq, kept := range map[uint16]bool{999: true, 1000 - historyPackets: true, 1000 - historyPackets - 1: false, 1000: false, 65535: false} {
		if got := h.again(later, seq, 0); (got != nil) != kept || kept && (len(got) != 1000 || got[0] != byte(seq)) {
			t.Errorf("%d: %d bytes, kept: %t", seq, len(got), kept)
		}
	}
	if h.again(later.Add(resendSpacing-1), 999, 0) != nil || h.again(later.Add(resendSpacing), 999, 0) == nil {
		t.Error("a second copy comes sooner or later than resendSpacing")
	}
	if h.again(start.Add(historyAge+1), 998, 0) != nil {
		t.Error("a packet is sent again that nobody waits for any more")
	}
	if send(start, 1000, historyPacket+1); h.again(later, 1000, 0) != nil {
		t.Error("a packet too large to keep was kept")
	}
	bound := 0
	for _, s := range h.slots {
		bound += cap(s.data)
	}
	if bound > historyPackets*historyPacket {
		t.Errorf("%d bytes are kept", bound)
	}
	sent := 0
	for seq := uint16(600); seq != 1000; seq++ {
		if h.again(later.Add(time.Second/2), seq, 0) != nil {
			sent += 1000
		}
	}
	if sent > resendBurst || sent < resendBurst-5000 {
		t.Errorf("%d bytes were sent again at once", sent)
	}
	for seq := uint16(1001); seq != 1101; seq++ {
		send(later, seq, 1000)
	}
	sent = 0
	for seq := uint16(1001); seq != 1101; seq++ {
		if h.again(later.Add(time.Second/2), seq, 0) != nil {
			sent++
		}
	}
	if sent < 48 || sent > 56 {
		t.Errorf("of 100 packets %d were sent again, want a half", sent)
	}
}

// What the other side asks for again it gets, as it was; nobody is asked for a keyframe. Without the agreement nothing
// is kept, and nothing sent.
func TestPacketsAreSentAgain(t *testing.T) {
	for name, option := range map[string]option{
		"srtp":       func(a, _ *negotiate.Description) { a.Video.NACK = true },
		"plain":      func(a, b *negotiate.Description) { plain(a, b); a.Video.NACK = true },
		"not agreed": func(_, _ *negotiate.Description) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := call(t, perfect(), option)
				missed := make(chan uint16, 100)
				count := 0
				a.taps[2].tamper(func(p []byte) [][]byte {
					if demultiplex(p) == isRTP {
						if count++; count%40 == 0 {
							missed <- uint16(p[2])<<8 | uint16(p[3])
							return nil
						}
					}
					return [][]byte{p}
				})
				for range 150 {
					a.picture(b)
					settle(frame / 4)
					for len(missed) > 0 { // b's session does not ask yet: the test does, a quarter of a picture later
						b.control(t, &rtcp.TransportLayerNack{
							MediaSSRC: a.video.t.currentSSRC(), Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{<-missed}),
						})
					}
					settle(frame * 3 / 4)
				}
				video, _, _ := b.rec.counts()
				s, sender := b.Stats(), a.Stats()
				switch name {
				case "not agreed":
					if sender.Resent != 0 || a.video.t.history.slots != nil || s.VideoHeld == 0 {
						t.Errorf("something was kept: %+v", sender)
					}
				default:
					if video < 149 || s.VideoHeld != 0 || s.KeyframesAsked != 0 || sender.Resent < 20 || s.AuthFailures+s.Replays != 0 {
						t.Errorf("%d pictures of 150, %d packets sent again: %+v", video, sender.Resent, s)
					}
				}
				a.video.t.collide()
				if a.video.t.history.slots != nil {
					t.Error("what another SSRC sent is kept")
				}
				hangUp(a, b)
			})
		})
	}
}
