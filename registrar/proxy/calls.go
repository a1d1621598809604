package proxy

import (
	"sync"
	"time"

	"ewindow/registrar/metrics"
)

// calls is which spaces are in a call with each other, as far as its signalling went through here. It is for the
// metrics alone: nothing is decided by it. A call whose BYE was lost stays until the same two call again.
type calls struct {
	mu     sync.Mutex
	byPair map[pair]string // Call-ID
	byID   map[string]pair
}

type pair struct{ a, b string } // in order

func pairOf(a, b string) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}

func (c *calls) up(a, b, callID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := pairOf(a, b)
	delete(c.byID, c.byPair[p])
	c.byPair[p], c.byID[callID] = callID, p
}

func (c *calls) down(callID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.byID[callID]; ok {
		delete(c.byPair, p)
		delete(c.byID, callID)
	}
}

func (c *calls) has(a, b string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byPair[pairOf(a, b)] != ""
}

// State is what the metrics show of the spaces now.
func (s *Server) State() metrics.State {
	now, plan := time.Now(), s.Plan()
	state := metrics.State{Registered: map[string]bool{}}
	for _, space := range plan.Spaces() {
		_, v := s.reach(space.Name, now)
		state.Registered[space.Name] = v.status == 0
		if link, ok := plan.LinkAt(space.Name, now); ok && link.Between[0] == space.Name {
			a, b := link.Between[0], link.Between[1]
			state.Expected = append(state.Expected, metrics.Link{A: a, B: b, Up: s.calls.has(a, b)})
		}
	}
	return state
}
