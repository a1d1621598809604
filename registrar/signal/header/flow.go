package header

import (
	"net/netip"

	"github.com/emiago/sipgo/sip"
)

// FlowName is the header by which a registrar tells a window where a message really comes from. It alone says so: whatever stands there
// when a message comes to it goes no further. The value is a Flow.
const FlowName = "X-EWindow-Flow"

// Flow are the addresses at both ends of a message's way, as the registrar sees them: the routers of those who are behind one.
type Flow struct {
	From netip.Addr // of whoever sent the message
	To   netip.Addr // of whoever gets it
}

// String is the header's value: "203.0.113.7;to=198.51.100.9".
func (f Flow) String() string { return f.From.String() + ";to=" + f.To.String() }

// ReadFlow reads it; the zero Flow if it is not there, more than once, or no such value.
func ReadFlow(m sip.Message) Flow {
	values := m.GetHeaders(FlowName)
	if len(values) != 1 {
		return Flow{}
	}
	from, err := netip.ParseAddr(Word(values[0].Value()))
	to, err2 := netip.ParseAddr(Param(values[0].Value(), "to"))
	if err != nil || err2 != nil || from.Zone() != "" || to.Zone() != "" {
		return Flow{}
	}
	return Flow{From: from.Unmap(), To: to.Unmap()}
}
