package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/h264"
	"ewindow/media/latch"
	"ewindow/media/negotiate"
	"ewindow/media/rate"
	"ewindow/scripts/lab/memnet"
)

// fakeEncoder makes access units that a test can check: each carries its number.
type fakeEncoder struct {
	mu     sync.Mutex
	number uint32
	key    bool
	sps    []byte // with start code; nil for 1280×720
	sizeP  int
	sizeI  int
	slices int // of a picture that is no keyframe; 0: one
	noise  []byte
	fixed  bool // it makes the same whatever it may make
}

func newFakeEncoder() *fakeEncoder {
	return &fakeEncoder{key: true, sizeP: 8000, sizeI: 30000, noise: noise()}
}

// noise is what coded pictures look like, without start codes; drawn once, since a draw for each byte of each picture
// is most of what a test does.
var noise = sync.OnceValue(func() []byte {
	random, b := rand.New(rand.NewPCG(1, 2)), make([]byte, 1<<18)
	for i := range b {
		b[i] = byte(random.IntN(240) + 16)
	}
	return b
})

// budget sets how large its pictures are; a keyframe is as large as a buffer of 120 ms allows.
func (e *fakeEncoder) budget(kbps, _ int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fixed {
		return
	}
	e.sizeP = max(kbps*1000/8/30, 40)
	e.sizeI = max(kbps*120/8, 1500)
}

func (e *fakeEncoder) forceKey() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.key = true
}

func (e *fakeEncoder) next() AccessUnit {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.number++
	au := AccessUnit{Captured: time.Now(), Key: e.key}
	if e.key {
		au.Data = append(au.Data, e.sets()...)
		au.Data = e.slice(au.Data, 0x65, e.sizeI)
	} else {
		for range max(e.slices, 1) {
			au.Data = e.slice(au.Data, 0x41, e.sizeP)
		}
	}
	e.key = false
	return au
}

// sets are the parameter sets, in Baseline.
func (e *fakeEncoder) sets() []byte {
	sps := e.sps
	if sps == nil {
		sps = []byte{0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe8, 0x48}
	}
	return append(bytes.Clone(sps), 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80)
}

// sliceHead are first_mb_in_slice 0, slice_type 7 and pic_parameter_set_id 0.
var sliceHead = []byte{0x88, 0x84}

// slice appends a NAL unit that is no real slice but begins like one, has the number in it, and no start codes.
func (e *fakeEncoder) slice(b []byte, header byte, size int) []byte {
	b = append(append(b, 0, 0, 0, 1, header), sliceHead...)
	for i := range 8 {
		b = append(b, byte(e.number>>(28-4*i)&0xf)|0x10)
	}
	at := int(e.number) % (len(e.noise) - size)
	return append(b, e.noise[at:at+size-1-len(sliceHead)-8]...)
}

func numberOf(au []byte) (n uint32, key bool) {
	for nal := range h264.NALs(au) {
		if t := h264.TypeOf(nal); t == h264.TypeSlice || t == h264.TypeIDR {
			for _, b := range nal[1+len(sliceHead):][:8] {
				n = n<<4 | uint32(b&0xf)
			}
			return n, t == h264.TypeIDR
		}
	}
	return 0, false
}

// recorder is a Receiver that keeps everything and judges pictures as a decoder would.
type recorder struct {
	t  *testing.T
	mu sync.Mutex

	sent     map[uint32]AccessUnit // what the other side sent
	video    []seenUnit
	audio    []seenFrame
	requests []time.Time
	onKey    func()
	last     uint32
	blind    bool // what comes is not judged
	forget   bool // what comes is judged and not kept
}

type seenUnit struct {
	number uint32
	key    bool
	at     time.Time
	AccessUnit
}

type seenFrame struct {
	AudioFrame
	at time.Time
}

func (r *recorder) Video(au AccessUnit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blind {
		return
	}
	n, key := numberOf(au.Data)
	_, recovers := h264.Recovery(au.Data)
	if key != au.Key && !(au.Key && recovers) {
		r.t.Errorf("access unit %d: Key is %t", n, au.Key)
	}
	if !au.Key && n != r.last+1 {
		r.t.Errorf("broken picture: access unit %d came after %d and is no keyframe", n, r.last)
	}
	began := !key && au.Key && recovers // decoding without a keyframe, after a long time without: see recv_video.go
	if want, ok := r.sent[n]; ok && !bytes.Equal(want.Data, au.Data) && !(began && bytes.HasSuffix(au.Data, want.Data)) {
		r.t.Errorf("access unit %d has %d bytes, sent were %d, or they differ", n, len(au.Data), len(want.Data))
	}
	r.last = n
	if r.forget {
		return
	}
	r.video = append(r.video, seenUnit{n, key, time.Now(), au})
}

