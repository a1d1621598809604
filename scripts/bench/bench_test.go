package main

import (
	"strings"
	"testing"

	"ewindow/scripts/bench/rig"
)

func TestReport(t *testing.T) {
	them := &figures{name: "baresip", Picture: rig.Picture{P50: 114, P95: 179, P99: 190, FPS: 29.7}, Load: rig.Load{CPU: 77, PSS: 80}}
	us := &figures{name: "E-Window", Picture: rig.Picture{P50: 45.5, P95: 80, P99: 90, FPS: 30}, Load: rig.Load{CPU: 38.5, PSS: 161}, others: 120}
	const want = `
1280x720, 30 fps, 2000 kbit/s       baresip  E-Window      goal
latency p50, ms                       114.0      45.5    ≤ 45.6  met
latency p95, ms                       179.0      80.0    ≤ 71.6  missed
latency p99, ms                       190.0      90.0
pictures a second                      29.7      30.0
frozen, % of the time                   0.0       0.0
broken, % of pictures                   0.0       0.0
CPU a window, % of a core              77.0      38.5    ≤ 38.5  met
PSS a window, MB                       80.0     161.0   ≤ 160.0  missed
The machine was busy with other things: 120 % of a core while E-Window was measured. Measure again when it is quiet.
`
	if got := report(them, us); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
	if got := report(nil, us); strings.Contains(got, "goal") || !strings.Contains(got, "161.0") {
		t.Errorf("alone: %s", got)
	}
}
