package engine_test

import (
	"strings"
	"testing"
	"time"

	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
)

// A start that goes on is left alone however long it takes; one that does nothing, and one that never ends, is replaced.
func TestSlowStarts(t *testing.T) {
	tests := []struct {
		name   string
		start  enginetest.Start
		starts int // within two and a half minutes, at least; one: no more
	}{
		{"at once", enginetest.Start{}, 1},
		{"half a minute of work, as a small machine's first", enginetest.Start{Takes: 30 * time.Second, Works: true}, 1},
		{"stages of 2.5 s", enginetest.Start{Takes: 30 * time.Second, Stages: 11}, 1},
		{"two stages of 50 s of work", enginetest.Start{Takes: 100 * time.Second, Stages: 1, Works: true}, 1},
		{"hangs", enginetest.Start{Takes: time.Hour}, 3},
		{"an endless loop", enginetest.Start{Takes: time.Hour, Works: true}, 2},
		{"stages without end", enginetest.Start{Takes: time.Hour, Stages: 3600}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
				d.SetStart(protocol.Camera, tt.start)
				e.Open("a", formats)
				time.Sleep(150 * time.Second)
				starts := d.Starts(protocol.Camera)
				failures, text := h.count(protocol.Camera, protocol.Failed)
				if tt.starts > 1 {
					if starts < tt.starts || !strings.Contains(text, "no progress") {
						t.Errorf("%d starts, %d failures (%s); it must be replaced", starts, failures, text)
					}
					return
				}
				if pictures, _ := h.counts(); starts != 1 || failures > 0 || pictures == 0 {
					t.Errorf("%d starts, %d failures (%s), %d pictures", starts, failures, text, pictures)
				}
				if n, _ := h.count(protocol.Camera, protocol.Missing); n > 0 {
					t.Error("an encoder was condemned")
				}
			})
		})
	}
}
