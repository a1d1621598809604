package media

import "time"

// Stats is what a Session has seen so far, for logs and decisions. Counters only grow.
type Stats struct {
	Audio, Video StreamStats

	RTT          time.Duration // last round trip from receiver reports (RFC 3550 §6.4.1), 0 while unknown
	LastReceived time.Time     // last authenticated RTP packet of either stream, zero before the first
	LastRTCP     time.Time     // last authenticated RTCP packet of either stream; without SRTP, a well-formed one from where SDP says

	AudioConcealed uint64        // frames of sound that were missing when they were to be played, besides the sender's silence
	AudioRecovered uint64        // frames of sound that only a copy brought (RFC 2198)
	AudioDrift     float64       // ppm by which the clock of the sender's sound is faster than ours, 0 while unknown
	AudioDelay     time.Duration // how much later than the fastest packet of late sound is played

	VideoKept      uint64    // access units given to the Receiver
	VideoHeld      uint64    // access units that came but were held back, since they could only show a broken picture
	VideoRefused   uint64    // of those, the ones that ask more of a decoder than was agreed, or whose parameters cannot be read
	VideoRefusal   string    // why, of the last; empty while there is none
	VideoHeldSince time.Time // while pictures are held back: since when; else zero
	VideoMissed    uint64    // packets of pictures that were missing when later ones came: the loss before repair
	VideoGone      uint64    // of those, the ones that never came: the loss after repair
	VideoStarved   time.Time // when the other side last told, or a packet that never came, that the line has no room for its pictures; zero: never
	KeyframesAsked uint64    // PLI and FIR sent
	KeyframesGiven uint64    // times that the Receiver was asked for a keyframe

	Freezes uint64        // times that no picture came for longer than 150 ms, and than twice the usual time between two
	Frozen  time.Duration // so long in all
	Delay   time.Duration // that pictures are held back, so that those that need repair are in time

	Offered float64       // kbit/s that our encoder makes, of about the last second; some of it may not be sent
	Budget  int           // kbit/s that our pictures may take, 0 while nobody knows
	Queue   time.Duration // that our packets wait on the path
	Largest int           // bytes of an RTP packet of pictures, where the path loses larger ones; else 0

	Resent       uint64 // packets sent again, since the other side missed them
	Copies       int    // earlier frames of sound that go with each now (RFC 2198)
	CopiedBytes  uint64 // of such frames; Sent.Bytes of the sound has them too
	Repairs      uint64 // retransmissions that came (RFC 4588)
	Parity       uint64 // repair packets sent (RFC 8627)
	ExtraBytes   uint64 // of the payload of what was sent again, and of repair packets
	Mended       uint64 // packets of pictures that repair packets brought
	AuthFailures uint64 // packets with a wrong tag
	Replays      uint64 // packets that came twice, or too late to tell
	Garbage      uint64 // datagrams that are neither RTP nor RTCP
	Foreign      uint64 // without SRTP: packets from another address than SDP names
	Unkeyed      uint64 // datagrams that came before the keys (see SetKeys)
	Discarded    uint64 // access units and frames that found our own sending queue full
}

// StreamStats are the two directions of one stream.
type StreamStats struct {
	Sent     Traffic // Lost, FractionLost and Jitter as the other side reports them
	Received Traffic
}

// Traffic is what one direction of a stream has carried.
type Traffic struct {
	Packets, Bytes uint64 // RTP packets and the bytes of their payload
	Expected       uint64 // packets that the other side has sent, by their numbers; 0 of what we send
	Lost           uint64 // packets (RFC 3550 §6.4.1, cumulative number of packets lost): fewer again when they come late
	Frames         uint64 // access units, or frames of sound
	FractionLost   float64
	Jitter         time.Duration
	FPS            float64 // frames, of about the last second
	Kbps           float64 // of payload, of about the last second
}

// rateOver is the time over which rates are measured, at least.
const rateOver = time.Second

// meter turns totals into rates. Pure.
type meter struct {
	since         time.Duration // its beginning
	frames, bytes uint64        // totals at that time
	fps, kbps     float64
}

// at takes the totals at a time since any fixed moment.
func (m *meter) at(since time.Duration, frames, bytes uint64) {
	if since-m.since < rateOver {
		return
	}
	passed := (since - m.since).Seconds()
	m.fps = float64(frames-m.frames) / passed
	m.kbps = float64(bytes-m.bytes) * 8 / 1000 / passed
	m.since, m.frames, m.bytes = since, frames, bytes
}

// due is when it wants the totals next: rates are looked at when nothing comes, too.
func (m *meter) due() time.Duration { return m.since + rateOver }

// progress is what a sink has made of its packets.
type progress struct {
	frames  uint64 // given to the Receiver
	held    uint64
	refused uint64    // of those held
	refusal string    // why
	since   time.Time // while holding

	missed, gone uint64
	freezes      uint64
	frozen       time.Duration
	gave         time.Time     // the last picture, zero while none is expected
	patience     time.Duration // so long after it the next one is late: see apart
	delay        time.Duration // of the buffer
	offered      float64
	budget       int
	queue        time.Duration
	largest      int
	starved      time.Time

	concealed, recovered uint64 // of sound
	drift                float64
}

