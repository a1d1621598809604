package media

import "time"

const (
	// Below stillBelow kbit/s on the wire no encoder makes pictures that move; from movingFrom on they move again. Either has
	// to last for a while.
	stillBelow = 30
	movingFrom = 60
	stillAfter = 600 * time.Millisecond

	// A still picture is sent when what is left for pictures has paid for it, and at the latest after stillLatest: whoever sees
	// nobody for ten seconds does not show himself either.
	stillEvery  = 500 * time.Millisecond
	stillLatest = 8 * time.Second
	stillSize   = 2000 // bytes, before the first

	// probeEvery is how often a path that gets no pictures is tried with next to nothing, so that its queue is known.
	probeEvery = 500 * time.Millisecond
)

// stills says when a keyframe may go, where a path has no room for pictures that move. Pure; the zero value has room.
type stills struct {
	on     bool
	since  time.Time // since when the rate asks for the other; zero while it does not
	at     time.Time
	credit float64 // bytes
	makes  float64 // kbit/s that our encoder makes, of about the last second
	last   time.Time
	size   int
}

// see takes a picture of size bytes, and what pictures may take, in kbit/s on the wire. Who makes less than that, as of a room in
// which nothing moves, needs no stills.
func (s *stills) see(now time.Time, kbps, size int) {
	passed := min(now.Sub(s.at), time.Second).Seconds()
	s.credit += float64(kbps) * 1000 / 8 * passed
	s.makes = s.makes*(1-passed) + float64(size)*8/1000
	s.at = now
	fits := s.makes < float64(kbps)
	switch changes := s.on && (fits || kbps >= movingFrom) || !s.on && !fits && kbps < stillBelow; {
	case !changes:
		s.since = time.Time{}
	case s.since.IsZero():
		s.since = now
	case now.Sub(s.since) >= stillAfter:
		s.on, s.since, s.credit, s.last = !s.on, time.Time{}, 0, now
	}
}

// due says whether a keyframe is to go now.
func (s *stills) due(now time.Time) bool {
	size := s.size
	if size == 0 {
		size = stillSize
	}
	passed := now.Sub(s.last)
	return passed >= stillLatest || passed >= stillEvery && s.credit >= float64(size)
}

// sent is told of a keyframe of so many bytes.
func (s *stills) sent(now time.Time, size int) { s.last, s.size, s.credit = now, size, 0 }
