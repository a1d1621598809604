package proxy

import (
	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/stack"
)

// A wire is what sends: the stack.
type wire interface {
	Request(*sip.Request) (*stack.ClientTx, error)
	Write(sip.Message) error
	Taken(sip.Message)
}

// A sender sends requests of our own whose answers do not matter.
type sender struct {
	wire   wire
	work   *work
	site   *site
	locate *locator
}

// tell sends a request in a dialog of ours, if the other side can be reached.
func (s sender) tell(d half, req *sip.Request) {
	if f, ok := s.locate.peer(d); ok {
		s.send(s.site.own(d, req, f))
	}
}

// send sends one, and waits for its answer in the background.
func (s sender) send(req *sip.Request) {
	if !s.work.enter() {
		return
	}
	tx, err := s.wire.Request(req)
	if err != nil {
		s.work.leave()
		return
	}
	go func() {
		defer s.work.leave()
		defer tx.Terminate()
		for {
			select {
			case res := <-tx.Responses():
				if !res.IsProvisional() {
					return
				}
				s.wire.Taken(res)
			case <-tx.Done():
				return
			case <-s.work.over:
				return
			}
		}
	}()
}
