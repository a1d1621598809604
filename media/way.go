package media

import (
	"context"
	"net/netip"
	"time"

	"ewindow/media/negotiate"
)

// Way carries a stream's datagrams to the other side and back. It knows addresses and keeps them to itself; what is in
// a datagram it does not know. Sockets.Ways makes those that go directly from UDP socket to UDP socket.
type Way interface {
	// Agree takes what offer and answer say of addresses. It is called before Run, and whenever they were asked again.
	Agree(*negotiate.Stream)
	// Run hands over what comes until ctx ends, and then returns nil. An error means that the way is lost.
	// deliver may be called by several goroutines at once; Data is read during the call alone.
	Run(ctx context.Context, deliver func(Datagram)) error
	// Send sends a datagram of media, or of control (RTCP), which may go another way than media. What can't be sent
	// anywhere yet is dropped, not kept. It may be called at any time, by any goroutine, and does not block.
	Send(datagram []byte, control bool) error
}

// Datagram is one that came.
type Datagram struct {
	Data    []byte
	Control bool      // it came where media is not expected: RTCP's own port
	From    Origin    // nil: the way itself answers for where it came from
	Came    time.Time // when it arrived at this machine, which may be long before it is delivered; zero: now
}

// burstWay is a Way that sends several datagrams of media in one call, for less than each of them costs. failed is how many
// were not sent, err why the last of them. The datagrams are read during the call alone.
type burstWay interface {
	SendAll(datagrams [][]byte) (failed int, err error)
}

// openingWay is a Way that is to be found first. While it is not open nothing is made for it: what went nowhere would be missed, and
// the path would seem to carry nothing.
type openingWay interface {
	Open() bool
	Opened() <-chan struct{} // is closed when it is open for the first time
}

// doubtedWay is a Way that may lead where a stranger has said, to somebody who wants nothing (latch.Latch.Doubt).
type doubtedWay interface {
	Doubt() (to netip.Addr, doubted bool)
}

// Origin is where a datagram came from, for its Way to learn from what the session finds out.
type Origin interface {
	// Permitted says whether to believe from here what nothing authenticates (Stream.Plain).
	Permitted() bool
	// Authentic tells that the newest authentic packet so far is from here, so that answers may go there. It says
	// whether that is another place than before.
	Authentic() (moved bool)
	String() string
}

// Ways are those of a call. Video is nil for a call without picture.
type Ways struct{ Audio, Video Way }

// permitted and authentic are an Origin's answers, where there is one.
func (d *Datagram) permitted() bool { return d.From == nil || d.From.Permitted() }
func (d *Datagram) authentic() bool { return d.From != nil && d.From.Authentic() }
