package testcard

import "hash/fnv"

// Seed is what the test camera of a space shows in its code, so that a picture tells whose it is.
func Seed(space string) uint16 {
	h := fnv.New32a()
	h.Write([]byte(space))
	return uint16(h.Sum32())
}

// Tone is what the test microphone of a space plays, in Hz: one of 64 tones from 300 to 1,875.
func Tone(space string) int { return 300 + 25*int(Seed(space)%64) }
