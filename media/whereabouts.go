package media

import "net/netip"

// Whereabouts is where packets go, and from where some come that are not believed: what is to be known of a call in which nothing comes back.
type Whereabouts struct {
	To       netip.AddrPort // where media goes; invalid while nowhere
	Stranger string         // where the last packet came from that was not the other side's, by all that is known; empty if there was none
}

// leadingWay is a Way that says where it leads.
type leadingWay interface {
	Destination() (to netip.AddrPort, ok bool)
}

// Whereabouts are those of pictures, where any were sent, else of sound.
func (s *Session) Whereabouts() (w Whereabouts) {
	for _, st := range []*stream{s.audio, s.video} {
		if st == nil {
			continue
		}
		if l, is := st.way.(leadingWay); is && (st.t.sentPackets.Load() > 0 || !w.To.IsValid()) {
			if to, ok := l.Destination(); ok {
				w.To = to
			}
		}
		if from := st.stranger.Load(); from != nil {
			w.Stranger = (*from).String()
		}
	}
	return w
}

// Destination is where media goes.
func (w *direct) Destination() (netip.AddrPort, bool) { return w.latch.RTP() }

// estranged notes where something came from that is not the other side's. An Origin is the same as long as packets come from one address.
func (st *stream) estranged(d *arrival) {
	if before := st.stranger.Load(); d.From != nil && (before == nil || *before != d.From) {
		from := d.From
		st.stranger.Store(&from)
	}
}
