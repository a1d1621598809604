package media

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// What a window sends to a phone, counted.
type traffic struct {
	pictures, again, asWere, repair, other int // RTP packets: media, RFC 4588, media once more, RFC 8627
	nack, pli, fir, ccfb                   int
	seen                                   map[uint16]bool
}

// watch counts a datagram of a video stream in clear.
func (c *traffic) watch(b []byte, media, rtx, fec uint8) {
	if demultiplex(b) == isRTCP {
		packets, err := rtcp.Unmarshal(b)
		if err != nil {
			c.other++
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.TransportLayerNack:
				c.nack++
			case *rtcp.PictureLossIndication:
				c.pli++
			case *rtcp.FullIntraRequest:
				c.fir++
			case *rtcp.CCFeedbackReport:
				c.ccfb++
			}
		}
		return
	}
	seq := uint16(b[2])<<8 | uint16(b[3])
	switch pt := b[1] & 0x7f; {
	case pt == media && c.seen[seq]:
		c.asWere++
	case pt == media:
		c.seen[seq] = true
		c.pictures++
	case pt == rtx && rtx != 0:
		c.again++
	case pt == fec && fec != 0:
		c.repair++
	default:
		c.other++
	}
}

// Phones get what they offer, and are asked for what they offer, PLI first: each combination, on a line that loses 5 %. ULPFEC is not
// answered: who offers it has requests as well, as a rule.
func TestWhatPhonesOffer(t *testing.T) {
	for _, ulpfec := range []bool{false, true} {
		for bits := range 16 {
			nack, pli, fir, rtx := bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0
			var lines strings.Builder
			said := ""
			for _, f := range []struct {
				on         bool
				name, line string
			}{
				{nack, "nack", "a=rtcp-fb:97 nack\r\n"}, {pli, "pli", "a=rtcp-fb:97 nack pli\r\n"}, {fir, "fir", "a=rtcp-fb:97 ccm fir\r\n"},
				{rtx, "rtx", "a=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=97\r\n"},
				{ulpfec, "ulpfec", "a=rtpmap:110 red/90000\r\na=rtpmap:111 ulpfec/90000\r\n"},
			} {
				if f.on {
					said += " " + f.name
					lines.WriteString(f.line)
				}
			}
			t.Run("offers"+said, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(5)
					n.Between(hostA, hostB, line(20*time.Millisecond, 0.05, 0))
					a, b := newEnd(t, n, hostA), newEnd(t, n, hostB)
					window := negotiate.Local{Address: hostA, AudioRTP: 4000, AudioRTCP: 4001, VideoRTP: 4002, VideoRTCP: 4003, SessionID: 1,
						Width: 1280, Height: 720, FPS: 30, MaxKbps: 2000, NACK: true, CCFB: true, RED: true, FEC: true}
					s, err := negotiate.NewSession(window, negotiate.None)
					if err != nil {
						t.Fatal(err)
					}
					offer := fmt.Sprintf("v=0\r\nc=IN IP4 %s\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 97 98 110 111\r\nb=TIAS:600000\r\n"+
						"a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-mux\r\n%s", hostB, lines.String())
					if _, a.desc, err = s.Answer([]byte(offer)); err != nil {
						t.Fatal(err)
					}
					v := a.desc.Video
					if v.NACK != nack || v.PLI != pli || v.FIR != fir || v.CCFB || v.SendFEC != 0 || (v.RepairType != 0) != (nack && rtx) || (v.Repair.Type != 0) != rtx {
						t.Fatalf("agreed: %+v", v)
					}
					b.desc = phone(a.desc, hostA)
					var c traffic
					c.seen = map[uint16]bool{}
					a.taps[2].tamper(func(d []byte) [][]byte {
						c.watch(bytes.Clone(d), 97, v.RepairType, v.SendFEC)
						return [][]byte{d}
					})
					for _, e := range []*end{a, b} {
						e.begin()
						e.rec.sent = map[uint32]AccessUnit{}
					}
					talk(2*time.Second, a, b)
					t.Logf("%d pictures are shown here, %d there; %d packets, %d again, %d as they were, %d NACK, %d PLI, %d FIR",
						a.Stats().VideoKept, b.Stats().VideoKept, c.pictures, c.again, c.asWere, c.nack, c.pli, c.fir)
					switch {
					case c.ccfb+c.repair+c.other > 0:
						t.Errorf("it gets what it did not offer: %+v", c)
					case (c.nack > 0) != nack || (c.again > 0) != (nack && rtx) || (c.asWere > 0) != (nack && !rtx):
						t.Errorf("nack %t, rtx %t: %d requests, %d sent again, %d as they were", nack, rtx, c.nack, c.again, c.asWere)
					case nack && (a.Stats().VideoKept < 45 || b.Stats().VideoKept < 45):
						t.Errorf("of 60 pictures %d are shown here, %d there", a.Stats().VideoKept, b.Stats().VideoKept)
					case !nack && (c.pli == 0) != (fir && !pli), !nack && fir && !pli && c.fir == 0, !fir && c.fir > 0:
						t.Errorf("pli %t, fir %t: asked by %d PLI and %d FIR", pli, fir, c.pli, c.fir)
					}
					hangUp(a, b)
				})
			})
		}
	}
}

