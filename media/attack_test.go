package media

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// spray sends datagrams of all kinds from a third host to every port of a session.
func spray(t *testing.T, n *memnet.Network, from string, to netip.Addr, captured [][]byte) (heard func() int) {
	t.Helper()
	c, err := n.ListenPacket(from)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	kinds := [][]byte{nil, {0x80}, bytes.Repeat([]byte{0x80}, 11), bytes.Repeat([]byte{0xbf}, 1500), bytes.Repeat([]byte{0x80, 200}, 700),
		bytes.Repeat([]byte{0x90, 96, 0xff, 0xff}, 300), bytes.Repeat([]byte{22, 254, 253}, 60), make([]byte, 60_000)}
	for range 200 {
		b := make([]byte, r.IntN(1400))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if len(b) > 1 && r.IntN(2) == 0 {
			b[0], b[1] = 0x80, byte(96+r.IntN(128))
		}
		kinds = append(kinds, b)
	}
	for i, b := range captured {
		kinds = append(kinds, b) // replayed
		if len(b) > 20 {
			flipped, short := bytes.Clone(b), b[:len(b)/2]
			flipped[(i*7)%len(flipped)] ^= 1 << (i % 8)
			kinds = append(kinds, flipped, short, append(bytes.Clone(b), make([]byte, 3000)...))
		}
	}
	for _, b := range kinds {
		for port := uint16(4000); port < 4004; port++ {
			if _, err := c.WriteTo(b, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, port))); err != nil && len(b) > 0 {
				t.Fatal(err)
			}
		}
	}
	count := 0
	go func() {
		buf := make([]byte, 2000)
		for {
			if _, _, err := c.ReadFrom(buf); err != nil {
				return
			}
			count++
		}
	}()
	return func() int {
		synctest.Wait()
		_ = c.Close()
		return count
	}
}

// Garbage, replays, flips and truncations from a stranger change counters and nothing else, and nothing goes to him.
func TestStrangersAreIgnored(t *testing.T) {
	options := map[string]option{"srtp": func(_, _ *negotiate.Description) {}, "plain": plain}
	for name, option := range options {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(8)
				n.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
				a, b := call(t, n, option)
				var mu sync.Mutex
				var captured [][]byte
				for _, c := range a.taps {
					c.tamper(func(p []byte) [][]byte {
						mu.Lock()
						defer mu.Unlock()
						if len(captured) < 500 {
							captured = append(captured, bytes.Clone(p))
						}
						return [][]byte{p}
					})
				}
				talk(3*time.Second, a, b)
				before := b.Stats()
				heard := spray(t, n, "10.0.0.66:9", b.address, captured)
				talk(3*time.Second, a, b)
				settle(100 * time.Millisecond)
				video, audio, _ := b.rec.counts()
				if video < 179 || audio < 298 {
					t.Errorf("%d pictures and %d frames of sound in 6 s", video, audio)
				}
				s := b.Stats()
				if s.VideoHeld != 0 || s.Video.Received.Packets-before.Video.Received.Packets > 900 {
					t.Errorf("the stranger did something: %+v", s)
				}
				if name == "srtp" && (s.AuthFailures < 100 || s.Replays < 100 || s.Garbage < 100) {
					t.Errorf("not counted: %+v", s)
				}
				if name == "plain" && s.Foreign < 100 {
					t.Errorf("not counted: %+v", s)
				}
				if n := heard(); n != 0 {
					t.Errorf("%d datagrams went to the stranger", n)
				}
				hangUp(a, b)
			})
		})
	}
}

// Who names a stranger's address in SDP, from which nothing comes, has sound sent there and no picture. When the partner is heard, from
// wherever it is, pictures go to it.
func TestAStrangersAddress(t *testing.T) {
	for name, keys := range map[string]option{"srtp": func(_, _ *negotiate.Description) {}, "plain": plain} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(8)
				n.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
				const stranger = "10.0.0.66"
				var got atomic.Int64
				var listening []net.PacketConn
				for port := range 4 {
					c, err := n.ListenPacket(netip.AddrPortFrom(netip.MustParseAddr(stranger), uint16(4000+port)).String())
					if err != nil {
						t.Fatal(err)
					}
					listening = append(listening, c)
					go func() {
						for buf := make([]byte, 2000); ; {
							size, _, err := c.ReadFrom(buf)
							if err != nil {
								return
							}
							got.Add(int64(size))
						}
					}()
				}
				a, b := newEnd(t, n, hostA), newEnd(t, n, hostB)
				a.desc, b.desc = descriptions(a, b)
				keys(&a.desc, &b.desc)
				for _, s := range []*negotiate.Stream{a.desc.Audio, a.desc.Video} {
					s.Flow = s.RTP.Addr()
					s.RTP = netip.AddrPortFrom(netip.MustParseAddr(stranger), s.RTP.Port())
					s.RTCP = s.RTP
				}
				for _, c := range b.taps { // it is not there
					c.tamper(func([]byte) [][]byte { return nil })
				}
				a.begin()
				b.begin()
				a.rec.sent, b.rec.sent = map[uint32]AccessUnit{}, map[uint32]AccessUnit{}
				tell(10*time.Second, a, b)
				synctest.Wait()
				if n := got.Load(); n == 0 || n > 10*64000/8 {
					t.Errorf("the stranger got %d bytes in 10 s", n)
				}
				for _, c := range b.taps {
					c.tamper(func(p []byte) [][]byte { return [][]byte{p} })
				}
				talk(2*time.Second, a, b)
				before := got.Load()
				talk(3*time.Second, a, b)
				synctest.Wait()
				if video, audio, _ := b.rec.counts(); video < 50 || audio < 100 {
					t.Errorf("the partner got %d pictures and %d frames of sound", video, audio)
				}
				if more := got.Load() - before; more > 3000 { // reports
					t.Errorf("the stranger got %d bytes more", more)
				}
				hangUp(a, b)
				for _, c := range listening {
					_ = c.Close()
				}
			})
		})
	}
}