func (r *recorder) Audio(f AudioFrame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forget {
		return
	}
	r.audio = append(r.audio, seenFrame{f, time.Now()})
}

func (r *recorder) KeyframeRequested() {
	r.mu.Lock()
	r.requests = append(r.requests, time.Now())
	f := r.onKey
	r.mu.Unlock()
	if f != nil {
		f()
	}
}

func (r *recorder) whenAsked(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onKey = f
}

func (r *recorder) counts() (video, audio, lost int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.audio {
		if f.Lost {
			lost++
		}
	}
	return len(r.video), len(r.audio) - lost, lost
}

// tap is a socket whose outgoing datagrams a test can change, swallow or repeat.
type tap struct {
	net.PacketConn
	mu sync.Mutex
	on func(b []byte) [][]byte
}

func (c *tap) WriteTo(b []byte, to net.Addr) (int, error) {
	c.mu.Lock()
	on := c.on
	c.mu.Unlock()
	if on == nil {
		return c.PacketConn.WriteTo(b, to)
	}
	for _, d := range on(bytes.Clone(b)) {
		if _, err := c.PacketConn.WriteTo(d, to); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (c *tap) tamper(on func([]byte) [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = on
}

// end is one side of a call in a test.
type end struct {
	*Session
	t       *testing.T
	rec     *recorder
	enc     *fakeEncoder
	taps    [4]*tap // audio RTP, audio RTCP, video RTP, video RTCP
	desc    negotiate.Description
	done    chan error
	cancel  context.CancelFunc
	address netip.Addr
	said    uint32 // frames of sound
	keying  Keying
	sdp     []string // what was offered and answered last
}

var (
	hostA = netip.MustParseAddr("10.0.0.1")
	hostB = netip.MustParseAddr("10.0.0.2")
)

// option changes what two ends agree on.
type option func(a, b *negotiate.Description)

// call sets up two sessions over a network in memory and runs them until the test ends.
func call(t *testing.T, n *memnet.Network, options ...option) (a, b *end) {
	t.Helper()
	a, b = newEnd(t, n, hostA), newEnd(t, n, hostB)
	a.desc, b.desc = descriptions(a, b)
	for _, o := range options {
		o(&a.desc, &b.desc)
	}
	a.begin()
	b.begin()
	a.rec.sent, b.rec.sent = map[uint32]AccessUnit{}, map[uint32]AccessUnit{}
	return a, b
}

func newEnd(t *testing.T, n *memnet.Network, host netip.Addr) *end {
	e := &end{t: t, rec: &recorder{t: t}, enc: newFakeEncoder(), address: host, done: make(chan error, 1)}
	e.rec.onKey = e.enc.forceKey
	for i := range e.taps {
		c, err := n.ListenPacket(netip.AddrPortFrom(host, uint16(4000+i)).String())
		if err != nil {
			t.Fatal(err)
		}
		e.taps[i] = &tap{PacketConn: c}
	}
	return e
}

func (e *end) begin() {
	e.t.Helper()
	s, err := NewSession(Config{
		Description: e.desc, CNAME: e.address.String(), Receiver: e.rec, Log: slog.New(slog.DiscardHandler),
		Budget: e.enc.budget, Keying: e.keying,
		Ways: (&Sockets{e.taps[0], e.taps[1], e.taps[2], e.taps[3]}).Ways(),
	})
	if err != nil {
		e.t.Fatal(err)
	}
	e.Session = s
	e.phone(true)
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	go func() { e.done <- s.Run(ctx) }()
	synctest.Wait()
}

// phone has a phone's line begin as it does in a call that is under way, with all that its pictures may take; or anew.
func (e *end) phone(known bool) {
	if e.video == nil || e.desc.Video == nil || e.desc.Video.CCFB {
		return
	}
	l := phoneLimits(e.desc.Video)
	if known {
		l.First = l.Most
	}
	e.video.t.mu.Lock()
	e.video.t.byReports = rate.NewByReports(l)
	e.video.t.mu.Unlock()
	e.video.poke()
}

// greeted has an end send no keyframe that nobody asked for.
func (e *end) greeted() {
	e.sendVideo.mu.Lock()
	defer e.sendVideo.mu.Unlock()
	e.sendVideo.greeter.said = len(greetings)
}

// hangUp ends both sessions and fails when one ended by itself or with an error.
func hangUp(ends ...*end) {
	for _, e := range ends {
		e.t.Helper()
		select {
		case err := <-e.done:
			e.t.Errorf("session ended by itself: %v", err)
			continue
		default:
		}
		e.cancel()
		if err := <-e.done; err != nil {
			e.t.Errorf("Run: %v", err)
		}
	}
	time.Sleep(time.Second) // what is on the wire arrives
	for _, e := range ends {
		for _, c := range e.taps {
			_ = c.Close()
		}
	}
}

func testKeys(seed byte) *negotiate.Keys {
	return &negotiate.Keys{Suite: negotiate.AEAD_AES_128_GCM, Key: bytes.Repeat([]byte{seed}, 16), Salt: bytes.Repeat([]byte{seed + 1}, 12)}
}

func descriptions(a, b *end) (da, db negotiate.Description) {
	audio := negotiate.Stream{Codec: negotiate.Opus, ClockRate: 48000, SendType: 111, ReceiveType: 111, EventType: 110,
		Direction: negotiate.SendRecv, Mux: true}
	video := negotiate.Stream{Codec: negotiate.H264, ClockRate: 90000, SendType: 96, ReceiveType: 96,
		Direction: negotiate.SendRecv, Mux: true, PLI: true, FIR: true, Mode: 1, MaxKbps: 2000}
	side := func(remote *end, out, in byte) negotiate.Description {
		x, y := audio, video
		x.RTP, x.RTCP = netip.AddrPortFrom(remote.address, 4000), netip.AddrPortFrom(remote.address, 4000)
		y.RTP, y.RTCP = netip.AddrPortFrom(remote.address, 4002), netip.AddrPortFrom(remote.address, 4002)
		x.Send, x.Receive = testKeys(out), testKeys(in)
		y.Send, y.Receive = testKeys(out+2), testKeys(in+2)
		return negotiate.Description{Audio: &x, Video: &y}
	}
	return side(b, 10, 20), side(a, 20, 10)
}

// opus20 is a frame of 20 ms that carries its number.
func opus20(n uint32) []byte {
	b := make([]byte, 80)
	b[0] = 15 << 3 // hybrid, 20 ms, one frame
	binary.BigEndian.PutUint32(b[1:], n)
	return b
}

// talk sends from each end to the other, 30 pictures and 50 frames of sound a second, for so long.
func talk(d time.Duration, a, b *end) { converse(d, [][2]*end{{a, b}, {b, a}}) }

// tell sends so from one end to the other alone.
func tell(d time.Duration, from, to *end) { converse(d, [][2]*end{{from, to}}) }

func converse(d time.Duration, ways [][2]*end) {
	until := time.Now().Add(d)
	video, audio := time.NewTicker(time.Second/30), time.NewTicker(20*time.Millisecond)
	defer video.Stop()
	defer audio.Stop()
	n := uint32(0)
	for time.Now().Before(until) {
		select {
		case <-video.C:
			for _, w := range ways {
				w[0].picture(w[1])
			}
		case <-audio.C:
			n++
			for _, w := range ways {
				w[0].SendAudio(AudioFrame{Data: opus20(n), Captured: time.Now(), Duration: 20 * time.Millisecond})
			}
		}
	}
	synctest.Wait()
}

func (e *end) picture(to *end) {
	au := e.enc.next()
	to.rec.mu.Lock()
	to.rec.sent[e.enc.number] = au
	delete(to.rec.sent, e.enc.number-3000)
	to.rec.mu.Unlock()
	e.SendVideo(au)
}

// control sends RTCP beside what the session sends.
func (e *end) control(t *testing.T, p rtcp.Packet) {
	t.Helper()
	if err := e.video.t.sendRTCP([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: e.video.t.currentSSRC()}, p}); err != nil {
		t.Error(err)
	}
}

func latchOf(st *stream) *latch.Latch { return &st.way.(*direct).latch }

func portAbove(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), a.Port()+1) }

// settle waits until what is on its way has arrived and been dealt with: then a test may look inside.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
