package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ewindow/media/engine/protocol"
)

// softwareEncoder is what stands in for an encoder that keeps hanging.
const softwareEncoder = "x264enc"

// handlerPatience is how long Run waits at its end for a call of the Handler to return.
const handlerPatience = time.Second

// How the supervisor notices that it was itself kept from its work.
const (
	maxNap     = 600 * time.Millisecond // longer than between two reports of progress, so it costs nothing as a rule
	lateness   = 50 * time.Millisecond  // of a timer, which is no more than that
	secondLook = 20 * time.Millisecond  // at what a process has said, after the first found it unread
)

// run keeps the process of the role as it is wanted until ctx ends, then ends it.
func (r *role) run(ctx context.Context) error {
	stop, delivered := make(chan struct{}), make(chan struct{})
	go func() { defer close(delivered); r.deliver(stop) }()

	err := r.supervise(ctx)

	close(stop)
	select {
	case <-delivered:
	case <-time.After(handlerPatience):
		err = errors.Join(err, fmt.Errorf("%s: the handler has not returned for %v", r.name, handlerPatience))
	}
	return err
}

// supervise is the loop around step.
func (r *role) supervise(ctx context.Context) error {
	s := supervisor{role: r}
	wake := time.NewTimer(maxNap)
	defer wake.Stop()
	end := ctx.Done()
	for {
		began, nap := time.Now(), s.nap()
		wake.Reset(nap)
		if s.state.phase == off {
			wake.Stop()
		}
		h := happening{what: tick}
		select {
		case <-end:
			end, s.ending = nil, true
			h = happening{what: wanted}
		case <-r.changed:
			h = s.look()
		case <-s.retry():
			r.tryAgain()
		case <-s.readied():
			h.what = readied
		case <-s.progress():
			h.what = progressed
		case err := <-s.broken():
			h = happening{what: broke, text: err.Error()}
		case err := <-s.exited():
			h = happening{what: exited, text: s.farewell(err)}
		case <-wake.C:
		}
		s.awake(time.Since(began) - nap)
		s.handle(h)
		if s.err != nil || s.ending && s.state.phase == off {
			return s.err
		}
	}
}

// supervisor is what the loop owns.
type supervisor struct {
	*role
	state  state
	hunger hunger              // of the process
	labour labour              // of the process while it starts
	absent time.Duration       // for so long in all this process was kept from looking
	conf   *protocol.Configure // of state.want
	link   *link               // to the process, nil without one
	told   bool                // the process that ended last had said why
	ending bool                // ctx has ended
	err    error               // ends the loop

	retryAt    time.Time // of lapse.due, for which the timer was made
	retryTimer *time.Timer
	retries    <-chan time.Time
}

func (s *supervisor) readied() <-chan struct{} {
	if s.link == nil {
		return nil
	}
	return s.link.readied
}

func (s *supervisor) progress() <-chan struct{} {
	if s.link == nil {
		return nil
	}
	return s.link.progress
}

func (s *supervisor) broken() <-chan error {
	if s.link == nil {
		return nil
	}
	return s.link.broken
}

func (s *supervisor) exited() <-chan error {
	if s.link == nil {
		return nil
	}
	return s.link.exited
}

// look takes over what is wanted now.
func (s *supervisor) look() happening {
	if s.ending {
		return happening{what: wanted}
	}
	version, conf := s.wanted()
	s.conf = conf
	return happening{what: wanted, version: version}
}

// farewell forgets the process that is gone and says why it went.
func (s *supervisor) farewell(err error) string {
	said := s.link.said // nothing of the link runs any more
	s.told = said != ""
	s.link = nil
	switch {
	case said != "":
		return said
	case err != nil:
		return err.Error()
	}
	return "ended by itself"
}

// now is the time by which processes are judged. It stands still while this one gets no processor, or the whole machine
// does: the processes get none either.
func (s *supervisor) now() time.Time { return time.Now().Add(-s.absent) }

// nap is how long to sleep until the next look.
func (s *supervisor) nap() time.Duration {
	return min(max(s.state.due.Sub(s.now()), 0), maxNap)
}

// awake takes by how much the last nap was longer than planned: time in which the process is not judged.
func (s *supervisor) awake(late time.Duration) {
	if s.state.phase != off && late > lateness {
		s.absent += late
	}
}

