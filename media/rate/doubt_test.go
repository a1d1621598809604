package rate

import (
	"testing"
	"time"
)

// What one report says against its own counters, or of the time before, is not believed; what is said again and again is.
func TestDoubt(t *testing.T) {
	type report struct {
		fraction    uint8
		total, high uint32
		since       int
	}
	for name, test := range map[string]struct {
		reports []report // each second
		share   float64  // of the last
		ok      bool
	}{
		"a tenth":                    {[]report{{0, 0, 1000, 5}, {26, 20, 1200, 5}}, 0.10, true},
		"all, though none is missed": {[]report{{0, 0, 1000, 5}, {255, 0, 1200, 5}}, 0, true},
		"a counter that stands":      {[]report{{0, 0, 1000, 5}, {64, 0, 1200, 5}, {64, 0, 1400, 5}, {64, 0, 1600, 5}}, 0.25, true},
		"the counter goes back":      {[]report{{0, 9, 1000, 5}, {0, 5, 1200, 5}}, 0, true},
		"an old one":                 {[]report{{0, 0, 1000, 5}, {0, 0, 1200, 5}, {0, 0, 1000, 205}}, 0, false},
		"nearly the one before":      {[]report{{0, 0, 1000, 5}, {0, 0, 1200, 5}, {0, 0, 1201, 205}}, 0, false},
		"few are sent":               {[]report{{0, 0, 1000, 0}, {0, 0, 1002, 0}}, 0, true},
		"one was too high":           {[]report{{0, 0, 1000, 5}, {0, 0, 1900, 0}, {0, 0, 1400, 5}, {0, 0, 1600, 5}}, 0, true},
		"another sender":             {[]report{{0, 0, 90000, 5}, {26, 20, 1200, 5}}, 0.10, true},
		"nothing came":               {[]report{{0, 0, 1000, 5}, {0, 0, 1000, 200}}, 0, true},
	} {
		var d Doubt
		now, share, ok := time.Unix(1_700_000_000, 0), 0.0, false
		for _, r := range test.reports {
			share, ok = d.Heard(now, r.fraction, r.total&0xffffff, r.high, r.since)
			now = now.Add(time.Second)
		}
		if ok != test.ok || share < test.share-0.01 || share > test.share+0.01 {
			t.Errorf("%s: %.3f, %v", name, share, ok)
		}
	}
}
