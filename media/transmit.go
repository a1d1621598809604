package media

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"ewindow/media/flexfec"
	"ewindow/media/negotiate"
	"ewindow/media/rate"
	"ewindow/media/rtptime"
)

const (
	rtpHeader = 12

	// maxPacket bounds an RTP packet before SRTP, in bytes. With SRTP, UDP and IPv6 it stays below 1280, which every
	// path carries.
	maxPacket = 1200

	maxDatagram = 65_507
)

// transmitter numbers, protects and writes one stream's packets. All of it may be used from any goroutine.
type transmitter struct {
	way Way

	mu         sync.Mutex
	protect    *protector        // nil: without protection, if that was agreed; else the keys are still to come
	d          *negotiate.Stream // nil: there is no such stream
	generation int               // of what was agreed; a picture begun under another is not finished
	ssrc       uint32
	seq        uint16
	base       uint32    // RTP timestamp of epoch
	epoch      time.Time // the session's beginning, the same for both streams; also the origin of NTP time
	plain, out []byte
	header     rtp.Header
	outbox     outbox
	history    history
	repairSSRC uint32 // of what is sent again (RFC 4588)
	repairSeq  uint16
	window     window
	protection protection
	parity     flexfec.Parity
	rate       *rate.Controller // nil where the other side does not say what came
	byReports  *rate.ByReports  // then this, of pictures
	trail      *rate.Trail      // where receiver reports are all that is told; of sound always
	others     *atomic.Int64    // bytes on the wire that the session sends beside pictures, and rate has not heard of
	othersLost float64          // share of that which was lost lately
	owed       []uint16         // what is to be sent again when it is its turn
	wake       chan struct{}    // is told of owed
	aside      int              // bytes that were sent beside pictures since the pacer looked
	uneven     time.Duration    // how unevenly the rest of it came

	started  bool // packets have been sent with this SSRC
	lastTS   uint32
	lastAt   time.Time // when the media of lastTS was captured
	lastSent time.Time
	probed   time.Time // see probe
	packets  uint32    // with this SSRC, as sender reports count (RFC 3550 §6.4.1)
	octets   uint32

	sentPackets, sentBytes, sentFrames, resent, parities, extraBytes, copiedBytes, writeErrors atomic.Uint64
	offered                                                                                    atomic.Uint64 // bytes of pictures, sent or not
}

func newTransmitter(w Way, epoch time.Time) *transmitter {
	t := &transmitter{way: w, epoch: epoch, others: new(atomic.Int64)}
	t.plain = make([]byte, rtpHeader, 2*maxPacket)
	t.out = make([]byte, 0, 2*maxPacket+srtpOverhead)
	t.newSSRC()
	return t
}

// newSSRC begins again as another sender: SSRC, sequence number and timestamp at random (RFC 3550 §5.1). The
// sequence number starts in the lower half, so that the loss of the first packets cannot mislead the other side
// about the rollover counter (RFC 3711 §3.3.1).
func (t *transmitter) newSSRC() {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (Go 1.24)
	old := t.ssrc
	t.ssrc = binary.BigEndian.Uint32(b[0:])
	if t.ssrc == old || t.ssrc == 0 {
		t.ssrc++
	}
	t.seq = binary.BigEndian.Uint16(b[4:]) & 0x7fff
	t.base = binary.BigEndian.Uint32(b[6:])
	t.repairSSRC = binary.BigEndian.Uint32(b[10:])
	t.repairSeq = binary.BigEndian.Uint16(b[14:]) & 0x7fff
	if t.repairSSRC == t.ssrc {
		t.repairSSRC++
	}
	t.started, t.packets, t.octets, t.owed = false, 0, 0, nil
	t.history.forget()
	t.window = window{}
}

// configure takes what was agreed; p protects it unless the keys are the ones in use, or is nil where no new ones came.
// It says whether receivers see a new sender or one that paused: they then need a keyframe.
func (t *transmitter) configure(d *negotiate.Stream, p *protector) (fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.d
	t.d = d
	if d == nil {
		t.generation++
		return false
	}
	if !d.NACK {
		t.history.forget()
	}
	t.control(d)
	if d.Plain || p != nil {
		fresh = t.rekey(p)
	}
	if was == nil || was.Codec != d.Codec || was.SendType != d.SendType || was.Mode != d.Mode {
		fresh = true
	}
	if fresh || was.Direction.Sends() != d.Direction.Sends() {
		t.generation++
		return d.Direction.Sends() && t.keyed() // a keyframe that nothing can be done with would only put off the one that is wanted then
	}
	return false
}

// control begins to find out what the path carries, where the other side helps. It is called with mu held.
func (t *transmitter) control(d *negotiate.Stream) {
	switch {
	case d.Codec != negotiate.H264:
		if t.trail == nil {
			t.trail = new(rate.Trail)
		}
	case !d.CCFB && t.byReports == nil:
		t.rate, t.byReports, t.trail = nil, rate.NewByReports(phoneLimits(d)), new(rate.Trail)
	case !d.CCFB:
		t.byReports.Limit(phoneLimits(d))
	case t.rate == nil:
		t.byReports, t.trail, t.rate = nil, nil, rate.NewController(limits(d))
	default:
		t.rate.Limit(limits(d))
	}
}

// setKeys takes keys for what was described without.
func (t *transmitter) setKeys(p *protector) (fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fresh = t.rekey(p); fresh {
		t.generation++
	}
	return fresh && t.d != nil && t.d.Direction.Sends()
}

// rekey begins anew as another sender if these are other keys; nil for none. It is called with mu held.
func (t *transmitter) rekey(p *protector) (fresh bool) {
	if t.protect == p || p != nil && t.protect.is(&p.keys) {
		return false
	}
	t.protect = p
	if t.started {
		t.newSSRC()
	}
	return true
}

