package media

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/h264"
	"ewindow/media/negotiate"
)

// twin is a second sender at an end: another SSRC under the same keys, over the same way.
type twin struct {
	t   *transmitter
	enc *fakeEncoder
}

func newTwin(e *end) *twin {
	e.t.Helper()
	p, err := newProtector(e.desc.Video.Send)
	if err != nil {
		e.t.Fatal(err)
	}
	x := &twin{t: newTransmitter(e.video.way, e.epoch), enc: newFakeEncoder()}
	x.t.configure(e.desc.Video, p)
	x.enc.number = 1 << 20
	return x
}

// picture sends one, at once.
func (x *twin) picture() AccessUnit {
	au := x.enc.next()
	packets := h264.NewPacketizer(1, maxPacket-rtpHeader)
	if err := packets.Begin(au.Data); err != nil {
		panic(err)
	}
	x.t.mu.Lock()
	defer x.t.mu.Unlock()
	ts := x.t.timestamp(au.Captured, videoRate)
	for last := false; !last; {
		x.t.plain, last = packets.Next(x.t.plain[:rtpHeader])
		x.t.send(time.Now(), ts, au.Captured, last)
	}
	return au
}

const frame = time.Second / 30

// numbers are those of the pictures that came.
func (r *recorder) numbers() []uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []uint32
	for _, u := range r.video {
		out = append(out, u.number)
	}
	return out
}

// As long as the sender at hand speaks, another authentic one neither shows nor disturbs: not for long, not for
// moments, not in a pause of the first.
func TestASecondSenderDoesNotDisturb(t *testing.T) {
	protections := map[string]option{"srtp": func(_, _ *negotiate.Description) {}, "plain": plain}
	for name, option := range protections {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := call(t, perfect(), option)
				x := newTwin(a)
				for i := range 300 {
					if i%60 < 50 {
						a.picture(b)
						time.Sleep(frame)
					} else if i%60 < 54 { // a pause of 133 ms, in which the other speaks
						time.Sleep(frame)
					}
					if i%5 == 0 || i > 150 {
						x.picture()
					}
				}
				settle(50 * time.Millisecond)
				n := b.rec.numbers()
				if s := b.Stats(); len(n) != 250 || n[249] != 250 || s.VideoHeld != 0 || s.KeyframesAsked != 0 || s.Video.Received.Lost != 0 {
					t.Errorf("%d pictures of 250: %+v", len(n), s)
				}
				hangUp(a, b)
			})
		})
	}
}

// A sender that has restarted takes over when the one before is silent, with all that it sent from its first keyframe
// on; and at once, when the one before said goodbye.
func TestANewSenderTakesOver(t *testing.T) {
	for _, goodbye := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, b := call(t, perfect())
			x := newTwin(a)
			for range 30 {
				a.picture(b)
				time.Sleep(frame)
			}
			settle(time.Millisecond)
			if goodbye {
				a.control(t, &rtcp.Goodbye{Sources: []uint32{a.video.t.currentSSRC()}})
				settle(time.Millisecond)
			}
			b.rec.last = 1 << 20
			first := time.Now()
			for range 30 {
				x.picture()
				time.Sleep(frame)
			}
			settle(50 * time.Millisecond)
			n := b.rec.numbers()
			if s := b.Stats(); len(n) != 60 || n[59] != 1<<20+30 || s.VideoHeld != 0 || s.KeyframesAsked != 0 {
				t.Fatalf("goodbye %t: %d pictures of 60: %+v", goodbye, len(n), s)
			}
			want := silence + 20*time.Millisecond
			if goodbye {
				want = 10 * time.Millisecond
			}
			if d := b.rec.video[30].at.Sub(first); d > want {
				t.Errorf("goodbye %t: the new sender's first picture came after %v, want %v", goodbye, d, want)
			}
			if d := b.rec.video[59].at.Sub(first) - 29*frame; d > 10*time.Millisecond {
				t.Errorf("goodbye %t: its last picture came %v late", goodbye, d)
			}
			hangUp(a, b)
		})
	}
}

// A retransmission is known by its payload type or by its SSRC. It repairs, and is no sender of media; nor is anything
// else of a payload type that was not agreed on.
func TestRetransmissionsRepair(t *testing.T) {
	for name, repair := range map[string]negotiate.Repair{"by payload type": {Type: 99}, "by SSRC": {SSRC: 4711}, "unknown": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := call(t, perfect(), plain, func(_, b *negotiate.Description) { b.Video.Repair = repair })
				x := newTwin(a)
				again := *a.desc.Video
				again.SendType = 99
				x.t.configure(&again, nil)
				x.t.ssrc = 4711
				count := 0
				a.taps[2].tamper(func(p []byte) [][]byte {
					if demultiplex(p) != isRTP || p[1]&0x7f == 99 {
						return [][]byte{p}
					}
					if count++; count%50 != 0 {
						return [][]byte{p}
					}
					go func() { // it is missed, and sent again
						time.Sleep(10 * time.Millisecond)
						x.t.mu.Lock()
						defer x.t.mu.Unlock()
						x.t.plain = append(append(x.t.plain[:rtpHeader], p[2:4]...), p[rtpHeader:]...)
						ts := uint32(p[4])<<24 | uint32(p[5])<<16 | uint32(p[6])<<8 | uint32(p[7])
						x.t.send(time.Now(), ts, time.Now(), p[1]&0x80 != 0)
					}()
					return nil
				})
				tell(5*time.Second, a, b)
				settle(50 * time.Millisecond)
				video, _, _ := b.rec.counts()
				s := b.Stats()
				if name == "unknown" {
					if s.Repairs != 0 || s.VideoHeld == 0 || b.video.src.ssrc != a.video.t.currentSSRC() {
						t.Errorf("what SDP does not tell of was taken for something: %+v", s)
					}
				} else if video < 149 || s.VideoHeld != 0 || s.KeyframesAsked != 0 || s.Repairs < 15 {
					t.Errorf("%d pictures of 150: %+v", video, s)
				}
				hangUp(a, b)
			})
		})
	}
}

// What is kept of a rival is bounded by number, bytes and age.
func TestARivalIsBounded(t *testing.T) {
	var r rival
	now := time.Unix(1700000000, 0)
	for range 3 * maxHeld {
		r.hold(incoming{at: now, payload: make([]byte, 10)})
	}
	if len(r.held) != maxHeld || r.bytes != 10*maxHeld {
		t.Errorf("%d packets, %d bytes", len(r.held), r.bytes)
	}
	for range 100 {
		r.hold(incoming{at: now, payload: make([]byte, 60_000)})
	}
	if r.bytes > maxHeldBytes || r.bytes < maxHeldBytes-60_000 {
		t.Errorf("%d bytes in %d packets", r.bytes, len(r.held))
	}
	if r.hold(incoming{at: now.Add(heldFor + 1), payload: make([]byte, 5)}); len(r.held) != 1 || r.bytes != 5 {
		t.Errorf("%d packets are kept, %d bytes", len(r.held), r.bytes)
	}
}
