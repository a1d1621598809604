package negotiate

// Offer is the first offer of a call that we make.
type Offer struct {
	session *Session
	sdp     []byte
}

// NewOffer makes the offer for an INVITE.
func NewOffer(l Local, p Policy) (*Offer, error) {
	s, err := NewSession(l, p)
	if err != nil {
		return nil, err
	}
	b, err := s.Offer()
	if err != nil {
		return nil, err
	}
	return &Offer{session: s, sdp: b}, nil
}

// SDP is the body of the INVITE.
func (o *Offer) SDP() []byte { return o.sdp }

// Accept takes the answer. The error has ErrNotAcceptable if the answer is unusable.
func (o *Offer) Accept(answer []byte) (Description, error) { return o.session.Accept(answer) }

// Answer answers the offer of an INVITE in a call that will see no other. See Session.Answer.
func Answer(offer []byte, l Local, p Policy) ([]byte, Description, error) {
	s, err := NewSession(l, p)
	if err != nil {
		return nil, Description{}, err
	}
	return s.Answer(offer)
}
