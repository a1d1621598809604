package media

import (
	"time"

	"ewindow/media/negotiate"
)

// maxAudioFrame bounds a frame of sound in bytes: 120 ms of G.711, or what Opus may need at most (RFC 6716 §3.2.1).
const maxAudioFrame = 1275

// audioDuration is how long a frame in one RTP packet of this codec lasts; 0 when it cannot be told.
func audioDuration(codec negotiate.Codec, payload []byte) time.Duration {
	switch codec {
	case negotiate.Opus:
		return opusDuration(payload)
	case negotiate.PCMU, negotiate.PCMA, negotiate.G722: // 64 kbit/s all three: 8 bytes a millisecond
		return time.Duration(len(payload)) * time.Millisecond / 8
	}
	return 0
}

// opusDuration reads the first bytes of an Opus packet (RFC 6716 §3.1): frame length and count.
func opusDuration(p []byte) time.Duration {
	if len(p) == 0 {
		return 0
	}
	config := p[0] >> 3
	var frame time.Duration
	switch {
	case config < 12: // SILK
		frame = [4]time.Duration{10, 20, 40, 60}[config&3] * time.Millisecond
	case config < 16: // hybrid
		frame = [2]time.Duration{10, 20}[config&1] * time.Millisecond
	default: // CELT
		frame = 2500 * time.Microsecond << (config & 3)
	}
	switch p[0] & 3 {
	case 0:
		return frame
	case 1, 2:
		return 2 * frame
	}
	if len(p) < 2 {
		return 0
	}
	if total := frame * time.Duration(p[1]&0x3f); total <= 120*time.Millisecond {
		return total
	}
	return 0
}
