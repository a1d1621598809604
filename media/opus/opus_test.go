package opus

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   time.Duration
	}{
		{nil, 0}, {[]byte{0x78}, 20 * time.Millisecond}, {[]byte{0x00}, 10 * time.Millisecond}, {[]byte{0x18}, 60 * time.Millisecond},
		{[]byte{0x80}, 2500 * time.Microsecond}, {[]byte{0x99}, 40 * time.Millisecond}, {[]byte{0x7b, 3}, 60 * time.Millisecond},
		{[]byte{0x7b}, 0}, {[]byte{0x1b, 2}, 120 * time.Millisecond}, {[]byte{0x1b, 63}, 0},
	} {
		if got := Duration(c.packet); got != c.want {
			t.Errorf("% x: %v, want %v", c.packet, got, c.want)
		}
	}
}
