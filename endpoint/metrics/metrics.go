// Package metrics gives what a window knows about itself (its status) as numbers in Prometheus' conventions, and the health of
// its process. Labels are roles and the accounts that the plan names: nothing that a peer could make up.
package metrics

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ewindow/endpoint/status"
)

// Handler answers scrapes with what now says. version is the program's.
func Handler(version string, now func() status.Status) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(&collector{version, now}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{MaxRequestsInFlight: 2}))
	return mux
}

type collector struct {
	version string
	now     func() status.Status
}

// Describe is part of prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range window {
		ch <- f.desc
	}
	for _, f := range device {
		ch <- f.desc
	}
	for _, f := range echo {
		ch <- f.desc
	}
	for _, f := range call {
		ch <- f.desc
	}
	ch <- info
	ch <- encoder
	ch <- path
}

// Collect is part of prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.now()
	ch <- prometheus.MustNewConstMetric(info, prometheus.GaugeValue, 1, label(s.Space), label(c.version))
	send(ch, window, &s)
	for i := range s.Devices {
		d := &s.Devices[i]
		send(ch, device, d, label(d.Role))
		if d.Role == "sound" {
			send(ch, echo, d)
		}
		if d.Role == "camera" && d.Encoder != "" {
			ch <- prometheus.MustNewConstMetric(encoder, prometheus.GaugeValue, 1, label(d.Encoder))
		}
	}
	for key, of := range calls(&s) {
		send(ch, call, of, label(key.role), label(key.peer))
		if of.Path != "" {
			ch <- prometheus.MustNewConstMetric(path, prometheus.GaugeValue, 1, label(key.role), label(key.peer), label(of.Path))
		}
	}
}

type key struct{ role, peer string }

// calls are the calls that count, one for each role and peer: not those that another one replaces, and those that are up first.
func calls(s *status.Status) map[key]*status.Call {
	out := map[key]*status.Call{}
	for i := range s.Calls {
		c := &s.Calls[i]
		k := key{c.Role, c.Peer}
		if was := out[k]; !c.Leaving && (was == nil || !was.Up) {
			out[k] = c
		}
	}
	return out
}

// A family is a metric that is read off a T.
type family[T any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(T) float64
}

func send[T any](ch chan<- prometheus.Metric, fs []family[T], of T, labels ...string) {
	for _, f := range fs {
		ch <- prometheus.MustNewConstMetric(f.desc, f.kind, f.of(of), labels...)
	}
}

func gauge[T any](name, help string, of func(T) float64, labels ...string) family[T] {
	return family[T]{prometheus.NewDesc("ewindow_"+name, help, labels, nil), prometheus.GaugeValue, of}
}

func counter[T any](name, help string, of func(T) float64, labels ...string) family[T] {
	f := gauge(name, help, of, labels...)
	f.kind = prometheus.CounterValue
	return f
}

// label bounds a value and makes it text: the library refuses anything else, and with it the whole scrape.
func label(s string) string {
	const most = 64
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// unix is a time as Prometheus has it, 0 for never.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
