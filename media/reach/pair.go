package reach

import (
	"context"
	"crypto/rand"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/pion/ice/v4"
	"golang.org/x/sync/errgroup"

	"ewindow/media"
	"ewindow/media/negotiate"
	"ewindow/media/udp"
)

// pair is a stream whose reports may have a port of their own: the second component of its ICE, or the next port of SDP. Each has a search of
// its own, with the same credentials: pion has one component for each of its agents. It is a media.Way.
type pair struct {
	media, reports *path
	apart          atomic.Bool // that was agreed on
}

// Agree takes the ways of both. A component without candidates goes where SDP says.
func (w *pair) Agree(d *negotiate.Stream) {
	w.apart.Store(!d.Mux)
	w.media.Agree(d)
	if d.Mux {
		return
	}
	r := *d
	r.RTP, r.Mux = udp.Following(d.RTP, d.RTCP), true
	if d.ICE != nil && !d.ICE.Has(negotiate.ReportsComponent) {
		r.ICE = nil
	}
	w.reports.Agree(&r)
}

// Doubt is that of media.
func (w *pair) Doubt() (netip.Addr, bool) { return w.media.Doubt() }

// Run hands over what comes by both until ctx ends.
func (w *pair) Run(ctx context.Context, deliver func(media.Datagram)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.media.Run(ctx, deliver) })
	g.Go(func() error {
		return w.reports.Run(ctx, func(d media.Datagram) {
			d.Control = true
			deliver(d)
		})
	})
	return g.Wait()
}

// Send sends media, or a report by the way that reports have.
func (w *pair) Send(datagram []byte, control bool) error {
	if control && w.apart.Load() {
		return w.reports.Send(datagram, true)
	}
	return w.media.Send(datagram, control)
}

// SendAll sends several datagrams of media.
func (w *pair) SendAll(datagrams [][]byte) (failed int, err error) { return w.media.SendAll(datagrams) }

// Open says whether there is a way for media.
func (w *pair) Open() bool { return w.media.Open() }

// Destination is where media goes.
func (w *pair) Destination() (netip.AddrPort, bool) { return w.media.Destination() }

// Destination is where packets go.
func (p *path) Destination() (to netip.AddrPort, ok bool) {
	if t := p.to(); t != nil {
		return t.to, true
	}
	return to, false
}

// Opened is closed when there is one for the first time.
func (w *pair) Opened() <-chan struct{} { return w.media.Opened() }

// credentials are those of a stream's search (RFC 8445 §5.3), which both of its components share.
type credentials struct{ fragment, password string }

func newCredentials() credentials { return credentials{rand.Text()[:8], rand.Text()} }

// written is a candidate as SDP has it. pion takes each for one of the first component (RFC 8445 §5.1.2.1: a priority is less by one for the
// second one).
func (a *attempt) written(c ice.Candidate) string {
	text := c.Marshal()
	if a.component == negotiate.MediaComponent {
		return text
	}
	f := strings.Fields(text)
	f[1], f[3] = strconv.Itoa(int(a.component)), strconv.FormatUint(uint64(c.Priority())-1, 10)
	return strings.Join(f, " ")
}
