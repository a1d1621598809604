package main

import (
	"context"
	"fmt"

	"ewindow/scripts/stage"
)

// windows is two of ours, with the registrar that brings them together. The registrar's own load is not theirs.
type windows struct {
	dir, bin  string
	network   *stage.Network
	processes []*stage.Process
	out       *tail
}

func (w *windows) Start(ctx context.Context, x screens) error {
	w.out = newTail()
	spaces := [2]string{"milano", "munich"}
	w.network = &stage.Network{
		Dir: w.dir, Bin: w.bin, Dialplan: stage.Open(spaces[0], spaces[1]),
		Lines: func(name string, line []byte) { fmt.Fprintf(w.out, "%s: %s\n", name, line) },
	}
	for i, space := range spaces {
		w.network.Windows = append(w.network.Windows, stage.Window{
			Space: space, Camera: "x11:" + x.camera, Screen: "x11:" + x.window[i], Microphone: "test", Speaker: "none",
			Width: width, Height: height, FPS: fps, Kbps: kbps,
		})
	}
	if err := w.network.Write(); err != nil {
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

func (w *windows) Processes() []int {
	var pids []int
	for _, p := range w.processes {
		pids = append(pids, p.PID())
	}
	return pids
}

func (w *windows) Stop() string {
	if w.network != nil {
		w.network.Close()
	}
	return w.out.String()
}
