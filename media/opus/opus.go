// Package opus reads what a packet of Opus says of itself, without decoding it.
package opus

import "time"

// Duration is how long the sound of a packet lasts, from its first bytes (RFC 6716 §3.1, §3.2): length and count of its
// frames. It is 0 for what is no Opus packet, such as one of more than 120 ms.
func Duration(p []byte) time.Duration {
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
