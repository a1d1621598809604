package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"ewindow/registrar/pki/pin"
)

// Registrar is the registrar as a window's file names it, and the ways to it.
type Registrar struct {
	Host, Domain, Pin string
	Lookup            func(ctx context.Context, host string) ([]netip.Addr, error)
	Dial              func(ctx context.Context) (net.Conn, error) // as the window does: with the pin, by whatever port
	Now               func() time.Time
}

const (
	named   = "name"
	reached = "registrar"

	slow = time.Second // for a connection with TLS to be set up

	// A clock that is off by more opens and closes at the wrong time; off by a day, it makes certificates invalid.
	offBy = 30 * time.Second
)

// Check looks for the registrar's name, for itself, and compares clocks.
func (r Registrar) Check() Check {
	return Check{"looks for the registrar", "", func(ctx context.Context) []Finding {
		var found []Finding
		if _, err := netip.ParseAddr(r.Host); err != nil {
			f := r.name(ctx)
			if found = append(found, f); f.Verdict == Fail {
				return append(found, fail(reached, "", "it is not looked for: nobody knows where it is"))
			}
		}
		f, at := r.connect(ctx)
		if found = append(found, f); f.Verdict == Fail {
			return found
		}
		return append(found, r.clock(ctx, at))
	}}
}

func (r Registrar) name(ctx context.Context) Finding {
	addrs, err := r.Lookup(ctx, r.Host)
	if err != nil || len(addrs) == 0 {
		return fail(named, "look whether this machine is in the network (cable, Wi-Fi), and whether the name in the window's file is right",
			"nobody knows an address of %s: %v", r.Host, err)
	}
	return pass(named, "%s is %s", r.Host, addrs[0].Unmap())
}

// connect says how the registrar is reached, and where.
func (r Registrar) connect(ctx context.Context) (f Finding, at string) {
	began := r.Now()
	conn, err := r.Dial(ctx)
	if err != nil {
		var other *pin.Mismatch
		if errors.As(err, &other) {
			return fail(reached, "compare the pin in the window's file with what `ewindow-registrar pin` prints; if it was right before, somebody is in between", "who answers is not the registrar: %v", err), ""
		}
		what, _, _ := strings.Cut(err.Error(), "; ")
		return fail(reached, "look whether the registrar runs, and whether this network lets TCP ports 5061 or 443 out", "it is not reached: %s", what), ""
	}
	defer conn.Close()
	took, at := r.Now().Sub(began), conn.RemoteAddr().String()
	_, port, _ := net.SplitHostPort(at)
	switch {
	case port == "443":
		return warn(reached, "nothing has to be done; a router that lets out port 5061 spares some waiting", "reached at %s, and by no other port, in %d ms", at, took.Milliseconds()), at
	case took > slow:
		return warn(reached, "the way to it is slow, or it is busy: look what else this line is used for", "reached at %s, in %.1f s", at, took.Seconds()), at
	}
	return pass(reached, "reached at %s, the pin is right, in %d ms", at, took.Milliseconds()), at
}

// clock compares this machine's with the registrar's, which says in each answer of HTTP what time it is.
func (r Registrar) clock(ctx context.Context, at string) Finding {
	const remedy = "have the clock set (timedatectl set-ntp true), and let this network's NTP, UDP port 123, out"
	off, err := r.off(ctx, at)
	switch {
	case err != nil:
		return warn("clock", "compare it with another clock: `date`", "the registrar does not say what time it is: %v", err)
	case off.Abs() > offBy:
		return fail("clock", remedy, "%s: off by %v", r.Now().Format("2 Jan 2006 15:04:05"), off.Round(time.Second))
	}
	return pass("clock", "right by the registrar's")
}

// off is by how much this clock is ahead.
func (r Registrar) off(ctx context.Context, at string) (time.Duration, error) {
	config, err := pin.Config(r.Pin, r.Domain)
	if err != nil {
		return 0, err
	}
	config.NextProtos = []string{"http/1.1", pin.ALPN}
	t := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	defer t.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+at+"/healthz", nil)
	if err != nil {
		return 0, err
	}
	answer, err := t.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	theirs, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return 0, fmt.Errorf("its answer has no Date: %w", err)
	}
	return r.Now().Sub(theirs), nil
}
