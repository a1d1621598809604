package main

import "sync"

// still is the picture that stands in for a camera that gives none. Drawing takes long, and a camera may give its first
// picture meanwhile: only what was begun last is shown, and nothing once a camera's pictures come.
type still struct {
	mu      sync.Mutex
	begun   int
	picture *picture // sent while it is set
}

// begin is the right to show a picture, until the next begin or end.
func (s *still) begin() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	return s.begun
}

// has says whether that right still holds.
func (s *still) has(right int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun == right
}

// show draws a picture and shows it, if the right to do so still holds.
func (s *still) show(right int, draw func() picture) {
	if !s.has(right) {
		return
	}
	p := draw()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun == right {
		s.picture = &p
	}
}

// end shows none from now on: send does not call give after it.
func (s *still) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	s.picture = nil
}

// send gives the picture, if there is one.
func (s *still) send(give func(picture)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.picture != nil {
		give(*s.picture)
	}
}