// phone is what a window's partner at the other end of a description has: the same, seen from there.
func phone(d negotiate.Description, window netip.Addr) negotiate.Description {
	audio, video := *d.Audio, *d.Video
	audio.RTP, audio.RTCP = netip.AddrPortFrom(window, 4000), netip.AddrPortFrom(window, 4001)
	video.RTP, video.RTCP = netip.AddrPortFrom(window, 4002), netip.AddrPortFrom(window, 4003)
	if video.Mux {
		video.RTCP = video.RTP
	}
	video.Repair, video.RepairType = negotiate.Repair{Type: video.RepairType}, video.Repair.Type
	return negotiate.Description{Audio: &audio, Video: &video}
}

// A phone that does not say for how long it held our report (DLSR) looks far away. What it loses is asked for soon all the same.
func TestPhoneThatLeavesOutDLSR(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Between(hostA, hostB, line(20*time.Millisecond, 0.05, 0))
		a, b := call(t, n, func(a, b *negotiate.Description) { plain(a, b); a.Video.NACK, b.Video.NACK = true, true })
		for _, c := range a.taps {
			c.tamper(func(d []byte) [][]byte {
				const block = 24
				for at := map[byte]int{200: 28, 201: 8}[d[1]]; at > 0 && len(d) >= at+block && d[0]&31 > 0; at = 0 {
					clear(d[at+block-4 : at+block])
				}
				return [][]byte{d}
			})
		}
		talk(10*time.Second, a, b)
		since := time.Now()
		talk(30*time.Second, a, b)
		if w := b.watch(since); w.frozen > 0.08 {
			t.Errorf("%v, a round trip of %v", w, b.Stats().RTT)
		}
		hangUp(a, b)
	})
}

// A phone that says no more than how much it loses gets pictures however much that is, and all again afterwards.
func TestPhoneThatLosesMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.OneWay(hostA, hostB, line(20*time.Millisecond, 0.7, 0))
		a, b := call(t, n, plain)
		talk(2*time.Minute, a, b)
		if kbps := a.Stats().Budget; kbps != leastKbps {
			t.Errorf("%d kbit/s where 70 %% are lost, want %d", kbps, leastKbps)
		}
		n.OneWay(hostA, hostB, line(20*time.Millisecond, 0, 0))
		talk(2*time.Minute, a, b)
		if kbps := a.Stats().Budget; kbps < 1500 {
			t.Errorf("%d kbit/s two minutes after that is over", kbps)
		}
		hangUp(a, b)
	})
}
