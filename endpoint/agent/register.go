package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/health"
	"ewindow/registrar/signal/lasting"
)

const (
	registerFor   = 300 * time.Second // what we ask for
	registerLeast = 10 * time.Second  // the shortest time between two REGISTERs, whatever the registrar grants
	backoffFirst  = time.Second
	backoffMost   = 30 * time.Second
)

// backoff is how long to wait after the n-th failure in a row, n from 0, with jitter so that windows do not come
// back in step (RFC 5626 §4.5; its half hour is too long for a window in opening hours).
func backoff(n int) time.Duration {
	d := min(backoffFirst<<min(n, 5), backoffMost)
	return d/2 + rand.N(d/2+1)
}

// pause waits, and says whether it came to its end.
func pause(ctx context.Context, d time.Duration) bool { return pauseUntil(ctx, d, nil) }

// pauseUntil waits for a while, or for something that makes waiting pointless. False: ctx has ended.
func pauseUntil(ctx context.Context, d time.Duration, enough <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-enough:
		return true
	case <-ctx.Done():
		return false
	}
}

// newRegistration is one by a way of its own.
func (a *Agent) newRegistration(dial func(context.Context) (net.Conn, error), instance string) *registration {
	id := len(a.ways) + 1
	log := a.log
	if a.cfg.Second != nil {
		log = log.With("reg_id", id)
	}
	return &registration{
		a: a, dial: dial, log: log, renewed: make(chan struct{}, 1),
		fault:    lasting.Fault{Log: log, Level: slog.LevelWarn, What: "not registered", Over: "registered again"},
		sequence: a.newDialog(a.aor, sip.Uri{Scheme: "sip", Host: a.domain}),
		contact:  fmt.Sprintf(`<%s>;+sip.instance="<urn:uuid:%s>";reg-id=%d`, a.contact.String(), instance, id),
	}
}

// keepConnected makes connections, one after the other, until ctx ends.
func (r *registration) keepConnected(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; failures++ {
		r.first = time.Time{}
		f, err := r.connect(ctx)
		if err == nil {
			err = r.live(ctx, f)
		}
		if ctx.Err() != nil {
			return
		}
		if !r.first.IsZero() && time.Since(r.first) >= steadyAfter {
			failures = 0
		}
		r.lost(err)
		pauseUntil(ctx, backoff(failures), r.renewed)
	}
}

// connect dials.
func (r *registration) connect(ctx context.Context) (*flow, error) {
	dialling, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := r.dial(dialling)
	if err != nil {
		return nil, fmt.Errorf("connecting to the registrar %s: %w", r.a.cfg.Registrar, err)
	}
	f, err := newFlow(conn)
	if err == nil {
		err = r.a.opened(r, f)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return f, nil
}

// live is a connection's life: pings and registration, until it dies or ctx ends. At the end of ctx it says good-bye first.
func (r *registration) live(ctx context.Context, f *flow) error {
	r.a.adopt(f)
	defer f.fail(errReplace)
	living, cancel := context.WithCancel(ctx)
	defer cancel()
	var loops sync.WaitGroup
	defer loops.Wait()
	defer cancel()
	loops.Go(func() {
		select {
		case <-f.closed:
		case <-living.Done():
		}
		cancel()
	})
	loops.Go(func() { f.keepAlive(living) })
	err := r.keep(living, f)
	if ctx.Err() != nil && f.alive() {
		r.sayGoodbye(ctx, f)
	}
	if !f.alive() {
		err = f.err
	}
	return err
}

// sayGoodbye ends calls and takes the registration back, within a second in all.
func (r *registration) sayGoodbye(ctx context.Context, f *flow) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	byes := r.a.endAll(switchedOff)
	if time.Now().Before(r.until) {
		if _, err := r.once(last, f, 0); err != nil {
			r.log.Info("registration not taken back", "err", err)
		}
	}
	select {
	case <-byes:
	case <-last.Done():
	}
}

// switchedOff is why calls end with the agent.
const switchedOff = "the window was switched off"

// registration is one of the ways to the registrar, and REGISTER's state there (RFC 3261 §10.2): its numbers go on over all
// connections. Its goroutine owns it.
type registration struct {
	a        *Agent
	dial     func(context.Context) (net.Conn, error)
	log      *slog.Logger
	contact  string        // our Contact header's value
	renewed  chan struct{} // has one element when there is a reason to register at once: another secret, another network
	sequence dialog.Dialog // the numbers and addresses of our REGISTERs, which belong to no dialog
	least    time.Duration // from a 423
	first    time.Time     // 200 on this connection; zero before
	until    time.Time     // the registrar keeps it so long
	fault    lasting.Fault // there is no registration

	// Behind Agent.mu:
	standing
	open *flow  // its connection, registered or not
	at   string // where that led
}