// The right address does not make a packet authentic either.
func TestDamagedPacketsFromThePartner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(9)
		n.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
		a, b := call(t, n)
		for i, c := range a.taps {
			r := rand.New(rand.NewPCG(5, uint64(i)))
			var mu sync.Mutex
			c.tamper(func(p []byte) [][]byte {
				mu.Lock()
				defer mu.Unlock()
				flipped, short := bytes.Clone(p), bytes.Clone(p[:r.IntN(len(p))])
				flipped[r.IntN(len(flipped))] ^= 1 << r.IntN(8)
				long := append(bytes.Clone(p), make([]byte, r.IntN(60_000))...)
				return [][]byte{flipped, short, p, long, p}
			})
		}
		talk(5*time.Second, a, b)
		settle(100 * time.Millisecond)
		video, audio, _ := b.rec.counts()
		s := b.Stats()
		if video < 149 || audio < 248 || s.VideoHeld != 0 {
			t.Errorf("%d pictures, %d frames of sound: %+v", video, audio, s)
		}
		if s.AuthFailures < 500 || s.Replays < 500 {
			t.Errorf("not counted: %+v", s)
		}
		hangUp(a, b)
	})
}

// Symmetric RTP: authentic packets from another address move our packets there, and back.
func TestLatchFollowsAuthenticPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(10)
		n.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
		a, b := call(t, n, func(_, b *negotiate.Description) { // what a's SDP says leads nowhere
			for _, s := range []*negotiate.Stream{b.Audio, b.Video} {
				s.RTP = netip.MustParseAddrPort("192.168.7.7:1234")
				s.RTCP = s.RTP
			}
		})
		talk(2*time.Second, a, b)
		settle(100 * time.Millisecond)
		if video, audio, _ := a.rec.counts(); video < 50 || audio < 90 {
			t.Errorf("%d pictures and %d frames of sound reached the end behind NAT", video, audio)
		}
		if to, ok := latchOf(b.video).RTP(); !ok || to != netip.MustParseAddrPort("10.0.0.1:4002") {
			t.Errorf("video goes to %v", to)
		}
		if err := b.Update(b.desc); err != nil { // the same address again: nothing is unlearnt
			t.Fatal(err)
		}
		if to, _ := latchOf(b.video).RTP(); to != netip.MustParseAddrPort("10.0.0.1:4002") {
			t.Errorf("after a refresh video goes to %v", to)
		}
		hangUp(a, b)
	})
}

// BYE ends nothing, and other RTCP that a peer may send does no harm.
func TestGoodbyeEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(11)
		n.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
		a, b := call(t, n)
		talk(time.Second, a, b)
		for range 3 {
			for _, st := range a.streams() {
				for _, p := range []rtcp.Packet{
					&rtcp.Goodbye{Sources: []uint32{st.t.currentSSRC()}},
					&rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: []rtcp.NackPair{{PacketID: 3, LostPackets: 0xffff}}},
					&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1, SSRCs: []uint32{1}},
					&rtcp.ExtendedReport{}, &rtcp.SourceDescription{},
					&rtcp.SenderReport{SSRC: st.t.currentSSRC(), NTPTime: 1 << 63, RTPTime: 1 << 31},
				} {
					if err := st.t.sendRTCP([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: st.t.currentSSRC()}, p}); err != nil {
						t.Error(err)
					}
				}
			}
		}
		talk(2*time.Second, a, b)
		settle(100 * time.Millisecond)
		if video, audio, _ := b.rec.counts(); video < 88 || audio < 145 {
			t.Errorf("%d pictures, %d frames of sound in 3 s", video, audio)
		}
		hangUp(a, b)
	})
}

// Authentic nonsense: the partner itself sends what is no H.264 and no sound.
func TestNonsenseFromThePartnerIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(12)
		n.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
		a, b := call(t, n)
		talk(time.Second, a, b)
		r := rand.New(rand.NewPCG(7, 8))
		settle(100 * time.Millisecond)
		b.rec.blind = true
		for i := range 3000 {
			for _, st := range a.streams() {
				x := st.t
				x.mu.Lock()
				x.plain = x.plain[:rtpHeader]
				for range r.IntN(1300) {
					x.plain = append(x.plain, byte(r.Uint32()))
				}
				x.send(time.Now(), r.Uint32(), time.Now(), r.IntN(3) == 0)
				x.mu.Unlock()
			}
			if i%100 == 0 {
				settle(time.Millisecond)
			}
		}
		talk(300*time.Millisecond, a, b) // the last of it ends with the first of this
		settle(100 * time.Millisecond)
		b.rec.blind = false
		before, _, _ := b.rec.counts()
		a.enc.forceKey()
		talk(3*time.Second, a, b)
		settle(100 * time.Millisecond)
		video, audio, _ := b.rec.counts()
		if video-before < 60 || audio < 150 {
			t.Errorf("%d pictures and %d frames of sound after the nonsense", video-before, audio)
		}
		if s := b.Stats(); s.VideoHeld == 0 {
			t.Error("nothing was held back")
		}
		hangUp(a, b)
	})
}
