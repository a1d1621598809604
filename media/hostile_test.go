//go:build !race

package media

import (
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/media/red"
)

// counting is a socket that counts what is sent.
type counting struct {
	nowhere
	bytes *int
}

func (c counting) WriteTo(b []byte, _ net.Addr) (int, error) {
	*c.bytes += len(b)
	return len(b), nil
}

// victim is a session that has agreed on everything and believes every packet, in a time of its own. It sends 30 pictures a second
// of 8 packets.
type victim struct {
	*Session
	t      *testing.T
	random *rand.Rand
	now    time.Time
	got    deaf
	sent   int    // bytes
	own    int    // bytes of our media, each packet once
	seq    uint16 // of the other side's pictures
}

func newVictim(t *testing.T) *victim {
	v := &victim{t: t, random: rand.New(rand.NewPCG(1, 2)), now: time.Now(), seq: 1000}
	d := descriptionsOf(false)
	everything(&d, &negotiate.Description{Audio: &negotiate.Stream{}, Video: &negotiate.Stream{}})
	out := counting{bytes: &v.sent}
	s, err := NewSession(Config{Description: d, Receiver: &v.got, Log: slog.New(slog.DiscardHandler),
		Ways: (&Sockets{AudioRTP: out, AudioRTCP: out, VideoRTP: out, VideoRTCP: out}).Ways()})
	if err != nil {
		t.Fatal(err)
	}
	v.Session = s
	for _, st := range s.streams() {
		st.take()
	}
	for range 30 {
		v.picture()
		v.take(s.video, v.media(96, 5, v.seq, []byte{0x65, 0x88, 0x84, 1, 2, 3}))
		v.take(s.audio, v.media(111, 7, v.seq, opus20(uint32(v.seq))))
	}
	return v
}

// picture sends one of ours.
func (v *victim) picture() {
	x := v.video.t
	x.mu.Lock()
	defer x.mu.Unlock()
	x.window.begin(v.now, x.seq, false)
	for i := range 8 {
		x.plain = append(x.plain[:rtpHeader], make([]byte, 1000)...)
		x.send(v.now, uint32(v.now.Sub(v.epoch)*90/time.Millisecond), v.now, i == 7)
		v.own += 1000 + rtpHeader
	}
	for i := range x.protection.of(v.now, 8, false, false) {
		x.sendRepair(v.now, 0, i)
	}
}

// speak sends a frame of our sound.
func (v *victim) speak() {
	x := v.audio.t
	x.mu.Lock()
	defer x.mu.Unlock()
	x.plain = append(x.plain[:rtpHeader], opus20(1)...)
	x.send(v.now, uint32(v.now.Sub(v.epoch)*48/time.Millisecond), v.now, false)
	v.own += len(x.plain)
}

// media is an RTP packet of the other side with the next number.
func (v *victim) media(pt uint8, ssrc uint32, seq uint16, payload []byte) []byte {
	b := []byte{2 << 6, pt | 0x80}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, uint32(v.now.Sub(v.epoch)*90/time.Millisecond))
	b = binary.BigEndian.AppendUint32(b, ssrc)
	v.seq++
	return append(b, payload...)
}

func (v *victim) take(st *stream, b []byte) {
	port := uint16(4002)
	if st == v.audio {
		port = 4000
	}
	st.datagram(arrived(st, b, netip.AddrPortFrom(hostB, port), false, v.now))
	st.tick(v.now)
	v.now = v.now.Add(time.Millisecond)
}

func (v *victim) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(v.random.Uint32())
	}
	return b
}

// control is a compound with one packet.
func (v *victim) control(p ...rtcp.Packet) []byte {
	b, err := rtcp.Marshal(append([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 5}}, p...))
	if err != nil {
		v.t.Fatal(err)
	}
	return b
}

// nack asks for so many numbers up to the last that a stream has sent.
func (v *victim) nack(st *stream, numbers int) []byte {
	own := st.t.currentSSRC()
	var all []rtcp.Packet
	for i := 0; i < numbers; {
		n := &rtcp.TransportLayerNack{SenderSSRC: 5, MediaSSRC: own}
		for ; i < numbers && len(n.Nacks) < 250; i += 17 {
			n.Nacks = append(n.Nacks, rtcp.NackPair{PacketID: st.t.seq - uint16(numbers) + uint16(i), LostPackets: 0xffff})
		}
		all = append(all, n)
	}
	return v.control(all...)
}

