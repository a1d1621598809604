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
}

// soundSize is the size of 20 ms of G.711 and G.722, and a likely one of Opus.
const soundSize = 160

// soundMark begins a fake frame. Its first byte is a valid TOC of Opus: CELT, 20 ms, mono (RFC 6716 §3.1).
var soundMark = []byte{0xf8, 'e', 'w', 'i', 'n'}

// soundFrame is a frame of sound.
func soundFrame(s Sound) []byte {
	b := binary.BigEndian.AppendUint16(bytes.Clone(soundMark), s.Seed)
	b = binary.BigEndian.AppendUint32(b, s.Counter)
	if s.Muted {
		b = append(b, 1)
	}
	return append(b, make([]byte, soundSize-len(b))...)
}

// ParseSound reads a frame of a fake microphone, or says that it is none.
func ParseSound(b []byte) (Sound, bool) {
	n := len(soundMark)
	if len(b) != soundSize || !bytes.HasPrefix(b, soundMark) {
		return Sound{}, false
	}
	return Sound{binary.BigEndian.Uint16(b[n:]), binary.BigEndian.Uint32(b[n+2:]), b[n+6] == 1}, true
}
