// Package rig is what the benches share: two windows of some system, ours or another, that film one X display and show each
// other's picture on displays of their own, and the glass by which the picture is judged from outside.
package rig

import (
	"context"

	"ewindow/scripts/stage"
)

// What every system is asked for.
const (
	Width, Height = 1280, 720
	FPS           = 30
	Kbps          = 2000
)

// System is what is measured: two windows in a call.
type System interface {
	// Start starts both windows; the second one's picture is measured.
	Start(ctx context.Context, s Screens) error
	// Processes are the process numbers of the two windows; their children count too.
	Processes() []int
	// Stop ends them and returns the last lines that they printed.
	Stop() string
}

// Screens are X displays by name, such as ":101".
type Screens struct {
	Camera string    // what both windows film
	Window [2]string // where they show what they see
}

// OpenScreens starts the three X servers. Those of the windows have so many pixels below the picture.
func OpenScreens(ctx context.Context, below int) (x Screens, closeAll func(), err error) {
	var open []*stage.Display
	closeAll = func() {
		for _, d := range open {
			_ = d.Close()
		}
	}
	for i, name := range []*string{&x.Camera, &x.Window[0], &x.Window[1]} {
		height := Height
		if i > 0 {
			height += below
		}
		d, err := stage.StartXvfb(ctx, Width, height)
		if err != nil {
			closeAll()
			return x, nil, err
		}
		open = append(open, d)
		*name = d.Name
	}
	return x, closeAll, nil
}