// arrivals reports on so many numbers up to the last that we sent.
func (v *victim) arrivals(numbers int, came func() bool) []byte {
	b := rtcp.CCFeedbackReportBlock{MediaSSRC: v.video.t.currentSSRC(), BeginSequence: v.video.t.seq - uint16(numbers)}
	for range numbers {
		b.MetricBlocks = append(b.MetricBlocks, rtcp.CCFeedbackMetricBlock{Received: came(), ArrivalTimeOffset: uint16(v.random.Uint32()) & 0x1fff})
	}
	return v.control(&rtcp.CCFeedbackReport{SenderSSRC: 5, ReportBlocks: []rtcp.CCFeedbackReportBlock{b}, ReportTimestamp: v.random.Uint32()})
}

// Whatever the other side sends, a thousand datagrams a second, nothing is kept without bound, nothing is sent without bound, and
// no datagram takes long.
func TestHostilePartner(t *testing.T) {
	const (
		datagrams = 2000
		mostKept  = 1536 << 10 // bytes; less than the datagrams have
	)
	always, never := func() bool { return true }, func() bool { return false }
	for name, c := range map[string]struct {
		sound bool  // it goes to the stream of sound
		keeps int64 // more than mostKept, bytes
		next  func(v *victim, i int) []byte
	}{
		"asks for all that we keep": {next: func(v *victim, _ int) []byte { return v.nack(v.video, historyPackets) }},
		"asks for every number":     {next: func(v *victim, _ int) []byte { return v.nack(v.video, 1<<16-17) }},
		"asks for all of the sound": {sound: true, next: func(v *victim, _ int) []byte { return v.nack(v.audio, historyPackets) }},
		"asks for keyframes": {next: func(v *victim, i int) []byte {
			own := v.video.t.currentSSRC()
			return v.control(&rtcp.PictureLossIndication{MediaSSRC: own}, &rtcp.FullIntraRequest{MediaSSRC: own, FIR: []rtcp.FIREntry{{SSRC: own, SequenceNumber: uint8(i)}}})
		}},
		"lost all, it says": {next: func(v *victim, i int) []byte {
			r := rtcp.ReceptionReport{SSRC: v.video.t.currentSSRC(), FractionLost: 255, TotalLost: 1<<24 - 1, LastSequenceNumber: uint32(i * 40)}
			many := slices.Repeat([]rtcp.ReceptionReport{r}, 31)
			return v.control(&rtcp.ReceiverReport{SSRC: 5, Reports: many}, &rtcp.ReceiverReport{SSRC: 5, Reports: many})
		}},
		"lost all of the sound": {sound: true, next: func(v *victim, i int) []byte {
			return v.control(&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: v.audio.t.currentSSRC(), FractionLost: 255, LastSequenceNumber: uint32(i * 40)}}})
		}},
		"all came at once, it says":                      {next: func(v *victim, _ int) []byte { return v.arrivals(8000, always) }},
		"nothing came, it says":                          {next: func(v *victim, _ int) []byte { return v.arrivals(8000, never) }},
		"arrivals at random":                             {next: func(v *victim, _ int) []byte { return v.arrivals(500, func() bool { return v.random.IntN(2) == 0 }) }},
		"sent again under any number":                    {next: func(v *victim, i int) []byte { return v.media(99, 6, uint16(i), append(v.noise(2), v.noise(1200)...)) }},
		"a sender of what is sent again for each packet": {next: func(v *victim, i int) []byte { return v.media(99, uint32(i+100), 7, v.noise(1200)) }},
		"repair packets for what never was": {next: func(v *victim, i int) []byte {
			p := append(v.noise(8), byte((v.seq+40)>>8), byte(v.seq+40))
			p[0] &= 0x3f
			return v.media(103, 9, uint16(i), append(append(p, 0xff, 0xff), append(v.noise(12), v.noise(1200)...)...))
		}},
		"repair packets of noise": {next: func(v *victim, i int) []byte { return v.media(103, 9, uint16(i), v.noise(v.random.IntN(1400))) }},
		"sound with sixteen copies": {sound: true, next: func(v *victim, i int) []byte {
			var copies []red.Block
			for range 15 {
				copies = append(copies, red.Block{Type: 111, Offset: 1 + v.random.Uint32()&red.MaxOffset/2, Data: v.noise(80)})
			}
			return v.media(63, 7, v.seq, red.Append(nil, copies, red.Block{Type: 111, Data: opus20(uint32(i))}))
		}},
		"copies of noise":              {sound: true, next: func(v *victim, _ int) []byte { return v.media(63, 7, v.seq, v.noise(v.random.IntN(1400))) }},
		"a sender for each packet":     {next: func(v *victim, i int) []byte { return v.media(96, uint32(i+100), 7, v.noise(1200)) }},
		"numbers at random":            {next: func(v *victim, _ int) []byte { return v.media(96, 5, uint16(v.random.Uint32()), v.noise(1200)) }},
		"sound with numbers at random": {sound: true, next: func(v *victim, i int) []byte { return v.media(111, 7, uint16(v.random.Uint32()), opus20(uint32(i))) }},
		"every other packet":           {next: func(v *victim, i int) []byte { return v.media(96, 5, uint16(2*i+2000), v.noise(1200)) }},
		"pictures without an end": {next: func(v *victim, _ int) []byte {
			b := v.media(96, 5, v.seq, append([]byte{0x7c, 0x01}, v.noise(1200)...))
			b[1] = 96
			return b
		}},
		"one picture without an end": {keeps: 10 << 20, next: func(v *victim, i int) []byte {
			begins := map[bool]byte{true: 0x80}[i == 0]
			b := v.media(96, 5, v.seq, append([]byte{0x7c, begins | 1}, v.noise(60_000)...))
			b[1] = 96
			copy(b[4:8], "same")
			return b
		}},
		"the largest datagrams": {next: func(v *victim, _ int) []byte {
			b := v.media(96, 5, v.seq, append([]byte{0x41, 0x88}, v.noise(60_000)...))
			b[1] = 96
			return b
		}},
		"the largest, out of order": {next: func(v *victim, i int) []byte {
			return v.media(96, 5, uint16(2*i+2000), append([]byte{0x41, 0x88}, v.noise(60_000)...))
		}},
		"parameter sets of all numbers": {next: func(v *victim, _ int) []byte {
			return v.media(96, 5, v.seq, append([]byte{byte(0x67 + v.random.IntN(2))}, v.noise(1200)...))
		}},
		"reports of anything": {next: func(v *victim, _ int) []byte {
			r := rtcp.ReceptionReport{SSRC: v.video.t.currentSSRC(), FractionLost: uint8(v.random.Uint32()), TotalLost: v.random.Uint32() >> 8,
				LastSequenceNumber: v.random.Uint32(), Jitter: v.random.Uint32(), LastSenderReport: v.random.Uint32(), Delay: v.random.Uint32()}
			return v.control(&rtcp.SenderReport{SSRC: 5, NTPTime: v.random.Uint64(), RTPTime: v.random.Uint32(), Reports: []rtcp.ReceptionReport{r}})
		}},
		"limits of all sizes": {next: func(v *victim, i int) []byte {
			own, estimate := v.video.t.currentSSRC(), []float32{0, 1, 9e18, 1e30}[i%4]
			return v.control(&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 5, Bitrate: estimate, SSRCs: []uint32{own}},
				tmmbr(uint32(i), own, uint32(i%64), v.random.Uint32()>>15, 40))
		}},
		"clocks at random": {next: func(v *victim, _ int) []byte {
			b := v.media(96, 5, v.seq, append([]byte{0x41, 0x88}, v.noise(1200)...))
			copy(b[4:8], v.noise(4))
			return b
		}},
		"sound, clocks at random": {sound: true, next: func(v *victim, i int) []byte {
			b := v.media(111, 7, v.seq, opus20(uint32(i)))
			copy(b[4:8], v.noise(4))
			return b
		}},
		"sent again before it was sent": {next: func(v *victim, i int) []byte {
			return v.media(99, 6, uint16(i), append([]byte{byte((v.seq + 400) >> 8), byte(v.seq + 400)}, v.noise(1200)...))
		}},
		"our own sender": {next: func(v *victim, _ int) []byte { return v.media(96, v.video.t.currentSSRC(), v.seq, v.noise(100)) }},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			st := v.video
			if c.sound {
				st = v.audio
			}
			v.sent, v.own = 0, 0
			before, most, cpu := held(), int64(0), processorTime()
			wanted := v.given.Load()
			for i := range datagrams {
				v.take(st, c.next(v, i))
				if i%33 == 0 && !c.sound {
					v.picture()
				}
				if i%20 == 0 && c.sound {
					v.speak()
				}
				if i%500 == 499 {
					most = max(most, held()-before)
				}
			}
			each := (processorTime() - cpu) / datagrams
			t.Logf("%d KiB kept at most, %.2f times our media sent, %v of a processor for each datagram", most>>10, float64(v.sent)/float64(v.own), each)
			if most > max(mostKept, c.keeps) {
				t.Errorf("%d KiB are kept", most>>10)
			}
			if v.sent < v.own {
				t.Errorf("%d bytes were counted of %d that are ours: nothing is tried here", v.sent, v.own)
			}
			if v.sent > 2*v.own+resendBurst+200_000 { // reports are a part of it
				t.Errorf("sent %d bytes for %d of our media", v.sent, v.own)
			}
			if each > 20*time.Millisecond { // it is some hundred microseconds at most, making the datagram included
				t.Errorf("%v for each datagram", each)
			}
			if n := v.given.Load() - wanted; n > datagrams/300+2 {
				t.Errorf("%d keyframes asked of our encoder in %d ms", n, datagrams)
			}
		})
	}
}

// held is what the heap holds, in bytes, without garbage.
func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
