package phone

import (
	"errors"
	"fmt"
	"image"
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
		if likeness := find(screen, name); likeness < 0.9 {
			return fmt.Errorf("the screen does not say %q (likeness %.2f)", name, likeness)
		}
		if likeness := find(screen, other); likeness > 0.7 {
			return fmt.Errorf("the screen says %q too (likeness %.2f): no evidence", other, likeness)
		}
		return nil
	})
}

func photograph(e *stage.Eyes, path string) (image.Image, error) {
	if err := e.Save(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return png.Decode(f)
}

// find is how well a name stands somewhere near the lower left corner of a dark picture: the share of bright pixels of
// letters and picture that they have in common, 1 for all.
func find(screen image.Image, name string) float64 {
	label := card.Label(width, height, name, false)
	letters := func(x, y int) bool { return label.Pixels[4*(y*label.Width+x)] > 150 }
	bright := func(x, y int) bool {
		_, g, _, _ := screen.At(x, y).RGBA()
		return x < width && y < height && g>>8 > 150
	}
	best := 0.0
	for top := height - 3*label.Height; top <= height-label.Height; top++ {
		for left := 0; left <= label.Height; left++ {
			both, either := 0, 0
			for y := range label.Height {
				for x := range width - left { // what is bright beside the label counts against it
					l, b := x < label.Width && letters(x, y), bright(left+x, top+y)
					if l && b {
						both++
					}
					if l || b {
						either++
					}
				}
			}
			if either > 0 {
				best = max(best, float64(both)/float64(either))
			}
		}
	}
	return best
}
