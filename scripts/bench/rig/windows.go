package rig

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"ewindow/scripts/stage"
)

// Windows is two of ours, with the registrar that brings them together. The registrar's own load is not theirs.
type Windows struct {
	Dir, Bin  string           // for what they read and write; where the programs are
	Ends      *Ends            // nil: both on the loopback interface
	Log       io.Writer        // nil, or what gets all that they print
	Apart     *stage.Namespace // nil, or where the first window is instead of at the first end (Ends.Part)
	Tap       *Tap             // nil, or what writes down what the first one's encoder makes; it needs Ends
	Sound     [2]Sound         // of each; their zero value is a test tone, and nobody who hears it
	network   *stage.Network
	processes []*stage.Process
	out       *tail
}

// Sound is a window's microphone and speaker, in the words of its file.
type Sound struct{ Microphone, Speaker string }

// Start is System's.
func (w *Windows) Start(ctx context.Context, x Screens) error {
	w.out = newTail()
	spaces := [2]string{"milano", "munich"}
	w.network = &stage.Network{
		Dir: w.Dir, Bin: w.Bin, Dialplan: stage.Open(spaces[0], spaces[1]),
		Lines: func(name string, line []byte) {
			fmt.Fprintf(w.out, "%s: %s\n", name, line)
			if w.Log != nil {
				fmt.Fprintf(w.Log, "%s: %s\n", name, line)
			}
		},
	}
	var environment []string
	media := ""
	if w.Tap != nil {
		var err error
		if media, err = os.Executable(); err != nil {
			return err
		}
		if environment, err = w.Tap.environment(w.Bin); err != nil {
			return err
		}
	}
	for i, space := range spaces {
		sound := w.Sound[i]
		if sound == (Sound{}) {
			sound = Sound{Microphone: "test", Speaker: "none"}
		}
		w.network.Windows = append(w.network.Windows, stage.Window{
			Space: space, Camera: "x11:" + x.Camera, Screen: "x11:" + x.Window[i], Microphone: sound.Microphone, Speaker: sound.Speaker,
			Width: Width, Height: Height, FPS: FPS, Kbps: Kbps,
		})
	}
	w.network.Windows[0].Media = media
	if w.Ends != nil { // the registrar is at the first
		w.network.Host, w.network.TLS, w.network.SIP = w.Ends.Address(0), 5061, 5060
		w.network.Enter = func(name string) []string {
			switch {
			case name == spaces[1]:
				return w.Ends.Enter(1)
			case name == spaces[0] && w.Apart != nil:
				return append(w.Apart.Enter(), environment...)
			}
			return append(w.Ends.Enter(0), environment...)
		}
	}
	if w.Apart != nil {
		w.network.Serve = []string{"--relay-allow", partedRange}
	}
	if err := w.network.Write(); err != nil {
		return err
	}
	if err := w.network.Confirm(); err != nil { // the bench looks at every part of the picture
		return err
	}
	if _, err := w.network.StartRegistrar(ctx); err != nil {
		return err
	}
	for _, window := range w.network.Windows {
		p, err := w.network.StartWindow(window)
		if err != nil {
			return err
		}
		w.processes = append(w.processes, p)
	}
	return nil
}

// Budget is what the pictures of the first window may take, in kbit/s; 0 while nobody knows.
func (w *Windows) Budget() int {
	s, err := w.network.Status(w.network.Windows[0].Space)
	if err != nil {
		return 0
	}
	for _, c := range s.Calls {
		if c.Up {
			return c.Figures.Budget
		}
	}
	return 0
}

// Paths are how the media of the two go, as they say.
func (w *Windows) Paths() (paths [2]string) {
	for i := range paths {
		s, err := w.network.Status(w.network.Windows[i].Space)
		if err != nil {
			continue
		}
		for _, c := range s.Calls {
			if c.Up {
				paths[i] = c.Path
			}
		}
	}
	return paths
}

// Called says since when the second window is in a call; ok is false while it is in none.
func (w *Windows) Called() (since time.Time, ok bool) {
	s, err := w.network.Status(w.network.Windows[1].Space)
	if err != nil {
		return since, false
	}
	for _, c := range s.Calls {
		if c.Up {
			return c.Since, true
		}
	}
	return since, false
}

// Processes is System's.
func (w *Windows) Processes() []int {
	var pids []int
	for _, p := range w.processes {
		pids = append(pids, p.PID())
	}
	return pids
}

// Stop is System's.
func (w *Windows) Stop() string {
	if w.network != nil {
		w.network.Close()
	}
	return w.out.String()
}
