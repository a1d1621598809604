package engine

import (
	"time"

	"ewindow/media/engine/protocol"
)

// When an encoder that failed in use is tried again. Those of the Raspberry Pi were seen to hang every 20 to 80 minutes, and the next
// one may cost a second of the picture.
const (
	lapseFirst  = time.Minute
	lapseLonger = 4 // times, after each further failure
	lapseMost   = time.Hour
	lapseForget = 2 * time.Hour // of working, after which earlier failures no longer count
)

// A lapse is an encoder that failed while pictures went through it, so that another took its place. The process that found that out may
// not live until it is tried again; this does.
type lapse struct {
	encoder string    // of the last failure
	left    bool      // it is left out now
	times   int       // that it failed in a row
	at      time.Time // of the last failure
	due     time.Time // when it is to be tried again, while it is left out; zero: it is being tried
}

// failed counts a failure, which may be reported more than once.
func (l lapse) failed(encoder string, now time.Time) lapse {
	if l.left && l.encoder == encoder && !l.due.IsZero() {
		return l
	}
	if l.encoder != encoder || now.Sub(l.at) > lapseForget {
		l.times = 0
	}
	wait := lapseFirst
	for range l.times {
		wait = min(wait*lapseLonger, lapseMost)
	}
	return lapse{encoder: encoder, left: true, times: l.times + 1, at: now, due: now.Add(wait)}
}

// works takes that an encoder is in use, and none is left out.
func (l lapse) works() lapse {
	l.left, l.due = false, time.Time{}
	return l
}

// avoid is the encoder that a process that starts is to leave out.
func (l lapse) avoid() string {
	if l.left {
		return l.encoder
	}
	return ""
}

// heedEncoder takes what the camera says of its encoder, with mu held.
func (r *role) heedEncoder(e protocol.Event) {
	if e.Avoided != "" {
		r.lapse = r.lapse.failed(e.Avoided, time.Now())
	} else {
		r.lapse = r.lapse.works()
	}
	notify(r.changed) // the supervisor looks when it has to wake up
}

// retry is when the camera is to try its encoder again, as a timer's channel that is nil while there is nothing to be tried.
func (s *supervisor) retry() <-chan time.Time {
	s.mu.Lock()
	due := s.lapse.due
	s.mu.Unlock()
	if due.Equal(s.retryAt) {
		return s.retries
	}
	s.retryAt, s.retries = due, nil
	if s.retryTimer != nil {
		s.retryTimer.Stop()
	}
	if !due.IsZero() {
		s.retryTimer = time.NewTimer(time.Until(due))
		s.retries = s.retryTimer.C
	}
	return s.retries
}

// tryAgain has the camera try the encoder that is left out. Without a process that runs, the next one does when it starts.
func (r *role) tryAgain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.link == nil || !r.link.ready {
		r.lapse = r.lapse.works()
		return
	}
	r.lapse.due = time.Time{}
	r.tell(protocol.Command{Retry: true})
}

// doubt leaves out the encoder with which the camera hung as a whole.
func (s *supervisor) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.name != protocol.Camera || s.chosen == "" || s.chosen == softwareEncoder || s.named() {
		return
	}
	s.lapse = s.lapse.failed(s.chosen, time.Now())
}
