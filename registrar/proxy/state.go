package proxy

import (
	"time"

	"ewindow/registrar/metrics"
)

// State is what the metrics show of the spaces now.
func (s *Server) State() metrics.State {
	now, plan := time.Now(), s.Plan()
	state := metrics.State{Registered: map[string]bool{}, Windows: map[string]metrics.Window{}}
	for _, space := range plan.Spaces() {
		state.Registered[space.Name] = s.locate.there(space.Name, now)
		if h := s.registrar.healths.last(space.Name); h != nil {
			w := metrics.Window{Version: h.Version, Lacking: map[string]bool{}, ClockOff: h.ClockOff}
			for _, d := range h.Devices {
				w.Lacking[d.Role] = w.Lacking[d.Role] || d.Missing != "" || d.Down
			}
			state.Windows[space.Name] = w
		}
		if link, ok := plan.LinkAt(space.Name, now); ok && link.Between[0] == space.Name {
			a, b := link.Between[0], link.Between[1]
			state.Expected = append(state.Expected, metrics.Link{A: a, B: b, Up: s.calls.up(a, b)})
		}
	}
	return state
}
