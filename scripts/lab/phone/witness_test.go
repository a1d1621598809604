package phone

import (
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ewindow/media/gst/card"
	"ewindow/media/testcard"
	"ewindow/scripts/stage"
)

// eventually waits until something is so.
func eventually(t *testing.T, so func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := so()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// sees waits until a display has shown many different pictures of somebody's camera.
func sees(t *testing.T, who string, e *stage.Eyes, of string) {
	t.Helper()
	const many = fps
	pictures, last := 0, uint32(0)
	eventually(t, func() error {
		seed, counter, ok, err := e.Code()
		if err != nil {
			return err
		}
		if ok && seed == testcard.Seed(of) && counter > last {
			pictures, last = pictures+1, counter
		}
		if pictures < many {
			return fmt.Errorf("%s saw %d pictures of %s, want %d", who, pictures, of, many)
		}
		return nil
	})
}

// still waits until a display has shown no new picture for a second.
func still(t *testing.T, who string, e *stage.Eyes) {
	t.Helper()
	last, since := uint32(0), time.Now()
	eventually(t, func() error {
		_, counter, ok, err := e.Code()
		if err != nil {
			return err
		}
		if ok && counter != last {
			last, since = counter, time.Now()
		}
		if quiet := time.Since(since); quiet < time.Second {
			return fmt.Errorf("%s has seen no new picture for %v only", who, quiet)
		}
		return nil
	})
}

// idle waits until a display shows nobody's camera.
func idle(t *testing.T, e *stage.Eyes) {
	t.Helper()
	eventually(t, func() error {
		if _, _, shown, err := e.Code(); err != nil || shown {
			return errors.Join(err, errors.New("the picture is still on the screen"))
		}
		return nil
	})
}

// hears waits until what somebody heard in the last second was a tone.
func hears(t *testing.T, who string, wav func() (string, error), hz int) {
	t.Helper()
	eventually(t, func() error {
		path, err := wav()
		if err != nil {
			return err
		}
		ears, err := stage.OpenEars(path)
		if err != nil {
			return err
		}
		samples, err := ears.Last(1)
		if err != nil {
			return err
		}
		if share := stage.Share(samples, ears.Rate, hz); len(samples) < ears.Rate || share < 0.7 {
			return fmt.Errorf("%s: %.0f %% of %d samples is the tone of %d Hz", who, 100*share, len(samples), hz)
		}
		return nil
	})
}

// reads waits until a window's screen says a name over the picture, as the window's own painter writes it, and makes
// sure that another name would not have passed.
func reads(t *testing.T, e *stage.Eyes, name, other string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "screen.png")
	eventually(t, func() error {
		screen, err := photograph(e, path)
		if err != nil {
			return err
		}
		if l := find(screen, name); l < 0.9 {
			return fmt.Errorf("the screen does not say %q (likeness %.2f)", name, l)
		}
		if l := find(screen, other); l > 0.7 {
			return fmt.Errorf("the screen says %q too (likeness %.2f): no evidence", other, l)
		}
		return nil
	})
}

// shows waits until a window's screen is filled with a card.
func shows(t *testing.T, e *stage.Eyes, texts card.Texts) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "screen.png")
	want := maskOf(card.Full(width, height, texts))
	eventually(t, func() error {
		screen, err := photograph(e, path)
		if err != nil {
			return err
		}
		if l := likeness(screen, 0, 0, want); l < 0.9 {
			return fmt.Errorf("the screen does not show the card %+v (likeness %.2f)", texts, l)
		}
		return nil
	})
}

// find is how well a name stands somewhere near the lower left corner of a dark picture.
func find(screen mask, name string) float64 {
	label := maskOf(card.Label(width, height, name, false))
	best := 0.0
	for top := height - 3*label.height; top <= height-label.height; top++ {
		for left := 0; left <= label.height; left++ {
			best = max(best, likeness(screen, left, top, label))
		}
	}
	return best
}

// likeness compares the letters of a text with what is on a screen from (left, top) to the right: the share of bright
// pixels of both that they have in common, 1 for all.
func likeness(screen mask, left, top int, text mask) float64 {
	both, either := 0, 0
	for y := range min(text.height, screen.height-top) {
		for x, s := range screen.row(top + y)[left:] { // what is bright beside the text counts against it
			l := x < text.width && text.bright[y*text.width+x]
			if s && l {
				both++
			}
			if s || l {
				either++
			}
		}
	}
	if either == 0 {
		return 0
	}
	return float64(both) / float64(either)
}

// mask says which pixels of a picture are bright, as letters are.
type mask struct {
	bright        []bool
	width, height int
}

func (m mask) row(y int) []bool { return m.bright[y*m.width : (y+1)*m.width] }

const bright = 150 // green, of 255

func maskOf(i card.Image) mask {
	m := mask{make([]bool, i.Width*i.Height), i.Width, i.Height}
	for n := range m.bright {
		m.bright[n] = i.Pixels[4*n+1] > bright
	}
	return m
}

// photograph looks at a whole screen.
func photograph(e *stage.Eyes, path string) (mask, error) {
	if err := e.Save(path); err != nil {
		return mask{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return mask{}, err
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		return mask{}, err
	}
	m := mask{make([]bool, img.Bounds().Dx()*img.Bounds().Dy()), img.Bounds().Dx(), img.Bounds().Dy()}
	for n := range m.bright {
		_, g, _, _ := img.At(n%m.width, n/m.width).RGBA()
		m.bright[n] = g>>8 > bright
	}
	return m, nil
}
