package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"time"

	"ewindow/media/gst/card"
)

// readPPM reads a picture as QEMU writes it (P6, 255 levels).
func readPPM(b []byte) (*image.RGBA, error) {
	var width, height, most int
	r := bytes.NewReader(b)
	if _, err := fmt.Fscanf(r, "P6\n%d %d\n%d\n", &width, &height, &most); err != nil || most != 255 || width < 1 || height < 1 || r.Len() != 3*width*height {
		return nil, errors.New("the screen is no whole picture yet")
	}
	pixels := b[len(b)-r.Len():]
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		img.SetRGBA(i%width, i/width, color.RGBA{pixels[3*i], pixels[3*i+1], pixels[3*i+2], 255})
	}
	return img, nil
}

// shoot leaves a picture of the screen as NAME.png.
func (t *trial) shoot(name string) (*image.RGBA, error) {
	ppm := filepath.Join(t.dir, "screen.ppm")
	if err := t.board.Screen(ppm); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(ppm)
	if err != nil {
		return nil, err
	}
	img, err := readPPM(b)
	if err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(t.dir, name+".png"))
	if err != nil {
		return nil, err
	}
	return img, errors.Join(png.Encode(f, img), f.Close())
}

// unlike is how much of a picture is not as the card would be drawn here, from 0 to 1. Another Debian's fonts differ a little.
func unlike(img *image.RGBA, want card.Texts) float64 {
	b := img.Bounds()
	drawn := card.Full(b.Dx(), b.Dy(), want)
	far := func(a, b byte) bool { return max(a, b)-min(a, b) > 40 }
	other := 0
	for i := range b.Dx() * b.Dy() {
		s, w := img.Pix[4*i:], drawn.Pixels[4*i:]
		if far(s[0], w[2]) || far(s[1], w[1]) || far(s[2], w[0]) {
			other++
		}
	}
	return float64(other) / float64(b.Dx()*b.Dy())
}

// sees waits until the screen shows a card.
func (t *trial) sees(ctx context.Context, name string, want card.Texts) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		img, err := t.shoot(name)
		how := 1.0
		if err == nil {
			if how = unlike(img, want); how < 0.01 {
				t.say("ok    the screen says %q (%.2f %% of its points differ)", want.Title+": "+want.Reason, 100*how)
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the screen does not show %q: %.1f %% of its points differ, %v; see %s.png", want, 100*how, err, name)
		case <-time.After(time.Second):
		}
	}
}
