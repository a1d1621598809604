package rig

import "testing"

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   string
	}{
		{[]float64{3}, "3.0"},
		{[]float64{3, 1, 2}, "2.0 (1.0 … 3.0)"},
		{[]float64{1, 2}, "1.5 (1.0 … 2.0)"},
		{[]float64{1, 1.01, 1}, "1.0"},
		{[]float64{-1, 5, 7}, "7.0 (5.0 … –)"},
		{[]float64{-1, 5}, "– (5.0 … –)"},
		{[]float64{-1, -1, 7}, "– (7.0 … –)"},
	} {
		if got := Spread("%.1f", test.values); got != test.want {
			t.Errorf("%v: %s, want %s", test.values, got, test.want)
		}
	}
}
