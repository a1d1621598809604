package main

import (
	"fmt"
	"strings"
	"time"

	"ewindow/scripts/lab/impair"
)

// row is a line to be measured on.
type row struct {
	name   string // for -only
	text   string // for people
	line   impair.Conditions
	atOnce bool                              // from the first picture on, without a time to settle
	plan   func(total time.Duration) []event // what happens meanwhile, if something does
}

// event is a change of the line at a time after the beginning of the measurement.
type event struct {
	at  time.Duration
	set impair.Conditions
	cut time.Duration // 0: none
}

const queue = 200 * time.Millisecond

// lossy is a line that loses a share of all packets each way, with a round trip.
func lossy(loss float64, rtt time.Duration) impair.Conditions {
	return impair.Conditions{Loss: loss, Delay: rtt / 2}
}

// narrow is a line with a bottleneck each way.
func narrow(kbps int) impair.Conditions {
	return impair.Conditions{Kbps: kbps, Queue: queue, Delay: time.Millisecond}
}

const ms = time.Millisecond

var rows = []row{
	{name: "clean", text: "clean"},
	{name: "loss1", text: "1 % loss, RTT 2 ms", line: lossy(0.01, 2*ms)},
	{name: "loss5", text: "5 % loss, RTT 2 ms", line: lossy(0.05, 2*ms)},
	{name: "loss10", text: "10 % loss, RTT 2 ms", line: lossy(0.10, 2*ms)},
	{name: "loss20", text: "20 % loss, RTT 2 ms", line: lossy(0.20, 2*ms)},
	{name: "loss5rtt20", text: "5 % loss, RTT 20 ms", line: lossy(0.05, 20*ms)},
	{name: "burst5rtt20", text: "5 % loss in bursts of 4, RTT 20 ms", line: impair.Conditions{Loss: 0.05, Burst: 4, Delay: 10 * ms}},
	{name: "loss5rtt80", text: "5 % loss, RTT 80 ms", line: lossy(0.05, 80*ms)},
	{name: "loss5rtt200", text: "5 % loss, RTT 200 ms", line: lossy(0.05, 200*ms)},
	{name: "1mbit", text: "1 Mbit/s, queue 200 ms, from the first picture", line: narrow(1000), atOnce: true},
	{name: "300kbit", text: "300 kbit/s, queue 200 ms, from the first picture", line: narrow(300), atOnce: true},
	{name: "drop", text: "5 → 0.5 → 5 Mbit/s, queue 200 ms", line: narrow(5000), plan: func(total time.Duration) []event {
		return []event{{at: total / 6, set: narrow(500)}, {at: total / 2, set: narrow(5000)}}
	}},
	{name: "cut", text: "cut for 10 s, RTT 2 ms", line: lossy(0, 2*ms), plan: func(total time.Duration) []event {
		return []event{{at: 2 * time.Second, set: lossy(0, 2*ms), cut: 10 * time.Second}}
	}},
}

// events are what happens to the line within a time.
func (r row) events(total time.Duration) []event {
	if r.plan == nil {
		return nil
	}
	return r.plan(total)
}

// shortest is how long a row takes at least: what happens on the line has to be over.
func (r row) shortest() time.Duration {
	if r.name == "cut" {
		return 17 * time.Second
	}
	return time.Second
}

// choose returns the rows of names that are separated by commas; all of them without a name.
func choose(names string) ([]row, error) {
	if names == "" {
		return rows, nil
	}
	var chosen []row
	for name := range strings.SplitSeq(names, ",") {
		known := make([]string, 0, len(rows))
		found := false
		for _, r := range rows {
			known = append(known, r.name)
			if r.name == strings.TrimSpace(name) {
				chosen, found = append(chosen, r), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no row %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}
