// Package metrics is what the registrar counts, in Prometheus' conventions. There are no labels by caller, address
// or Call-ID: whoever can call could fill the memory with them.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A Registry holds the registrar's metrics. It may be used from several goroutines.
type Registry struct {
	reg        *prometheus.Registry
	requests   *prometheus.CounterVec
	auth       *prometheus.CounterVec
	panics     prometheus.Counter
	keys       *prometheus.CounterVec
	silent     prometheus.Counter
	handshakes *prometheus.CounterVec
	reloadOK   prometheus.Gauge
	reloadTime prometheus.Gauge
	revision   *prometheus.GaugeVec
	certExpiry *prometheus.GaugeVec
	certLoaded *prometheus.GaugeVec
	repairs    prometheus.Counter
	mediaKeys  *prometheus.CounterVec
	healths    *prometheus.CounterVec
}

// New makes a registry of its own: nothing is shared between two servers of one process.
func New() *Registry {
	m := &Registry{
		reg: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sip_requests_total", Help: "SIP requests by method and by the code they were answered with.",
		}, []string{"method", "code"}),
		auth: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sip_auth_failures_total", Help: "SIP requests without valid credentials, by reason.",
		}, []string{"reason"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sip_panics_total", Help: "Requests whose handling failed by a mistake in this program.",
		}),
		keys: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sip_keys_in_clear_total",
			Help: "Messages with keys of media that came without TLS and were refused, or were not sent without it.",
		}, []string{"direction"}),
		silent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sip_udp_silent_total",
			Help: "Answers over UDP that were not sent, since whoever asked had not authenticated and its network had used up its share.",
		}),
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tls_handshake_failures_total", Help: "TLS connections that were not set up, by reason.",
		}, []string{"reason"}),
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dialplan_last_reload_successful", Help: "1 if the plan in force is the one in the files, 0 if those have errors.",
		}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dialplan_last_reload_timestamp_seconds", Help: "When the plan in force was read.",
		}),
		revision: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dialplan_last_good_revision", Help: "1 for the revision of the plan in force: the last that had no errors.",
		}, []string{"revision"}),
		certExpiry: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cert_expiry_timestamp_seconds",
			Help: "When a server certificate in use expires: that of the registrar's own authority (own), one from files (given), one by ACME (acme).",
		}, []string{"which"}),
		certLoaded: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "cert_last_load_successful", Help: "1 if a certificate for the public is as its files say, or was obtained when it was last tried; 0 if not.",
		}, []string{"which"}),
		repairs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "store_repairs_total", Help: "How often the store was found damaged while the registrar ran, and was made anew.",
		}),
		mediaKeys: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "media_keys_told_total", Help: "Public media keys that windows told: the first of an account, another one, or one that was not taken.",
		}, []string{"what"}),
		healths: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "window_health_told_total", Help: "What windows told of their health: taken, refused since it could not be read, or too soon after the last.",
		}, []string{"what"}),
	}
	m.reg.MustRegister(m.requests, m.auth, m.panics, m.keys, m.mediaKeys, m.healths, m.silent, m.handshakes, m.repairs, m.reloadOK, m.reloadTime, m.revision, m.certExpiry, m.certLoaded,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// known are the methods that get a label of their own: a peer may invent others.
var known = map[string]bool{
	"INVITE": true, "BYE": true, "OPTIONS": true, "INFO": true, "UPDATE": true, "PRACK": true, "REGISTER": true,
	"SUBSCRIBE": true, "ACK": true, "CANCEL": true, "MESSAGE": true, "REFER": true, "NOTIFY": true, "PUBLISH": true,
}

// Request counts a request and its final answer.
func (m *Registry) Request(method string, code int) {
	if !known[method] {
		method = "other"
	}
	m.requests.WithLabelValues(method, strconv.Itoa(code)).Inc()
}

// AuthFailure counts a request without valid credentials. reason is one of a few words.
func (m *Registry) AuthFailure(reason string) { m.auth.WithLabelValues(reason).Inc() }

// Panic counts a request whose handling panicked.
func (m *Registry) Panic() { m.panics.Inc() }

// KeysInClear counts a message that carries keys and came without TLS ("in"), or was to go without it ("out").
func (m *Registry) KeysInClear(direction string) { m.keys.WithLabelValues(direction).Inc() }

// HandshakeFailed counts a TLS connection that was not set up. reason is one of a few words.
func (m *Registry) HandshakeFailed(reason string) { m.handshakes.WithLabelValues(reason).Inc() }

// MediaKeyTold counts a public media key. what is first, changed or refused.
func (m *Registry) MediaKeyTold(what string) { m.mediaKeys.WithLabelValues(what).Inc() }

// HealthTold counts what a window told of its health. what is taken, refused or soon.
func (m *Registry) HealthTold(what string) { m.healths.WithLabelValues(what).Inc() }

// Silent counts an answer over UDP that was not sent.
func (m *Registry) Silent() { m.silent.Inc() }

// Reloaded notes that the plan in the files was read without errors, or that it could not be.
func (m *Registry) Reloaded(ok bool) { m.reloadOK.Set(number(ok)) }

// PlanInForce notes which plan is in force and when it was read from the files.
func (m *Registry) PlanInForce(revision string, at time.Time) {
	m.revision.Reset()
	m.revision.WithLabelValues(revision).Set(1)
	m.reloadTime.Set(float64(at.Unix()))
}

// CertExpiry notes when a server certificate expires; zero: there is none. which is own, given or acme.
func (m *Registry) CertExpiry(which string, at time.Time) {
	if at.IsZero() {
		m.certExpiry.DeleteLabelValues(which)
		return
	}
	m.certExpiry.WithLabelValues(which).Set(float64(at.Unix()))
}

// CertLoaded notes whether a certificate for the public could be read or obtained when that was last tried. which is given or acme.
func (m *Registry) CertLoaded(which string, ok bool) {
	m.certLoaded.WithLabelValues(which).Set(number(ok))
}

// StoreRepaired counts a store that was found damaged while the registrar ran, and was made anew.
func (m *Registry) StoreRepaired() { m.repairs.Inc() }

// ObserveStore adds whether the store can be used, asked at each scrape.
func (m *Registry) ObserveStore(current func() bool) error {
	return m.reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "store_current", Help: "1 if the accounts in memory are those in the store, 0 if it cannot be read.",
	}, func() float64 { return number(current()) }))
}

