package flow

import "time"

// Limits bound what peers can take. A zero field takes its value from DefaultLimits.
type Limits struct {
	Connections int           // in all
	PerBlock    int           // of strangers from one block
	PerAccount  int           // of one account: beyond it, its oldest ends
	Arrivals    int           // that a block may make at once; then ArrivalRate a second
	ArrivalRate float64       // beyond it, each house of the block has a reserve
	Handshake   time.Duration // for TLS to be set up
	Idle        time.Duration // for a whole message to arrive, and for a peer to make itself known
	Write       time.Duration // for one write
	Burst       int           // messages that a connection may send at once; then Rate a second are read
	Rate        float64       // messages a second and connection; more wait in the peer's socket
	Message     int           // bytes of a stranger's message; whoever has authenticated may send MaxMessage
}

// Each house may open so many connections at once, and so many a second then, even if its neighbours use up what their
// block may do.
const (
	reserve     = 16
	reserveRate = 2
)

// MaxMessage is the longest message that is read from a stream, in bytes. It is shorter than what a window takes, so that
// the headers which this registrar adds on the way never make it too long.
const MaxMessage = 49_152

// DefaultLimits are for a registrar of a few hundred windows. They may all be of one block, and all come at once when the
// registrar starts.
func DefaultLimits() Limits {
	return Limits{
		Connections: 4096, PerBlock: 1024, PerAccount: 32,
		Arrivals: 512, ArrivalRate: 100,
		Handshake: 5 * time.Second, Idle: 10 * time.Second, Write: 5 * time.Second,
		Burst: 100, Rate: 50, Message: 16_384,
	}
}

// spare is how many open files everything else needs: the store, the log, plans, UDP, the echo's 32 sockets, HTTP.
const spare = 160

// Within are the limits where a process may open so many files (RLIMIT_NOFILE).
func (l Limits) Within(files uint64) Limits {
	l = l.orDefaults()
	room := uint64(0)
	if files > spare {
		room = files - spare
	}
	if room = max(room, files/2); room < uint64(l.Connections) {
		l.Connections = max(1, int(room))
		l.PerBlock = max(1, min(l.PerBlock, l.Connections/3))
	}
	return l
}

func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct {
		of      *int
		without int
	}{
		{&l.Connections, d.Connections}, {&l.PerBlock, d.PerBlock}, {&l.PerAccount, d.PerAccount},
		{&l.Arrivals, d.Arrivals}, {&l.Burst, d.Burst}, {&l.Message, d.Message},
	} {
		if *f.of == 0 {
			*f.of = f.without
		}
	}
	for _, f := range []struct {
		of      *time.Duration
		without time.Duration
	}{{&l.Handshake, d.Handshake}, {&l.Idle, d.Idle}, {&l.Write, d.Write}} {
		if *f.of == 0 {
			*f.of = f.without
		}
	}
	if l.ArrivalRate == 0 {
		l.ArrivalRate = d.ArrivalRate
	}
	if l.Rate == 0 {
		l.Rate = d.Rate
	}
	return l
}
