package machine

import (
	"image"
	"testing"
)

func TestScreenAsQEMUWritesIt(t *testing.T) {
	whole := []byte("P6\n2 1\n255\n\x01\x02\x03\x0a\x0b\x0c")
	img, err := readPPM(whole)
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds() != image.Rect(0, 0, 2, 1) || img.RGBAAt(0, 0).B != 3 || img.RGBAAt(1, 0).R != 10 {
		t.Errorf("%v %v", img.Bounds(), img.Pix)
	}
	for n := range len(whole) { // it is read while QEMU writes it
		if _, err := readPPM(whole[:n]); err == nil {
			t.Errorf("a screen cut after %d bytes is a picture", n)
		}
	}
	for _, bad := range []string{"P6\n-1 1\n255\n", "P6\n0 0\n255\n", "P6\n99999 99999\n255\nx", "P5\n2 1\n255\nabcdef"} {
		if _, err := readPPM([]byte(bad)); err == nil {
			t.Errorf("%q is a picture", bad)
		}
	}
}
