package rig

import (
	"strings"
	"testing"
)

func TestParseGlass(t *testing.T) {
	const line = "frames=265 fps=26.5 latency_ms p5=62.7 p50=83.5 p95=122.4 p99=173.3 max=744.9 gap_p99=119 gap_max=634 frozen_pct=6.34 broken_pct=0.25 psnr_p5=31.7 psnr_p50=31.9 first_ms=0\n"
	got, err := parseGlass(line)
	want := Picture{P50: 83.5, P95: 122.4, P99: 173.3, FPS: 26.5, Frozen: 6.34, Broken: 0.25}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for line, want := range map[string]string{
		strings.Replace(line, "p95=122.4 ", "", 1):    `glass printed no p95: `,
		strings.Replace(line, "fps=26.5", "fps=x", 1): `glass printed "fps=x": strconv.ParseFloat: parsing "x": invalid syntax`,
	} {
		if _, err := parseGlass(line); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
