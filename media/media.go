// Package media is one call's media: what was agreed in SDP becomes RTP, RTCP and SRTP on a socket, and back.
//
//	device processes ──access units, audio frames──▶ Session ──SRTP──▶ network
//	device processes ◀──access units, audio frames── Session ◀─SRTP── network
//
// It is pure Go and knows no SIP and no devices. Offer and answer are in media/negotiate.
package media

import "time"

// AccessUnit is one coded picture (H.264 §7.4.1.2.3) as a byte stream with start codes (Annex B).
// A keyframe carries its parameter sets.
type AccessUnit struct {
	Data     []byte
	Captured time.Time // when the picture was taken, in this machine's clock; on receipt mapped from the sender's
	Key      bool      // decoding can begin with it: an IDR picture with SPS and PPS, or, on receipt, a recovery point with them
	Hidden   bool      // on receipt: to be decoded and not shown, since the pictures after a recovery point are not whole yet
}

// AudioFrame is one frame of coded sound, 20 ms unless a phone insists otherwise.
type AudioFrame struct {
	Data     []byte
	Captured time.Time // of the first sample
	Lost     bool      // nothing came: Data is empty, the decoder conceals Duration
	Duration time.Duration
}
