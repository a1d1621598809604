package impair

import (
	"slices"
	"testing"
	"time"
)

// sent sends count packets of 125 bytes, one a millisecond (1000 kbit/s), and returns how long each took; -1 if it did not arrive.
func sent(c Conditions, seed uint64, count int) (took []time.Duration, fates [5]int) {
	w := NewWay(seed)
	now := time.Unix(0, 0)
	for range count {
		at, fate := w.Send(c, now, 125)
		fates[fate]++
		if fate == Arrives {
			took = append(took, at.Sub(now))
		} else {
			took = append(took, -1)
		}
		now = now.Add(time.Millisecond)
	}
	return took, fates
}

func TestConditions(t *testing.T) {
	const count = 20000
	share := func(n int) float64 { return float64(n) / count }
	between := func(x, low, high float64) bool { return x >= low && x <= high }
	for _, test := range []struct {
		name       string
		conditions Conditions
		check      func(took []time.Duration, fates [5]int) bool
	}{
		{"perfect", Conditions{}, func(took []time.Duration, fates [5]int) bool {
			return fates[Arrives] == count && slices.Max(took) == 0
		}},
		{"delay", Conditions{Delay: 40 * time.Millisecond}, func(took []time.Duration, fates [5]int) bool {
			return slices.Min(took) == 40*time.Millisecond && slices.Max(took) == 40*time.Millisecond
		}},
		{"jitter keeps the order", Conditions{Delay: 10 * time.Millisecond, Jitter: 30 * time.Millisecond}, func(took []time.Duration, fates [5]int) bool {
			for i := 1; i < len(took); i++ {
				if took[i] < took[i-1]-time.Millisecond {
					return false
				}
			}
			return slices.Min(took) >= 10*time.Millisecond && slices.Max(took) > 38*time.Millisecond && slices.Max(took) <= 40*time.Millisecond
		}},
		{"loss", Conditions{Loss: 0.05}, func(took []time.Duration, fates [5]int) bool {
			return between(share(fates[Lost]), 0.045, 0.055) && between(meanBurst(took), 1, 1.15)
		}},
		{"loss in bursts", Conditions{Loss: 0.05, Burst: 4}, func(took []time.Duration, fates [5]int) bool {
			return between(share(fates[Lost]), 0.04, 0.06) && between(meanBurst(took), 3.5, 4.5)
		}},
		{"all lost", Conditions{Loss: 1, Burst: 4}, func(took []time.Duration, fates [5]int) bool { return fates[Lost] == count }},
		{"wide bottleneck", Conditions{Kbps: 2000, Queue: 200 * time.Millisecond}, func(took []time.Duration, fates [5]int) bool {
			return fates[Arrives] == count && slices.Max(took) == 500*time.Microsecond
		}},
		{"bottleneck", Conditions{Kbps: 300, Queue: 200 * time.Millisecond}, func(took []time.Duration, fates [5]int) bool {
			return between(share(fates[Overflow]), 0.69, 0.7) && between(slices.Max(took).Seconds(), 0.2, 0.204) &&
				took[0] == time.Second*1000/300/1000
		}},
		{"bottleneck without a queue", Conditions{Kbps: 500}, func(took []time.Duration, fates [5]int) bool {
			return fates[Overflow] == count/2 && slices.Max(took) == 2*time.Millisecond
		}},
		{"no packet so large", Conditions{MTU: 124}, func(took []time.Duration, fates [5]int) bool { return fates[Large] == count }},
		{"packets just as large", Conditions{MTU: 125}, func(took []time.Duration, fates [5]int) bool { return fates[Arrives] == count }},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.conditions.Check(); err != nil {
				t.Error(err)
			}
			took, fates := sent(test.conditions, 7, count)
			if !test.check(took, fates) {
				t.Errorf("fates %v, %v to %v, bursts of %.2f", fates, slices.Min(took), slices.Max(took), meanBurst(took))
			}
			if again, _ := sent(test.conditions, 7, count); !slices.Equal(took, again) {
				t.Error("the same seed gives another line")
			}
			chancy := test.conditions.Jitter > 0 || test.conditions.Loss > 0 && test.conditions.Loss < 1
			if other, _ := sent(test.conditions, 8, count); chancy && slices.Equal(took, other) {
				t.Error("another seed gives the same line")
			}
		})
	}
}

// meanBurst is how many packets were lost in a row, on average.
func meanBurst(took []time.Duration) float64 {
	lost, bursts := 0, 0
	for i, d := range took {
		if d < 0 {
			lost++
			if i == 0 || took[i-1] >= 0 {
				bursts++
			}
		}
	}
	return float64(lost) / float64(max(bursts, 1))
}

func TestImpossibleConditions(t *testing.T) {
	nan := 0.0
	nan /= nan
	for _, test := range []struct {
		conditions Conditions
		want       string
	}{
		{Conditions{Delay: -1}, "a line cannot have a negative delay, jitter or queue"},
		{Conditions{Kbps: -5}, "a line cannot carry -5 kbit/s"},
		{Conditions{MTU: -1}, "a line cannot carry packets of -1 bytes at most"},
		{Conditions{Loss: 5}, "a line cannot lose a share of 5: it is from 0 to 1"},
		{Conditions{Loss: nan}, "a line cannot lose a share of NaN: it is from 0 to 1"},
		{Conditions{Burst: -1}, "bursts cannot have -1 packets"},
		{Conditions{Loss: 0.9, Burst: 4}, "bursts of 4, with one packet between them, lose a share of 0.800 at most, and not 0.9"},
	} {
		if err := test.conditions.Check(); err == nil || err.Error() != test.want {
			t.Errorf("%+v: %v, want %s", test.conditions, err, test.want)
		}
	}
}