// collide takes another SSRC, since the other side uses ours (RFC 3550 §8.2).
func (t *transmitter) collide() (old uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old = t.ssrc
	t.newSSRC()
	return old
}

// timestamp is the RTP timestamp of a moment.
func (t *transmitter) timestamp(at time.Time, rate uint32) uint32 {
	return t.base + uint32(rtptime.FromDuration(at.Sub(t.epoch), rate))
}

// send writes one packet whose payload the caller has put into plain behind the room for the header. It is called
// with mu held.
func (t *transmitter) send(now time.Time, ts uint32, captured time.Time, marker bool) {
	t.sendAs(t.d.SendType, now, ts, captured, marker)
}

// sendAs does so under a payload type.
func (t *transmitter) sendAs(payloadType uint8, now time.Time, ts uint32, captured time.Time, marker bool) {
	t.put(payloadType, now, ts, captured, marker)
	t.flush()
}

// put makes such a packet; flush writes it. It is called with mu held, and there has to be room in the outbox.
func (t *transmitter) put(payloadType uint8, now time.Time, ts uint32, captured time.Time, marker bool) {
	h := t.plain[:rtpHeader]
	h[0] = 2 << 6
	h[1] = payloadType
	if marker {
		h[1] |= 0x80
	}
	binary.BigEndian.PutUint16(h[2:], t.seq)
	binary.BigEndian.PutUint32(h[4:], ts)
	binary.BigEndian.PutUint32(h[8:], t.ssrc)
	seq := t.seq
	t.seq++
	payload := len(t.plain) - rtpHeader
	packet, err := t.wire(now, seq)
	if err != nil { // 2^48 packets under one key
		t.writeErrors.Add(1)
		return
	}
	t.started = true
	t.outbox.add(packet, seq)
	t.lastTS, t.lastAt, t.lastSent = ts, captured, now
	t.packets++
	t.octets += uint32(payload)
	t.sentPackets.Add(1)
	t.sentBytes.Add(uint64(payload))
	if marker || t.d.Codec != negotiate.H264 {
		t.sentFrames.Add(1)
	}
}

// wire makes of plain what goes out, and keeps it if the other side may ask for it again. It is called with mu held.
func (t *transmitter) wire(now time.Time, seq uint16) (packet []byte, err error) {
	var slot *sentPacket
	into := t.outbox.room()
	if t.d.NACK {
		slot = t.history.slot(seq)
	}
	if slot != nil && t.d.RepairType == 0 {
		into = slot.data
	} else if slot != nil {
		t.history.keep(slot, now, seq, append(slot.data, t.plain...))
		slot = nil
	}
	switch {
	case t.protect != nil:
		packet, err = t.protect.rtp.EncryptRTP(into, t.plain, &t.header)
	default:
		packet = append(into, t.plain...)
	}
	if err != nil {
		return nil, err
	}
	if slot != nil {
		t.history.keep(slot, now, seq, packet)
	}
	return packet, nil
}

// largest bounds an RTP packet of pictures before SRTP, in bytes, so that the path carries it also when it is sent again, with its
// number in it. It is called with mu held.
func (t *transmitter) largest() int {
	if t.rate == nil || t.rate.Largest() == 0 {
		return maxPacket
	}
	return min(t.rate.Largest()-srtpOverhead-perPacket-2, maxPacket)
}

// skip leaves out a sequence number: an access unit that is given up in the middle must look like a loss, not like a
// whole one. It is called with mu held.
func (t *transmitter) skip() { t.seq++ }

// sendsNow says whether media of ours is wanted, and can go anywhere. It is called with mu held.
func (t *transmitter) sendsNow() bool {
	if w, ok := t.way.(openingWay); ok && !w.Open() {
		return false
	}
	return t.keyed() && t.d.Direction.Sends()
}

// keyed says whether what is sent now is protected as it was agreed. It is called with mu held.
func (t *transmitter) keyed() bool { return t.d != nil && (t.d.Plain || t.protect != nil) }

// senderReport describes what was sent, for a report at now; ok is false when nothing was.
func (t *transmitter) senderReport(now time.Time) (sr rtcp.SenderReport, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.started || t.d == nil {
		return rtcp.SenderReport{SSRC: t.ssrc}, false
	}
	ts := t.lastTS + uint32(rtptime.FromDuration(now.Sub(t.lastAt), t.d.ClockRate))
	return rtcp.SenderReport{
		SSRC: t.ssrc, NTPTime: uint64(t.ntp(now)), RTPTime: ts,
		PacketCount: t.packets, OctetCount: t.octets,
	}, now.Sub(t.lastSent) < 10*time.Second
}

// ntp is our wall clock as it was at the start, moved on by the monotonic clock: a jump of the wall clock in between
// disturbs neither round trips nor lip sync.
func (t *transmitter) ntp(now time.Time) rtptime.NTP {
	return rtptime.ToNTP(t.epoch.Add(now.Sub(t.epoch)))
}

// currentSSRC is ours.
func (t *transmitter) currentSSRC() uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ssrc
}

// sendRTCP protects and writes a compound packet, if it can be.
func (t *transmitter) sendRTCP(packets []rtcp.Packet) error {
	b, err := rtcp.Marshal(packets)
	if err != nil {
		return fmt.Errorf("write RTCP: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.keyed() {
		return nil
	}
	if t.protect != nil {
		if b, err = t.protect.rtcp.EncryptRTCP(nil, b, nil); err != nil {
			return fmt.Errorf("protect RTCP: %w", err)
		}
	}
	t.others.Add(int64(len(b) + perPacket))
	return t.way.Send(b, true)
}
