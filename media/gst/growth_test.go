//go:build !race

package main

import (
	"testing"
	"time"

	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
)

// Pictures of other sizes, as when the path gets worse and better, leave nothing behind that lasts. The race detector has memory
// of its own, the more the busier the machine is.
func TestSizesThatComeAndGoLeaveNoMemoryBehind(t *testing.T) {
	t.Parallel()
	screen := start(t, screenRole(protocol.ScreenConfig{Sink: "none", Width: 1280, Height: 720}))
	screen.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Milano"}})
	screen.event(protocol.Ready, "", 3*time.Second)
	round := func() {
		for _, size := range [][2]uint32{{80, 45}, {40, 23}, {60, 34}, {20, 12}} { // in blocks of 16 × 16 pixels
			for _, au := range enginetest.Grey(size[0], size[1], 1, 12) {
				screen.send(protocol.Frame{Data: au})
				time.Sleep(10 * time.Millisecond)
			}
		}
		screen.progresses(2, 3*time.Second)
	}
	round()
	before := screen.memory(t, "RssAnon")
	for range 6 {
		round()
	}
	after := screen.memory(t, "RssAnon")
	t.Logf("%d MiB, later %d", before, after)
	if after > before+3 {
		t.Errorf("its own memory has grown from %d to %d MiB", before, after)
	}
}
