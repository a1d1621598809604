package trust

import "ewindow/registrar/signal/mediakey"

// Socket is where a running window takes a Question, beside the one for its status.
const Socket = "trust.sock"

// A Question is what somebody at this machine asks of the owner of the pins. Its zero value asks how things stand, and so does each other
// when it has been done.
type Question struct {
	Confirm string          `json:"confirm,omitempty"` // a partner
	Public  mediakey.Public `json:"public,omitempty"`  // the key of it that is confirmed: the one whose words were read
	By      string          `json:"by,omitempty"`      // who says so
	Forget  string          `json:"forget,omitempty"`  // a partner
}

// An Answer is how it stands with all keys.
type Answer struct {
	Own   mediakey.Public `json:"own"`
	Pins  map[string]Pin  `json:"pins"`
	Error string          `json:"error,omitempty"` // why it was not done
}

// Answer does what is asked.
func (p *Pins) Answer(own mediakey.Public, q Question) Answer {
	var err error
	switch {
	case q.Confirm != "":
		err = p.Confirm(q.Confirm, q.Public, q.By)
	case q.Forget != "":
		err = p.Forget(q.Forget)
	}
	a := Answer{Own: own, Pins: map[string]Pin{}}
	if err != nil {
		a.Error = err.Error()
	}
	for _, peer := range p.Peers() {
		a.Pins[peer] = p.Of(peer).Pin
	}
	return a
}
