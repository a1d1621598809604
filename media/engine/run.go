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
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	end := ctx.Done()
	for {
		h := happening{what: tick}
		select {
		case <-end:
			end, s.ending = nil, true
			h = happening{what: wanted}
		case <-r.changed:
			h = s.look()
		case <-s.progress():
			h.what = progressed
		case err := <-s.broken():
			h = happening{what: broke, text: err.Error()}
		case err := <-s.exited():
			h = happening{what: exited, text: s.farewell(err)}
		case <-due.C:
		}
		s.handle(h)
		if s.err != nil || s.ending && s.state.phase == off {
			return s.err
		}
		due.Reset(time.Until(s.state.due)) // off has none: a tick that does nothing, and the zero time is long ago
		if s.state.phase == off {
			due.Stop()
		}
	}
}

// supervisor is what the loop owns.
type supervisor struct {
	*role
	state  state
	conf   *protocol.Configure // of state.want
	link   *link               // to the process, nil without one
	told   bool                // the process that ended last had said why
	ending bool                // ctx has ended
	err    error               // ends the loop
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

// farewell forgets the process that is gone and words why.
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

// handle takes a step and does what follows from it.
func (s *supervisor) handle(h happening) {
	todo := []happening{h}
	for len(todo) > 0 {
		var actions []action
		s.state, actions = step(s.state, todo[0], time.Now())
		todo = todo[1:]
		for _, a := range actions {
			if err := s.do(a); err != nil {
				todo = append(todo, happening{what: exited, text: err.Error()})
			}
		}
	}
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

// failure says that a process failed, once: one that has told why itself needs no second word.
func (s *supervisor) failure(text string) {
	again := time.Until(s.state.notUntil).Round(time.Millisecond)
	s.log.Info("device process is replaced", "why", text, "in", again, "failures", s.state.failures)
	s.mu.Lock()
	defer s.mu.Unlock()
	if told := s.told || s.link != nil && s.link.said != ""; !told {
		s.report(protocol.Event{Kind: protocol.Failed, Text: fmt.Sprintf("%s: %s", s.name, text)})
	}
}

// soften gives up a camera's encoder.
func (s *supervisor) soften() {
	if s.name != protocol.Camera {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chosen == softwareEncoder || s.encoder == softwareEncoder {
		return // there is none to change to
	}
	s.encoder = softwareEncoder
	text := fmt.Sprintf("the encoder %s hung %d times; %s, in software, takes its place until this window is restarted",
		s.chosen, hangsToSoften, softwareEncoder)
	s.report(protocol.Event{Kind: protocol.Missing, Text: text})
}
