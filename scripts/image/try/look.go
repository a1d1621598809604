package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"time"

	"ewindow/media/gst/card"
)

// shoot leaves a picture of the screen as NAME.png.
func (t *trial) shoot(name string) (*image.RGBA, error) {
	img, err := t.board.Screen()
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
