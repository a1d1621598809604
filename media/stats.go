package media

import "time"

// Stats is what a Session has seen so far, for logs and decisions. Counters only grow.
type Stats struct {
	Audio, Video StreamStats

	RTT          time.Duration // last round trip from receiver reports (RFC 3550 §6.4.1), 0 while unknown
	LastReceived time.Time     // last authenticated RTP packet of either stream, zero before the first
	LastRTCP     time.Time     // last authenticated RTCP packet of either stream

	VideoKept      uint64    // access units given to the Receiver
	VideoHeld      uint64    // access units that came but were held back, since they could only show a broken picture
	VideoHeldSince time.Time // while pictures are held back: since when; else zero
	KeyframesAsked uint64    // PLI and FIR sent
	KeyframesGiven uint64    // times that the Receiver was asked for a keyframe

	AuthFailures uint64 // packets with a wrong tag
	Replays      uint64 // packets that came twice, or too late to tell
	Garbage      uint64 // datagrams that are neither RTP nor RTCP
	Foreign      uint64 // without SRTP: packets from another address than SDP names
	Discarded    uint64 // access units and frames that found our own sending queue full
}

// StreamStats are the two directions of one stream.
type StreamStats struct {
	Sent     Flow // Lost, FractionLost and Jitter as the other side reports them
	Received Flow
}

// Flow is one direction of one stream.
type Flow struct {
	Packets, Bytes uint64 // RTP packets and the bytes of their payload
	Lost           uint64 // packets (RFC 3550 §6.4.1, cumulative number of packets lost)
	Frames         uint64 // access units, or frames of sound
	FractionLost   float64
	Jitter         time.Duration
	FPS            float64 // frames in the last full second
	Kbps           float64 // of payload in the last full second
}

// Sub gives the counters of f since an earlier g; rates and jitter are f's.
func (f Flow) Sub(g Flow) Flow {
	f.Packets -= g.Packets
	f.Bytes -= g.Bytes
	f.Lost -= min(g.Lost, f.Lost) // duplicates can lower it
	f.Frames -= g.Frames
	return f
}

// meter counts frames and bytes second by second.
type meter struct {
	second       int64 // since the epoch of the meter's user, of the bucket being filled
	frames, sum  int
	lastFrames   int
	lastSum      int
	lastIsSecond int64
}

// add counts bytes and frames at time since, which is measured from any fixed moment.
func (m *meter) add(since time.Duration, frames, bytes int) {
	m.roll(int64(since / time.Second))
	m.frames += frames
	m.sum += bytes
}

// rate is what the last full second before since held.
func (m *meter) rate(since time.Duration) (fps, kbps float64) {
	m.roll(int64(since / time.Second))
	if m.lastIsSecond != m.second-1 {
		return 0, 0
	}
	return float64(m.lastFrames), float64(m.lastSum) * 8 / 1000
}

func (m *meter) roll(second int64) {
	if second == m.second {
		return
	}
	m.lastFrames, m.lastSum, m.lastIsSecond = m.frames, m.sum, m.second
	m.second, m.frames, m.sum = second, 0, 0
}
