package proxy

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"ewindow/dialplan"
	"ewindow/registrar/metrics"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/health"
	"ewindow/registrar/status"
)

// How often a window is listened to: it tells of news every five seconds at most, by two ways, and anew with each connection.
const (
	healthsAtOnce = 5
	healthEvery   = 4 * time.Second
)

// healths are what windows tell of themselves with a REGISTER, in memory alone and for as long as they are there: one of each space of the
// plan at most. What is wrong with one never costs the registration: a window without is one of before, or a phone.
type healths struct {
	plan   func() *dialplan.Plan
	counts *metrics.Registry
	log    *slog.Logger

	mu sync.Mutex
	of map[string]*healthOf // by account
}

type healthOf struct {
	told    *status.Health // nil: nothing that could be read
	pace    *rate.Limiter
	refused bool // the last could not be read, and that has been logged
}

// take takes what a REGISTER tells that has been carried out: so it is its own account that a window speaks of, and nobody on the way has put
// anything there, since the gatekeeper lets windows register over TLS alone.
func (m *healths) take(r *request, now time.Time) {
	if len(r.Body()) == 0 || header.MediaType(r) != health.ContentType {
		return
	}
	if _, space := m.plan().Space(r.account); !space {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.of[r.account]
	if of == nil {
		of = &healthOf{pace: rate.NewLimiter(rate.Every(healthEvery), healthsAtOnce)}
		m.of[r.account] = of
	}
	if !of.pace.AllowN(now, 1) {
		m.counts.HealthTold("soon")
		return
	}
	h, err := health.Health{}, errors.New("its body is compressed, and nobody asked for that")
	if !header.Encoded(r) {
		h, err = health.Decode(r.Body())
	}
	if err != nil {
		m.counts.HealthTold("refused")
		if !of.refused {
			m.log.Warn("what a window tells of itself cannot be read; the status says what it told before", "aor", r.account, "peer", r.flow.Remote, "err", header.Text(err.Error()))
		}
		of.refused = true
		return
	}
	m.counts.HealthTold("taken")
	of.refused, of.told = false, &status.Health{Health: h, Told: now}
	if !h.Clock.IsZero() {
		of.told.ClockOff = h.Clock.Sub(now).Round(time.Millisecond).Seconds()
	}
}

// last is what an account's window told last, or nil. It is never changed.
func (m *healths) last(account string) *status.Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	if of := m.of[account]; of != nil {
		return of.told
	}
	return nil
}

// forget forgets what an account's window told unless it is there. That is asked under the lock: one that registers meanwhile is there
// before it is listened to.
func (m *healths) forget(account string, there func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of[account] != nil && !there() {
		delete(m.of, account)
	}
}
