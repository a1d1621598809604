package pipeline

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if err := Init(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// through sends one picture through elements and returns what comes out.
func through(t *testing.T, elements, capsIn, capsOut string, picture []byte) []byte {
	t.Helper()
	p, err := New(fmt.Sprintf("appsrc name=in is-live=true format=time caps=%q ! %s ! %s ! appsink name=out sync=false", capsIn, elements, capsOut), "in", "out")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.Push("in", picture, 1, 0, false)
	s, err := p.Pull("out", 5*time.Second)
	if err != nil {
		t.Fatalf("%s from %s to %s: %v: %v", elements, capsIn, capsOut, err, p.Next(0).Err)
	}
	defer s.Free()
	return s.Bytes()
}

func caps(format string, w, h int, colorimetry string) string {
	c := fmt.Sprintf("video/x-raw,format=%s,width=%d,height=%d,framerate=30/1", format, w, h)
	if colorimetry != "" {
		c += ",colorimetry=" + colorimetry
	}
	return c
}

// blocks is a BGRx picture of random colours, each two columns and rows wide, so that nothing depends on how colour is
// sampled: pure ones first, which are where arithmetic overflows.
func blocks(w, h int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, w*h*4)
	var row []uint32
	n := uint32(0)
	for y := range h {
		if y%2 == 0 {
			row = row[:0]
			for range (w + 1) / 2 {
				c := r.Uint32()
				if n < 8 {
					c = (n&1)*0xff | (n>>1&1)*0xff00 | (n>>2)*0xff0000
				}
				n++
				row = append(row, c)
			}
		}
		for x := range w {
			c, at := row[x/2], b[(y*w+x)*4:]
			at[0], at[1], at[2], at[3] = byte(c), byte(c>>8), byte(c>>16), 255
		}
	}
	return b
}

// furthest is the largest difference of two pictures, the unused byte of BGRx left out.
func furthest(a, b []byte, bgrx bool) int {
	if len(a) != len(b) {
		return 1000
	}
	most := 0
	for i := range a {
		if !bgrx || i%4 != 3 {
			most = max(most, int(a[i])-int(b[i]), int(b[i])-int(a[i]))
		}
	}
	return most
}

// The slow converter of GStreamer is the judge, with its filter for colour off, as each block has one colour only. The
// other way it is quick and not exact, so there what went in must come out.
func TestColourIsThatOfGStreamer(t *testing.T) {
	for _, colorimetry := range []string{"", "bt709", "bt601", "1:4:0:0", "1:3:0:0"} {
		for _, size := range [][2]int{{64, 64}, {1280, 720}, {40, 18}} {
			w, h := size[0], size[1]
			rgb, yuv := caps("BGRx", w, h, ""), caps("I420", w, h, colorimetry)
			picture := blocks(w, h)
			want := through(t, "videoconvert dither=none chroma-mode=none", rgb, yuv, picture)
			if d := furthest(through(t, "ewcolour", rgb, yuv, picture), want, false); d > 2 {
				t.Errorf("%q %dx%d: BGRx to I420 is off by %d", colorimetry, w, h, d)
			}
			if d := furthest(through(t, "ewcolour", yuv, rgb, want), picture, true); d > 5 {
				t.Errorf("%q %dx%d: I420 to BGRx is off by %d", colorimetry, w, h, d)
			}
		}
	}
}

func TestColourOfOddSizes(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {33, 17}, {17, 2}, {2, 17}} {
		w, h := size[0], size[1]
		picture := blocks(w, h)
		video := through(t, "ewcolour", caps("BGRx", w, h, ""), caps("I420", w, h, "1:4:0:0"), picture)
		back := through(t, "ewcolour", caps("I420", w, h, "1:4:0:0"), caps("BGRx", w, h, ""), video)
		if d := furthest(picture, back, true); d > 4 {
			t.Errorf("%dx%d there and back is off by %d", w, h, d)
		}
	}
}

// All else goes through untouched, for videoconvertscale to convert.
func TestColourLeavesOtherFormats(t *testing.T) {
	for _, format := range []string{"BGRx", "I420", "NV12", "RGB16", "YUY2"} {
		w, h := 16, 16
		c := caps(format, w, h, "")
		size := map[string]int{"BGRx": 4 * w * h, "I420": w * h * 3 / 2, "NV12": w * h * 3 / 2, "RGB16": 2 * w * h, "YUY2": 2 * w * h}[format]
		picture := blocks(w, h)[:size]
		if d := furthest(through(t, "ewcolour", c, "video/x-raw", picture), picture, false); d != 0 {
			t.Errorf("%s: changed by %d", format, d)
		}
		// Either side of the element has a converter, as in our pipelines.
		through(t, "videoconvertscale ! ewcolour", c, caps("I420", 32, 32, ""), picture)
		through(t, "videoconvertscale ! ewcolour", c, caps("BGRx", 32, 32, ""), picture)
		through(t, "videoconvertscale ! ewcolour", c, caps("RGB16", 32, 32, ""), picture)
	}
}
