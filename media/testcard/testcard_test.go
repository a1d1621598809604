package testcard

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// noise is drawn once: a draw for each pixel of each picture is most of what these tests would do.
var noise = sync.OnceValue(func() []byte {
	r, p := rand.New(rand.NewPCG(7, 8)), make([]byte, 1<<22)
	for i := range p {
		p[i] = byte(r.IntN(256))
	}
	return p
})

// ground is a picture full of noise, as under a code that was drawn into something.
func ground(width, height int, r *rand.Rand) []byte {
	at := r.IntN(len(noise()) - width*height)
	return bytes.Clone(noise()[at : at+width*height])
}

func TestWhatIsDrawnIsRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1280, 720}, {1920, 1080}, {640, 360}, {352, 288}, {320, 180}, {82, 60}} {
		for range 50 {
			w, h := size[0], size[1]
			p := ground(w, h, r)
			seed, counter := uint16(r.Uint32()), r.Uint32()
			Draw(p, w, w, h, seed, counter)
			s, c, ok := Read(p, w, w, h)
			if !ok || s != seed || c != counter {
				t.Fatalf("%dx%d: read %d %d %v, drawn %d %d", w, h, s, c, ok, seed, counter)
			}
		}
	}
}

// change is what a bad line, a bad screen and a grabber do to a picture, where the code is in it.
func change(p []byte, width int, r *rand.Rand, most int, gain float64, offset int) {
	columns, rows := Size(width)
	grain := noise()[r.IntN(len(noise())-width*rows):]
	for y := range rows {
		for i := y * width; i < y*width+columns; i++ {
			v := float64(p[i])*gain + float64(offset+int(grain[i])%(2*most+1)-most)
			p[i] = byte(max(0, min(255, v)))
		}
	}
}

// scale takes the nearest pixel: the worst of all scalers. It does so where the code is going to be.
func scale(p []byte, w, h, w2, h2 int) []byte {
	q := make([]byte, w2*h2)
	columns, rows := Size(w2)
	for y := range min(rows, h2) {
		for x := range columns {
			q[y*w2+x] = p[y*h/h2*w+x*w/w2]
		}
	}
	return q
}

func TestNoiseScalingAndBrightness(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		noise  int
		gain   float64
		offset int
		w2, h2 int
	}{
		{90, 1, 0, 1280, 720},
		{40, 0.4, 10, 1280, 720},
		{40, 0.6, 100, 1280, 720},
		{40, 1.5, -40, 1280, 720},
		{30, 0.9, 5, 640, 360},
		{30, 0.9, 5, 1366, 768},
		{20, 0.9, 5, 333, 187},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			for i := range uint32(20) {
				p := ground(1280, 720, r)
				Draw(p, 1280, 1280, 720, 7, 1<<31+i)
				q := scale(p, 1280, 720, c.w2, c.h2)
				change(q, c.w2, r, c.noise, c.gain, c.offset)
				if s, n, ok := Read(q, c.w2, c.w2, c.h2); !ok || s != 7 || n != 1<<31+i {
					t.Fatalf("read %d %d %v", s, n, ok)
				}
			}
		})
	}
}

func TestNothingIsReadWhereNothingIs(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		if s, n, ok := Read(ground(320, 180, r), 320, 320, 180); ok {
			t.Fatalf("read %d %d in noise", s, n)
		}
	}
	for _, grey := range []byte{0, 128, 255} {
		p := make([]byte, 320*180)
		for i := range p {
			p[i] = grey
		}
		if _, _, ok := Read(p, 320, 320, 180); ok {
			t.Fatalf("read something in grey %d", grey)
		}
	}
}

func TestADamagedCellIsNoticed(t *testing.T) {
	for cell := range cells {
		p := make([]byte, 640*360)
		Draw(p, 640, 640, 360, 0x1234, 0x89abcdef)
		fill(p, 640, 640, cell, look(p, 640, 640, cell) < 128) // the other value
		if s, n, ok := Read(p, 640, 640, 360); ok {
			t.Errorf("cell %d is wrong, and %x %x was read", cell, s, n)
		}
	}
}

func TestTooSmallPicturesAreLeftAlone(t *testing.T) {
	for _, c := range []struct{ size, stride, w, h int }{
		{0, 0, 0, 0}, {100, 640, 640, 360}, {640 * 360, 320, 640, 360}, {64 * 64, 64, 64, 64}, {640 * 10, 640, 640, 10},
		{640 * 360, 640, -640, 360}, {640 * 360, 640, 640, -1},
	} {
		p := make([]byte, c.size)
		Draw(p, c.stride, c.w, c.h, 1, 1)
		for _, v := range p {
			if v != 0 {
				t.Fatalf("%+v was drawn into", c)
			}
		}
		if _, _, ok := Read(p, c.stride, c.w, c.h); ok {
			t.Errorf("%+v was read", c)
		}
	}
}
