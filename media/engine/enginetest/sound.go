package enginetest

import (
	"bytes"
	"encoding/binary"
)

// Sound is what a fake microphone writes into a frame.
type Sound struct {
	Seed    uint16 // which microphone
	Counter uint32 // which frame of it, from 1; goes on over a restart
	Muted   bool
	Codec   string // for which it was made
}

// soundSize is the size of 20 ms of G.711 and G.722, and a likely one of Opus.
const soundSize = 160

// soundMark begins a fake frame. Its first byte is a valid TOC of Opus: CELT, 20 ms, mono (RFC 6716 §3.1).
var soundMark = []byte{0xf8, 'e', 'w', 'i', 'n'}

// soundFrame is a frame of sound.
func soundFrame(s Sound) []byte {
	b := binary.BigEndian.AppendUint16(bytes.Clone(soundMark), s.Seed)
	b = binary.BigEndian.AppendUint32(b, s.Counter)
	muted := byte(0)
	if s.Muted {
		muted = 1
	}
	b = append(append(b, muted, byte(len(s.Codec))), s.Codec...)
	return append(b, make([]byte, soundSize-len(b))...)
}

// ParseSound reads a frame of a fake microphone, or says that it is none.
func ParseSound(b []byte) (Sound, bool) {
	n := len(soundMark)
	if len(b) != soundSize || !bytes.HasPrefix(b, soundMark) {
		return Sound{}, false
	}
	s := Sound{Seed: binary.BigEndian.Uint16(b[n:]), Counter: binary.BigEndian.Uint32(b[n+2:]), Muted: b[n+6] == 1}
	codec := b[n+8:]
	s.Codec = string(codec[:min(int(b[n+7]), len(codec))])
	return s, true
}
