package metrics

import "github.com/prometheus/client_golang/prometheus"

// A Relay is what ObserveRelay reads at each scrape.
type Relay struct {
	Allocations    int               // relayed addresses
	Connections    int               // over TCP
	Sent, Received uint64            // bytes of payload to peers, and from them
	Refused        map[string]uint64 // what was not done, by reason: one of a few words
}

// ObserveRelay adds metrics of the TURN server that are read from state at each scrape.
func (m *Registry) ObserveRelay(state func() Relay) error {
	return m.reg.Register(&relay{state: state})
}

type relay struct{ state func() Relay }

var (
	allocations = prometheus.NewDesc("turn_allocations", "Relayed addresses that windows have now.", nil, nil)
	connections = prometheus.NewDesc("turn_connections", "TCP connections to the TURN server.", nil, nil)
	relayed     = prometheus.NewDesc("turn_relayed_bytes_total", "Bytes of payload to peers (sent) and from them (received).", []string{"direction"}, nil)
	refused     = prometheus.NewDesc("turn_refusals_total", "What the TURN server did not do, by reason.", []string{"reason"}, nil)
)

// Describe is part of prometheus.Collector.
func (r *relay) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{allocations, connections, relayed, refused} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (r *relay) Collect(ch chan<- prometheus.Metric) {
	s := r.state()
	ch <- prometheus.MustNewConstMetric(allocations, prometheus.GaugeValue, float64(s.Allocations))
	ch <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(s.Connections))
	ch <- prometheus.MustNewConstMetric(relayed, prometheus.CounterValue, float64(s.Sent), "sent")
	ch <- prometheus.MustNewConstMetric(relayed, prometheus.CounterValue, float64(s.Received), "received")
	for reason, n := range s.Refused {
		ch <- prometheus.MustNewConstMetric(refused, prometheus.CounterValue, float64(n), reason)
	}
}
