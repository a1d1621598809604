package echopath

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// fft is a discrete Fourier transform of one length, a power of two.
type fft struct {
	turn []complex128 // e^(-2πik/n) for k < n/2
}

func newFFT(n int) *fft {
	f := &fft{turn: make([]complex128, n/2)}
	for k := range f.turn {
		f.turn[k] = cmplx.Rect(1, -2*math.Pi*float64(k)/float64(n))
	}
	return f
}

// forward transforms x in place: X[k] = Σ x[i]·e^(-2πik/n). The inverse of a spectrum is the forward transform of its
// conjugate, but for a conjugation and a factor.
func (f *fft) forward(x []complex128) {
	n := len(x)
	shift := 64 - bits.Len(uint(n-1))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for half := 1; half < n; half *= 2 {
		step := n / 2 / half
		for from := 0; from < n; from += 2 * half {
			a, b := x[from:from+half], x[from+half:from+2*half]
			for k := range a {
				t := b[k] * f.turn[k*step]
				a[k], b[k] = a[k]+t, a[k]-t
			}
		}
	}
}
