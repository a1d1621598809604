package media

import (
	"time"

	"ewindow/media/negotiate"
	"ewindow/media/opus"
)

// maxAudioFrame bounds a frame of sound in bytes: 120 ms of G.711, or what Opus may need at most (RFC 6716 §3.2.1).
const maxAudioFrame = 1275

// audioDuration is how long a frame in one RTP packet of this codec lasts; 0 when it cannot be told.
func audioDuration(codec negotiate.Codec, payload []byte) time.Duration {
	switch codec {
	case negotiate.Opus:
		return opus.Duration(payload)
	case negotiate.PCMU, negotiate.PCMA, negotiate.G722: // 64 kbit/s all three: 8 bytes a millisecond
		return time.Duration(len(payload)) * time.Millisecond / 8
	}
	return 0
}
