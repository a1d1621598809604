//go:build !race

package town

import (
	"testing"
	"time"

	"ewindow/scripts/lab/memnet"
)

// Where nothing moves an encoder makes next to nothing. A line that loses packets and delays them unevenly, as Wi-Fi does, is then
// not mistaken for one that carries no more than that, which would have stills alone: it is in one call of ten or so.
func TestAQuietRoomOnAnUnevenLine(t *testing.T) {
	const calls, most = 8, 3
	stood := 0
	for seed := range uint64(calls) {
		Simulate(t, 7+seed, at(23, 10, 2), week, func(tw *Town) {
			windows := []*Window{tw.Window("milano"), tw.Window("munich")}
			for _, w := range windows {
				w.Start()
			}
			time.Sleep(30 * time.Second)
			tw.Net.Between(windows[0].Host, windows[1].Host, memnet.Conditions{
				Latency: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.05, Duplicate: 0.02, Reorder: 0.05})
			oldest := time.Duration(0)
			for range 300 {
				time.Sleep(100 * time.Millisecond)
				for _, w := range windows {
					oldest = max(oldest, time.Since(w.Devices.Screen().At))
				}
			}
			if t.Logf("seed %d: a picture was %v old", seed, oldest); oldest > time.Second {
				stood++
			}
		})
	}
	if stood > most {
		t.Errorf("a picture stood for more than a second in %d of %d calls", stood, calls)
	}
}
