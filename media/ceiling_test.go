package media

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// tmmbr is a request of owner's to limit who sends as ssrc, with what it says of the bitrate.
func tmmbr(owner, ssrc, exponent, mantissa, overhead uint32) *rtcp.RawPacket {
	b := rtcp.RawPacket{2<<6 | formatTMMBR, byte(rtcp.TypeTransportSpecificFeedback), 0, 4}
	for _, word := range []uint32{owner, 0, ssrc, exponent<<26 | mantissa<<9 | overhead} {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return &b
}

// Whatever the other side says, pictures take what it allows, and neither nothing nor more than before.
func TestCeiling(t *testing.T) {
	const own, owner = 7, 9
	now := time.Unix(1_700_000_000, 0)
	remb := func(bits float32, ssrcs ...uint32) func(*ceiling) {
		return func(c *ceiling) {
			c.heardREMB(now, &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: bits, SSRCs: ssrcs}, own)
		}
	}
	limit := func(ssrc, exponent, mantissa uint32) func(*ceiling) {
		return func(c *ceiling) { c.heardTMMBR(*tmmbr(owner, ssrc, exponent, mantissa, 40), own) }
	}
	for _, test := range []struct {
		name string
		does []func(*ceiling)
		want int // kbit/s of 2000
		then int // 25 s later
	}{
		{"nothing", nil, 2000, 2000},
		{"REMB", []func(*ceiling){remb(535_000, 3, own)}, 500, 2000},
		{"REMB of others", []func(*ceiling){remb(535_000, 3)}, 2000, 2000},
		{"REMB of nobody", []func(*ceiling){remb(535_000)}, 2000, 2000},
		{"REMB, 0 bit/s", []func(*ceiling){remb(0, own)}, leastKbps, 2000},
		{"REMB, as much as there is", []func(*ceiling){remb(2.4e24, own)}, 2000, 2000},
		{"TMMBR", []func(*ceiling){limit(own, 3, 535_000/8)}, 500, 500},
		{"TMMBR of others", []func(*ceiling){limit(8, 3, 535_000/8)}, 2000, 2000},
		{"TMMBR, 0 bit/s", []func(*ceiling){limit(own, 0, 0)}, leastKbps, leastKbps},
		{"TMMBR, as much as there is", []func(*ceiling){limit(own, 63, maxBits)}, 2000, 2000},
		{"TMMBR, more again", []func(*ceiling){limit(own, 3, 535_000/8), limit(own, 4, 1_070_000/16)}, 1000, 1000},
		{"both", []func(*ceiling){limit(own, 3, 535_000/8), remb(267_500, own)}, 250, 500},
		{"its owner has left", []func(*ceiling){limit(own, 3, 535_000/8), func(c *ceiling) { c.left(owner) }}, 2000, 2000},
		{"somebody else has", []func(*ceiling){limit(own, 3, 535_000/8), func(c *ceiling) { c.left(own) }}, 500, 500},
	} {
		var c ceiling
		for _, do := range test.does {
			do(&c)
		}
		got := c.kbps(now, 2000)
		if then := c.kbps(now.Add(25*time.Second), 2000); got != test.want || then != test.then {
			t.Errorf("%s: %d kbit/s, then %d, want %d and %d", test.name, got, then, test.want, test.then)
		}
		var again ceiling
		if n := *c.notification(own); c.limited {
			copy(n[feedbackAt:], binary.BigEndian.AppendUint32(nil, own)) // as if it were a request
			if again.heardTMMBR(n, own); max(again.limit-c.limit, c.limit-again.limit) > c.limit/1e4 || again.overhead != 40 {
				t.Errorf("%s: the notification says %.0f bit/s beside %d bytes, of %.0f", test.name, again.limit, again.overhead, c.limit)
			}
		}
	}
}

// A phone that limits us is heeded at once where that was agreed on, is told what holds, and garbage moves nothing.
func TestPhonesLimitUs(t *testing.T) {
	for _, agreed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			a, b := call(t, memnet.New(1), func(a, _ *negotiate.Description) { a.Video.REMB, a.Video.TMMBR = agreed, agreed })
			talk(2*time.Second, a, b)
			own, theirs := a.video.t.currentSSRC(), b.video.t.currentSSRC()
			said := 0
			zero := rtcp.RawPacket(binary.BigEndian.AppendUint32([]byte{2<<6 | rtcp.FormatREMB, 206, 0, 5, 0, 0, 0, 9, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 1, 0, 0, 0}, own))
			a.taps[2].tamper(func(d []byte) [][]byte {
				if d[0] == 2<<6 && d[1] == 201 && len(d) >= 68 {
					said++
				}
				return [][]byte{d}
			})
			for _, test := range []struct {
				p    rtcp.Packet
				want int
			}{
				{tmmbr(theirs, own, 4, 1_070_000/16, 40), 1000},
				{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 535_000, SSRCs: []uint32{own}}, 500},
				{&rtcp.RawPacket{2<<6 | formatTMMBR, 205, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0}, 500},
				{&rtcp.RawPacket{2<<6 | rtcp.FormatREMB, 206, 0, 4, 0, 0, 0, 9, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 200, 0, 0, 0}, 500},
				{&zero, leastKbps},
			} {
				b.control(t, test.p)
				settle(300 * time.Millisecond)
				want := test.want
				if !agreed {
					want = 2000
				}
				talk(time.Second, a, b)
				if got := a.Stats().Budget; got != want {
					t.Errorf("agreed %t, %v: %d kbit/s, want %d", agreed, test.p, got, want)
				}
			}
			if agreed && said == 0 {
				t.Error("nobody was told what holds")
			}
			hangUp(a, b)
		})
	}
}
