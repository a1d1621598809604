package card

import (
	"bytes"
	"strings"
	"testing"
)

// ink is the share of pixels that differ from the same card without texts, in per mille.
func ink(a, b Image) int {
	n := 0
	for i := 0; i < len(a.Pixels); i += 4 {
		if !bytes.Equal(a.Pixels[i:i+4], b.Pixels[i:i+4]) {
			n++
		}
	}
	return n * 1000 / (len(a.Pixels) / 4)
}

func TestEachTextIsDrawn(t *testing.T) {
	for _, size := range [][2]int{{1280, 720}, {1920, 1080}, {640, 360}, {720, 1280}} {
		empty := Full(size[0], size[1], Texts{})
		for name, texts := range map[string]Texts{
			"title": {Title: "Milano – Barra A – Kitchen"}, "reason": {Reason: "The line is down"},
			"next": {Next: "opens Monday 09:00"}, "notice": {Notice: "No camera"},
		} {
			if n := ink(Full(size[0], size[1], texts), empty); n < 1 {
				t.Errorf("%v: %s covers %d per mille", size, name, n)
			}
		}
	}
}

// From four metres, letters should be at least 20 mm high: on a screen of 60 cm height a thirtieth of it.
func TestLettersAreLarge(t *testing.T) {
	const width, height = 1280, 720
	empty := Full(width, height, Texts{Title: "x"})
	for name, texts := range map[string]Texts{"reason": {Title: "x", Reason: "H"}, "next": {Title: "x", Next: "H"}} {
		i := Full(width, height, texts)
		first, last := height, 0
		for y := range height {
			if !bytes.Equal(i.Pixels[y*width*4:(y+1)*width*4], empty.Pixels[y*width*4:(y+1)*width*4]) {
				first, last = min(first, y), y
			}
		}
		if last-first < height/30 {
			t.Errorf("%s has letters of %d pixels", name, last-first)
		}
	}
}

func TestStrangeTexts(t *testing.T) {
	for _, s := range []string{"", "\xff\xfe", "a\x00b", strings.Repeat("long ", 20000), "\u202eright to left", "<b>markup</b>", "\n\n\n", "ü😀"} {
		Full(640, 360, Texts{s, s, s, s})
		TestPicture(640, 360, s)
		if i := Label(640, 360, s, true); i.Width < 2 || i.Width > 600 || i.Height < 2 || i.Height > 100 {
			t.Errorf("label of %d bytes is %dx%d", len(s), i.Width, i.Height)
		}
	}
	Full(16, 16, Texts{"a", "b", "c", "d"})
	Label(16, 16, "text", false)
}

// On a screen that stands upright a line over the picture is whole, as on others.
func TestUprightLabels(t *testing.T) {
	const text = "Hold the QR of the invitation before the camera"
	for _, size := range [][2]int{{1280, 720}, {1920, 1080}, {720, 1280}, {1080, 1920}, {1024, 768}} {
		if l, more := Label(size[0], size[1], text, false), Label(size[0], size[1], text+" mm", false); l.Width >= more.Width {
			t.Errorf("%v: the line is cut at %d", size, l.Width)
		}
	}
	if got, want := Label(1280, 720, "x", false).Height, Label(4000, 720, "x", false).Height; got != want {
		t.Errorf("on a wide screen letters are of %d instead of %d", got, want)
	}
}

// A label is as wide as its text, and a card's texts begin where its sign does, whichever way they are read.
func TestRightToLeft(t *testing.T) {
	for _, s := range []string{"שלום תל אביב", "مرحبا بيروت", "תל אביב – Barra 2", "Barra – תל אביב", "\u200fRoma"} {
		label := Label(1280, 720, s, false)
		bright := 0
		for i := 0; i < len(label.Pixels); i += 4 {
			if label.Pixels[i+1] > 180 {
				bright++
			}
		}
		if share := bright * 1000 / (len(label.Pixels) / 4); share < 30 {
			t.Errorf("label %q: letters cover %d per mille", s, share)
		}
		const width, height = 1280, 720
		for name, texts := range map[string]Texts{"title": {Title: s}, "reason": {Reason: s}, "next": {Next: s}, "notice": {Notice: s}} {
			if right := edge(Full(width, height, texts), Full(width, height, Texts{})); right > width*9/10 || right < width/10 {
				t.Errorf("%s %q ends at %d of %d", name, s, right, width)
			}
		}
	}
}

// edge is the last column in which two images of one size differ.
func edge(a, b Image) int {
	last := 0
	for i := 0; i < len(a.Pixels); i += 4 {
		if !bytes.Equal(a.Pixels[i:i+4], b.Pixels[i:i+4]) {
			last = max(last, i/4%a.Width)
		}
	}
	return last
}