// still is how long the picture has stood for longer than it should; 0 if it has not.
func (p *progress) still(now time.Time) time.Duration {
	if d := now.Sub(p.gave); !p.gave.IsZero() && d > p.patience {
		return d
	}
	return 0
}

// moved counts a picture that stood still until now.
func (p *progress) moved(now time.Time) {
	if d := p.still(now); d > 0 {
		p.freezes++
		p.frozen += d
	}
}

// snapshot is what Stats may see of a stream's receiving half.
type snapshot struct {
	progress
	passed
	fraction uint8
	jitter   time.Duration
	remote   remoteReport
	in, out  meter
}

// publish lets Stats see how things stand. It is called by run.
func (st *stream) publish(now time.Time) {
	since := now.Sub(st.s.epoch)
	st.rateIn.at(since, st.progress.frames, st.counters.bytes.Load())
	st.rateOut.at(since, st.t.sentFrames.Load(), st.t.sentBytes.Load())
	st.offered.at(since, 0, st.t.offered.Load())
	st.progress.offered = st.offered.kbps
	snap := snapshot{progress: st.progress, passed: st.before, remote: st.remote, in: st.rateIn, out: st.rateOut}
	if st.src != nil {
		snap.lost += max(st.src.lost(), 0)
		snap.expected += max(st.src.expected(), st.src.count)
		snap.fraction = st.src.fraction
		snap.jitter = time.Duration(st.src.jitter / float64(st.src.rate) * float64(time.Second))
	}
	st.mu.Lock()
	st.snapshot = snap
	st.mu.Unlock()
}

// Stats is a snapshot.
func (s *Session) Stats() Stats {
	out := Stats{RTT: s.roundTrip(), KeyframesAsked: s.asked.Load(), KeyframesGiven: s.given.Load()}
	out.Audio = s.audio.stats(&out)
	out.Discarded, out.Copies = s.sendAudio.discarded(), s.sendAudio.copying()
	s.audio.mu.Lock()
	heard := s.audio.snapshot.progress
	s.audio.mu.Unlock()
	out.AudioConcealed, out.AudioRecovered, out.AudioDelay, out.AudioDrift = heard.concealed, heard.recovered, heard.delay, heard.drift
	if s.video == nil {
		return out
	}
	out.Video = s.video.stats(&out)
	out.VideoKept = out.Video.Received.Frames
	s.video.mu.Lock()
	p := s.video.snapshot.progress
	out.VideoHeld, out.VideoHeldSince, out.VideoRefused, out.VideoRefusal = p.held, p.since, p.refused, p.refusal
	s.video.mu.Unlock()
	out.VideoStarved = p.starved
	out.VideoMissed, out.VideoGone, out.Freezes, out.Frozen = p.missed, p.gone, p.freezes, p.frozen
	if still := p.still(time.Now()); still > 0 { // it is not over
		out.Freezes, out.Frozen = out.Freezes+1, out.Frozen+still
	}
	out.Delay, out.Offered, out.Budget, out.Queue, out.Largest = p.delay, p.offered, p.budget, p.queue, p.largest
	out.Discarded += s.sendVideo.discarded()
	return out
}

// stats gives a stream's figures and adds its counters to the session's.
func (st *stream) stats(all *Stats) StreamStats {
	st.mu.Lock()
	snap := st.snapshot
	st.mu.Unlock()
	c := &st.counters
	all.Resent += st.t.resent.Load()
	all.ExtraBytes += st.t.extraBytes.Load()
	all.CopiedBytes += st.t.copiedBytes.Load()
	all.Repairs += c.repairs.Load()
	all.Parity += st.t.parities.Load()
	all.Mended += c.mended.Load()
	all.AuthFailures += c.authFailures.Load()
	all.Replays += c.replays.Load()
	all.Garbage += c.garbage.Load()
	all.Foreign += c.foreign.Load()
	all.Unkeyed += c.unkeyed.Load()
	all.LastReceived = heardAt(all.LastReceived, st.s.epoch, c.lastRTP.Load())
	all.LastRTCP = heardAt(all.LastRTCP, st.s.epoch, c.lastRTCP.Load())
	return StreamStats{
		Sent: Traffic{
			Packets: st.t.sentPackets.Load(), Bytes: st.t.sentBytes.Load(), Frames: st.t.sentFrames.Load(),
			Lost: snap.remote.lost, FractionLost: float64(snap.remote.fraction) / 256, Jitter: snap.remote.jitter,
			FPS: snap.out.fps, Kbps: snap.out.kbps,
		},
		Received: Traffic{
			Packets: c.packets.Load(), Bytes: c.bytes.Load(), Frames: snap.frames,
			Expected: uint64(snap.expected), Lost: uint64(snap.lost), FractionLost: float64(snap.fraction) / 256, Jitter: snap.jitter,
			FPS: snap.in.fps, Kbps: snap.in.kbps,
		},
	}
}

func heardAt(t, epoch time.Time, since int64) time.Time {
	if since == 0 {
		return t
	}
	if u := epoch.Add(time.Duration(since)); u.After(t) {
		return u
	}
	return t
}