// handle takes a step and does what follows from it.
func (s *supervisor) handle(h happening) {
	if h.what == tick && s.state.alive() && s.link != nil && s.excused(s.now()) {
		return
	}
	if h.what == progressed {
		s.fault.Well()
	}
	if h.what == progressed || h.what == readied || h.what == exited {
		s.hunger = hunger{}
	}
	if h.what == readied || h.what == exited {
		s.labour = labour{}
	}
	todo := []happening{h}
	for len(todo) > 0 {
		var actions []action
		s.state, actions = step(s.state, todo[0], s.now())
		todo = todo[1:]
		for _, a := range actions {
			if err := s.do(a); err != nil {
				todo = append(todo, happening{what: exited, text: err.Error()})
			}
		}
	}
}

// excused says whether a process that has made no progress is not to be blamed for that now, and when to look again.
func (s *supervisor) excused(now time.Time) bool {
	if !s.link.in.empty() || s.link.ended() {
		s.state.due = now.Add(secondLook) // it has said something, or ended, and only we have not read it yet
		return true
	}
	more, labours := excuse, false
	if s.state.phase == starting { // what it does comes in fits: the disk, the X server
		more, labours = startPatience, s.labours(now)
	}
	child, ok := s.link.child.(scheduled)
	switch {
	case !ok:
	case labours || now.Before(s.state.due):
		s.hunger.look(now, child.Queued())
	case s.hunger.excuses(now, child.Queued(), more):
		s.state.due = now.Add(more)
		return true
	}
	return labours
}

// labours says whether a process that starts is late and works all the same.
func (s *supervisor) labours(now time.Time) bool {
	child, ok := s.link.child.(laborious)
	if !ok {
		return false
	}
	works := s.labour.look(now, child)
	if now.Before(s.state.due) || !works {
		return false
	}
	if !s.labour.said && !s.fault.Lasts() {
		s.labour.said = true
		s.log.Info("device process starts slowly", "waits", s.waits())
	}
	s.state.due = now.Add(startPatience)
	return true
}

// waits is what the start of the process waits for, in words.
func (s *supervisor) waits() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link == nil || s.link.stage == "" {
		return "its first pictures or sound"
	}
	return s.link.stage
}

// do does one action. The error is that of a start.
func (s *supervisor) do(a action) error {
	switch a.do {
	case start:
		child, err := s.role.start(s.name)
		if err != nil {
			return err
		}
		s.told = false
		s.link = s.connect(child, s.state.have, *s.conf)
	case stop:
		s.hangUp(s.link)
	case kill:
		s.disconnect(s.link)
		s.link.child.Kill()
	case report:
		s.failure(a.text)
	case doubt:
		s.doubt()
	case soften:
		s.soften()
	case complain:
		s.log.Error("device process cannot be killed", "why", a.text)
		if s.ending {
			s.err = fmt.Errorf("%s process: %s", s.name, a.text)
		}
	}
	return nil
}

// failure says that a process failed, unless the process has said so itself.
func (s *supervisor) failure(text string) {
	again := s.state.notUntil.Sub(s.now()).Round(time.Millisecond)
	s.fault.Met(text, "why", text, "in", again, "failures", s.state.failures)
	s.mu.Lock()
	defer s.mu.Unlock()
	if told := s.told || s.link != nil && s.link.said != ""; !told {
		if s.link != nil && s.link.stage != "" {
			text += "; it " + s.link.stage
		}
		s.report(protocol.Event{Kind: protocol.Failed, Text: fmt.Sprintf("%s: %s", s.name, text)})
	}
}

// soften gives up a camera's encoder, unless the window's file names it: what an owner has set is not overridden.
func (s *supervisor) soften() {
	if s.name != protocol.Camera {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chosen == "" {
		return // no process has come so far as to use one: it is the machine that is slow
	}
	if s.chosen == softwareEncoder || s.encoder == softwareEncoder {
		return // there is none to change to
	}
	if s.named() {
		s.report(protocol.Event{Kind: protocol.Missing, Text: fmt.Sprintf("the encoder %s, which the window's file names, hung %d times; "+
			"it stays in use. Set encoder to auto, and another takes its place", s.chosen, hangsToSoften)})
		return
	}
	s.encoder = softwareEncoder
	text := fmt.Sprintf("the encoder %s hung %d times; %s, in software, takes its place until this window is restarted",
		s.chosen, hangsToSoften, softwareEncoder)
	s.report(protocol.Event{Kind: protocol.Missing, Text: text})
}

// named says whether the window's file names the encoder.
func (s *supervisor) named() bool {
	if s.conf == nil || s.conf.Camera == nil {
		return false
	}
	return s.conf.Camera.Encoder != "" && s.conf.Camera.Encoder != "auto"
}
