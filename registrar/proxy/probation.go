package proxy

import (
	"maps"

	"ewindow/dialplan"
)

// SetPlan puts another plan in force, at once, under the probations that there are. Windows whose two weeks it changes are told.
func (s *Server) SetPlan(p *dialplan.Plan) {
	s.ruling.Lock()
	s.plan.Store(p.Under(s.probations))
	s.ruling.Unlock()
	s.notifier.planChanged()
}

// SetProbations says who may link with its sponsor alone from now on. Windows whose two weeks that changes are told; calls
// of two that are kept apart by it end, with a BYE to both: a newcomer's device is not trusted to hang up.
func (s *Server) SetProbations(on dialplan.Probations) {
	s.ruling.Lock()
	if maps.EqualFunc(on, s.probations, func(a, b dialplan.Probation) bool { return a.Sponsor == b.Sponsor && a.Since.Equal(b.Since) }) {
		s.ruling.Unlock()
		return
	}
	s.probations = maps.Clone(on)
	plan := s.plan.Load().Under(on)
	s.plan.Store(plan)
	s.ruling.Unlock()
	s.log.Info("probations changed", "spaces", len(on))
	s.notifier.planChanged()
	s.calls.endApart(plan.Apart)
}