// keep registers and refreshes until ctx ends or the connection is of no use.
func (r *registration) keep(ctx context.Context, f *flow) error {
	failures := 0
	for {
		granted, err := r.once(ctx, f, registerFor)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var wait time.Duration
		var refused bool
		if err == nil {
			failures = 0
			r.got(granted, f)
			half := max(granted, registerLeast) / 2
			wait = half*9/10 + rand.N(half/10)
		} else {
			wait, refused, err = r.failed(err, failures)
			if err != nil && wait == 0 {
				return err
			}
			failures++
			if refused || !time.Now().Before(r.until) {
				r.a.stands(r, standing{err: err, refused: refused})
			}
			r.fault.Met(err.Error(), "err", err, "again_in", wait.Round(time.Millisecond))
		}
		if !pauseUntil(ctx, wait, r.renewed) {
			return ctx.Err()
		}
	}
}

// got notes a success.
func (r *registration) got(granted time.Duration, f *flow) {
	now := time.Now()
	again := now.Before(r.until)
	if r.first.IsZero() {
		r.first = now
	}
	r.until = now.Add(granted)
	defer r.fault.Well("registrar", f.remote, "for", granted)
	if !again {
		level := slog.LevelInfo
		if r.fault.Lasts() { // it says itself when that is over
			level = slog.LevelDebug
		}
		r.log.Log(context.Background(), level, "registered", "registrar", f.remote, "for", granted)
	}
	r.a.stands(r, standing{flow: f})
}

// failed says what to do after a failed REGISTER: how long to wait on this connection, 0 for leaving it; whether
// the registrar refuses us; and the error in words that help.
func (r *registration) failed(err error, failures int) (time.Duration, bool, error) {
	slowly := backoffMost - rand.N(backoffMost/10)
	var status *StatusError
	var foreign *foreignRealm
	switch {
	case errors.Is(err, errSecret), errors.As(err, &foreign):
		return slowly, true, err
	case errors.Is(err, errNoAnswer):
		return 0, false, fmt.Errorf("the registrar does not answer: %w", err)
	case !errors.As(err, &status):
		return 0, false, err
	}
	switch status.Code {
	case sip.StatusForbidden, sip.StatusNotFound:
		return slowly, true, fmt.Errorf("the registrar refuses space %q: %w; check that the dialplan has this space, and its account with `ewindow-registrar account list`", r.a.cfg.Space, err)
	case 430, sip.StatusRequestTimeout: // the flow has failed (RFC 5626 §11.5)
		return 0, false, err
	case sip.StatusServiceUnavailable:
		// The registrar is there and has trouble of its own. It says when to ask again, so the wait does not grow.
		if status.RetryAfter > 0 {
			return min(status.RetryAfter+rand.N(time.Second), backoffMost), false, err
		}
	}
	return min(max(backoff(failures), status.RetryAfter), backoffMost), false, err
}

// lost notes the end of a connection, or that none could be made.
func (r *registration) lost(err error) {
	r.fault.Met(err.Error(), "err", err)
	r.until = time.Time{}
	r.a.stands(r, standing{err: err})
}

// once sends one REGISTER with its challenge and answers, and returns how long the registrar keeps it.
func (r *registration) once(ctx context.Context, f *flow, want time.Duration) (time.Duration, error) {
	ctx, cancel := within(ctx, dialLimit)
	defer cancel()
	for range 2 {
		if want > 0 {
			want = max(want, r.least)
		}
		_, res, err := r.a.exchange(ctx, f, true, func() *sip.Request { return r.request(want) }, r.a.transact)
		switch {
		case err != nil:
			return 0, err
		case res.StatusCode == sip.StatusIntervalToBrief:
			r.least = min(seconds(header.First(res, "Min-Expires")), 24*time.Hour)
			if r.least > want {
				continue
			}
			return 0, statusError(res)
		case !res.IsSuccess():
			return 0, statusError(res)
		}
		return r.granted(res, want), nil
	}
	return 0, errors.New("the registrar refuses every duration of a registration as too brief (423)")
}

func (r *registration) request(want time.Duration) *sip.Request {
	req := r.a.request(&r.sequence, sip.REGISTER)
	req.RemoveHeader("Supported")
	req.AppendHeader(sip.NewHeader("Supported", "outbound, path"))
	req.AppendHeader(sip.NewHeader("Contact", r.contact))
	req.AppendHeader(sip.NewHeader("Expires", fmt.Sprint(int(want.Seconds()))))
	if r.a.cfg.MediaKey != "" {
		req.AppendHeader(sip.NewHeader(header.KeyName, r.a.cfg.MediaKey))
	}
	if r.a.cfg.Health != nil && want > 0 { // whoever takes its registration back is no more
		if body := r.a.cfg.Health(); len(body) > 0 {
			req.AppendHeader(sip.NewHeader("Content-Disposition", health.Disposition))
			header.SetBody(req, health.ContentType, body)
		}
	}
	return req
}

// granted finds our Contact in a 200 and how long it lives there (RFC 3261 §10.2.4).
func (r *registration) granted(res *sip.Response, want time.Duration) time.Duration {
	for _, h := range res.GetHeaders("Contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok || !strings.EqualFold(c.Address.Host, r.a.contact.Host) {
			continue
		}
		for _, kv := range c.Params {
			if strings.EqualFold(kv.K, "expires") {
				return seconds(kv.V)
			}
		}
	}
	if v := header.First(res, "Expires"); v != "" {
		return seconds(v)
	}
	return want
}
