package window

import (
	"time"

	"ewindow/media/engine"
)

const (
	// enough is how many bits a pixel of H.264 takes at least to look like something, in the encoders that a Raspberry Pi
	// can run. Below it fewer pictures, and then smaller ones, look better.
	enough = 0.02

	// A larger format has to have so much more than enough, so that two formats don't alternate: each change costs a keyframe.
	ample = 1.3

	// A room is quiet while the encoder makes less than this share of what it may.
	quietShare = 0.7

	// An encoder that may make less than this share of what its format takes at least is at its coarsest, and may code nothing of what moves:
	// that it makes little then tells of no quiet room.
	telling = 0.5

	// A format stays for so long at least, unless the path carries less than half of what it needs.
	steady = 1500 * time.Millisecond

	// Hardware encoders have a rate below which they do not go. One that makes so much more than it may, for so long, has met it;
	// that is believed for a while, since a scene in which everything moves looks the same.
	excess     = 1.3
	stubborn   = 2 * time.Second
	remembered = time.Minute
)

// scale chooses the format of our pictures by what the path carries, and the machine can do: first its bitrate, then its pictures a second, then
// its size. The zero value has the full format.
type scale struct {
	step  int // see at
	since time.Time
	over  time.Time // since when the encoder makes too much of the present format; zero while it does not
	floor [steps]floor
}

// floor is what an encoder makes of a format at least, as far as it was seen.
type floor struct {
	kbps float64
	at   time.Time
}

// learn notices an encoder that makes more than it may.
func (s *scale) learn(now time.Time, kbps int, used float64) {
	switch {
	case used <= excess*float64(kbps):
		s.over = time.Time{}
	case s.over.IsZero():
		s.over = now
	case now.Sub(s.over) >= stubborn:
		s.floor[s.step] = floor{used, now}
	}
}

// least is what a step takes at least, so far as anybody knows.
func (s *scale) least(now time.Time, step int) float64 {
	if f := s.floor[step]; now.Sub(f.at) < remembered {
		return f.kbps
	}
	return 0
}

// steps is how many formats there are: whole, half and a quarter of the width, at all and at half of the pictures a second.
const steps = 6

// at is a step of a format.
func at(full engine.VideoFormat, step int) engine.VideoFormat {
	if part := 1 << (step / 2); part > 1 {
		full.Width, full.Height = full.Width/part&^15, full.Height/part&^1
	}
	if step%2 == 1 {
		full.FPS = max(full.FPS/2, 1)
	}
	return full
}

// needs is how many kbit/s a format takes at least.
func needs(f engine.VideoFormat) float64 { return enough * float64(f.Width*f.Height*f.FPS) / 1000 }

// choose gives the format for a path that carries so many kbit/s of pictures, 0 for unknown. full is what was agreed, used the
// kbit/s that our encoder makes of the present format: a quiet room may need less than it may take. Steps before the first
// are more than this machine can do (see media/effort).
func (s *scale) choose(now time.Time, full engine.VideoFormat, kbps int, used float64, first int) engine.VideoFormat {
	if full == (engine.VideoFormat{}) {
		return full
	}
	if kbps == 0 {
		return at(full, first)
	}
	if s.since.IsZero() || used == 0 { // the camera only starts: the path has not been tried
		s.since = now
	}
	full.Kbps = min(full.Kbps, kbps)
	s.learn(now, full.Kbps, used)
	present, best := at(full, s.step), first
	for best < steps-1 {
		f := at(full, best)
		need := needs(f)
		if best < s.step {
			need *= ample
		}
		if used < quietShare*float64(full.Kbps) && float64(full.Kbps) >= telling*needs(f) {
			need = min(need, used*needs(f)/needs(present)*ample)
		}
		if float64(full.Kbps) >= max(need, s.least(now, best)) {
			break
		}
		best++
	}
	urgent := 2*float64(full.Kbps) < needs(present)
	if best != s.step && (now.Sub(s.since) >= steady || urgent && now.Sub(s.since) >= steady/5) {
		s.step, s.since, s.over = best, now, time.Time{}
	}
	return at(full, s.step)
}