// Handler serves the metrics over HTTP.
func (m *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{})
}

// A Link is a pair of spaces that the plan links now.
type Link struct {
	A, B string
	Up   bool // a call between the two is up, as far as its signalling went through here and they say
}

// A State is what Observe reads at each scrape.
type State struct {
	Registered map[string]bool // every space of the plan
	Expected   []Link
	Windows    map[string]Window // the spaces whose windows tell of their health
}

// A Window is what one tells of its health.
type Window struct {
	Version  string
	Lacking  map[string]bool // camera, screen, sound → it is missing, or down
	ClockOff float64         // seconds by which its clock is ahead of the registrar's
}

// Observe adds metrics that are read from state at each scrape.
func (m *Registry) Observe(state func() State) error { return m.reg.Register(&observer{state: state}) }

type observer struct{ state func() State }

var (
	registered = prometheus.NewDesc("ewindow_registered", "Whether a space's window can be reached.", []string{"space"}, nil)
	expected   = prometheus.NewDesc("ewindow_link_expected", "1 for each pair of spaces that the plan links now.",
		[]string{"space", "peer"}, nil)
	up = prometheus.NewDesc("ewindow_link_up", "Whether a linked pair is in a call: both are heard of, and both say that media comes.",
		[]string{"space", "peer"}, nil)
	deviceUp = prometheus.NewDesc("ewindow_window_device_up", "0 while a space's window says that a stand-in is used for a device, or that its process is down.",
		[]string{"space", "device"}, nil)
	clockOff = prometheus.NewDesc("ewindow_window_clock_offset_seconds", "By how much the clock of a space's window is ahead of the registrar's.", []string{"space"}, nil)
	windows  = prometheus.NewDesc("ewindow_window_info", "1 for the version of the program of a space's window.", []string{"space", "version"}, nil)
)

// Describe is part of prometheus.Collector.
func (o *observer) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{registered, expected, up, deviceUp, clockOff, windows} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (o *observer) Collect(ch chan<- prometheus.Metric) {
	s := o.state()
	for space, ok := range s.Registered {
		ch <- prometheus.MustNewConstMetric(registered, prometheus.GaugeValue, number(ok), space)
	}
	for _, l := range s.Expected {
		ch <- prometheus.MustNewConstMetric(expected, prometheus.GaugeValue, 1, l.A, l.B)
		ch <- prometheus.MustNewConstMetric(up, prometheus.GaugeValue, number(l.Up), l.A, l.B)
	}
	for space, w := range s.Windows {
		ch <- prometheus.MustNewConstMetric(windows, prometheus.GaugeValue, 1, space, w.Version)
		ch <- prometheus.MustNewConstMetric(clockOff, prometheus.GaugeValue, w.ClockOff, space)
		for _, device := range []string{"camera", "screen", "sound"} {
			ch <- prometheus.MustNewConstMetric(deviceUp, prometheus.GaugeValue, number(!w.Lacking[device]), space, device)
		}
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
