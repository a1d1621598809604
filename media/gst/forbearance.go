package main

import "time"

// The bounds of forbearance with a camera.
const (
	firstFrame     = 2 * time.Second  // for its first picture, at the first attempt
	firstFrameMost = time.Minute      // after attempts in vain, each of which doubles it
	stallLeast     = 3 * time.Second  // between two pictures
	stallMost      = 2 * time.Minute  // of a camera that was seen to be slow
	openMost       = 20 * time.Second // for its driver to open it
)

// forbearance is how long a camera may take: what is slow (one picture in two seconds, a long exposure in the dark) is not
// to be closed and opened for ever.
type forbearance struct {
	vain    int           // attempts without a picture
	longest time.Duration // that a picture took so far
}

// first is how long to wait for the first picture.
func (p forbearance) first() time.Duration { return min(firstFrame<<min(p.vain, 10), firstFrameMost) }

// next is how long to wait for another.
func (p forbearance) next() time.Duration { return min(max(stallLeast, 4*p.longest), stallMost) }

// took takes how long a picture took.
func (p forbearance) took(d time.Duration) forbearance {
	return forbearance{longest: max(p.longest, d)}
}
