package window

import (
	"testing"
	"time"

	"ewindow/media"
)

// Why pictures are refused is said for as long as that keeps the screen from showing any.
func TestFiguresSayWhyPicturesAreRefused(t *testing.T) {
	s := media.Stats{VideoHeld: 7, VideoRefused: 5, VideoRefusal: "too large", VideoHeldSince: time.Unix(1, 0)}
	if f := figures(s); f.Refused != "too large" || f.Held != 7 {
		t.Errorf("while it lasts: %+v", f)
	}
	s.VideoHeldSince = time.Time{}
	if f := figures(s); f.Refused != "" || f.Held != 7 {
		t.Errorf("when it is over: %+v", f)
	}
}
