package media

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
)

// Parameter sets of Baseline, with start code.
var (
	sps8K  = []byte{0, 0, 0, 1, 0x67, 0x42, 0x00, 0x1f, 0xe5, 0x08, 0x80, 0x10, 0x00, 0x04, 0x3b, 0x20} // 8192×4320, 16 reference frames
	spsRef = []byte{0, 0, 0, 1, 0x67, 0x42, 0x00, 0x1f, 0xe5, 0x08, 0x80, 0xf0, 0x04, 0x4c, 0x80}       // 1920×1088, 16 reference frames
	sps4K  = []byte{0, 0, 0, 1, 0x67, 0x42, 0x00, 0x1f, 0xe5, 0x40, 0x1e, 0x00, 0x21, 0xf2}             // 3840×2160, one
)

// said counts the log's lines with a text.
type said struct {
	slog.Handler
	text  string
	lines int
}

func (s *said) Enabled(context.Context, slog.Level) bool { return true }
func (s *said) WithAttrs([]slog.Attr) slog.Handler       { return s }

func (s *said) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, s.text) {
		s.lines++
	}
	return nil
}

// What asks for more than was agreed reaches no decoder, nor does what depends on it; a good keyframe ends that.
func TestPicturesBeyondTheLevelAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		sps  []byte
		does string
		why  string
	}{
		"size":       {sps8K, "from the start", "8192×4320 pixels"},
		"references": {spsRef, "later", "16 frames"},
		"size later": {sps8K, "later", "8192×4320 pixels"},
		"unreadable": {sps8K[:9], "later", "it ends too early"},
		"new sender": {sps8K, "new sender", "8192×4320 pixels"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := call(t, perfect())
				log := &said{Handler: slog.DiscardHandler, text: "are not decoded"}
				b.video.log = slog.New(log)
				if c.does != "from the start" {
					talk(time.Second, a, b)
				}
				settle(50 * time.Millisecond)
				before, _, _ := b.rec.counts()
				asked := b.Stats().KeyframesAsked
				a.enc.sps = c.sps
				if c.does == "new sender" {
					a.video.t.collide()
				}
				a.enc.forceKey()
				talk(3*time.Second, a, b)
				settle(50 * time.Millisecond)
				s := b.Stats()
				if after, _, _ := b.rec.counts(); after != before {
					t.Errorf("%d pictures reached the decoder", after-before)
				}
				if n := s.KeyframesAsked - asked; n < 8 || n > 11 {
					t.Errorf("asked %d times in 3 s, want once every 300 ms", n)
				}
				if s.VideoRefused < 80 || !strings.Contains(s.VideoRefusal, c.why) || s.VideoHeldSince.IsZero() {
					t.Errorf("%d refused: %q", s.VideoRefused, s.VideoRefusal)
				}
				if log.lines != 1 {
					t.Errorf("said %d times, want once", log.lines)
				}
				a.enc.sps = nil
				talk(time.Second, a, b)
				settle(50 * time.Millisecond)
				after, _, _ := b.rec.counts()
				if s := b.Stats(); after-before < 15 || !s.VideoHeldSince.IsZero() {
					t.Errorf("%d pictures in the second after it ended", after-before)
				}
				hangUp(a, b)
			})
		})
	}
}

// A larger level that was agreed counts.
func TestLargePicturesThatWereAgreedAreDecoded(t *testing.T) {
	for level, want := range map[uint8]bool{31: false, 51: true} {
		synctest.Test(t, func(t *testing.T) {
			accepts := func(_, b *negotiate.Description) { b.Video.Accepts = negotiate.H264Profile{IDC: 66, Level: level} }
			a, b := call(t, perfect(), accepts)
			a.enc.sps = sps4K
			talk(time.Second, a, b)
			settle(50 * time.Millisecond)
			if n, _, _ := b.rec.counts(); (n > 20) != want {
				t.Errorf("4K at level %d: %d pictures", level, n)
			}
			hangUp(a, b)
		})
	}
}

// A sender that is new starts without the parameter sets of the one before.
func TestNewSenderStartsWithoutParameterSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		talk(time.Second, a, b)
		settle(50 * time.Millisecond)
		before, _, _ := b.rec.counts()
		a.rec.whenAsked(nil)
		a.video.t.collide()
		bare := func() { // an IDR picture without sets
			a.enc.forceKey()
			au := a.enc.next()
			au.Data = bytes.TrimPrefix(au.Data, a.enc.sets())
			a.SendVideo(au)
			settle(50 * time.Millisecond)
		}
		bare()
		bare()
		if after, _, _ := b.rec.counts(); after != before {
			t.Error("a picture of the new sender was decoded by the sets of the old one")
		}
		a.rec.whenAsked(a.enc.forceKey)
		talk(time.Second, a, b)
		hangUp(a, b)
	})
}
