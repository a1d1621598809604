package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"ewindow/registrar/signal/ask"
	"ewindow/scripts/stage"
)

// What windows show: enough to see a call, and little to compute, since two cores may have it all to do.
const (
	width, height = 640, 360
	fps, kbps     = 15, 500
)

// scene is a cell with everybody in it.
type scene struct {
	cell
	options
	world     *world
	network   *stage.Network
	displays  []*stage.Display
	watchers  [2]*watcher // of milano's screen, which is to show munich, and of munich's
	registrar *stage.Process
	windows   [2]*stage.Process
	coturn    coturn
	log       *logs
}

// open builds the world of a cell and starts everybody. It has to be closed, also after an error.
func open(ctx context.Context, c cell, o options, dir string) (s *scene, err error) {
	s = &scene{cell: c, options: o}
	if s.log, err = openLogs(o.logs); err != nil {
		return s, err
	}
	if s.world, err = build(ctx, c); err != nil {
		return s, err
	}
	address := s.world.registrar.has.address.Addr().String()
	s.network = &stage.Network{Dir: dir, Bin: o.bin, Host: address, TLS: 5061, SIP: 5060, Serve: o.serve(c, address, dir),
		Dialplan: stage.Open(spaces[0], spaces[1]), Lines: s.log.line, Enter: s.enter}
	for side, space := range spaces {
		d, err := stage.StartXvfb(ctx, width, height)
		if err != nil {
			return s, err
		}
		s.displays = append(s.displays, d)
		if s.watchers[side], err = watch(ctx, d.Name, spaces[1-side]); err != nil {
			return s, err
		}
		s.network.Windows = append(s.network.Windows, stage.Window{Space: space, Camera: "test", Microphone: "test", Speaker: "none",
			Screen: "x11:" + d.Name, Width: width, Height: height, FPS: fps, Kbps: kbps})
	}
	if err := s.network.Write(); err != nil {
		return s, err
	}
	if c.elsewhere {
		if err := s.coturn.start(ctx, s.world.registrar, dir); err != nil {
			return s, err
		}
	}
	if s.registrar, err = s.network.StartRegistrar(ctx); err != nil {
		return s, err
	}
	for side := range s.windows {
		if err := s.startWindow(side); err != nil {
			return s, err
		}
	}
	return s, nil
}

// enter is the command by which a program runs on its machine.
func (s *scene) enter(name string) []string {
	for side, space := range spaces {
		if space == name {
			return s.world.windows[side].Enter()
		}
	}
	return s.world.registrar.Enter()
}

func (s *scene) startWindow(side int) (err error) {
	s.windows[side], err = s.network.StartWindow(s.network.Windows[side])
	return err
}

func (s *scene) restartWindow(side int) error {
	s.windows[side].Kill()
	return s.startWindow(side)
}

func (s *scene) restartRegistrar(ctx context.Context) (err error) {
	s.registrar.Kill()
	s.registrar, err = s.network.StartRegistrar(ctx)
	return err
}

// ended is an error if a program is gone that should run.
func (s *scene) ended() error {
	for _, p := range []*stage.Process{s.registrar, s.windows[0], s.windows[1]} {
		select {
		case <-p.Ended():
			return p.Err()
		default:
		}
	}
	return nil
}

// said is what a window says of itself, as far as the lab asks.
type said struct {
	Calls []struct {
		Peer string `json:"peer"`
		Up   bool   `json:"up"`
		Path string `json:"path"` // by which its media goes; a program that knows of no paths says nothing
	} `json:"calls"`
	Screen struct {
		Title  string `json:"title"`
		Reason string `json:"reason"`
		Notice string `json:"notice"`
	} `json:"screen"`
}

// ask asks a window. One that is not up yet, or not any more, says nothing.
func (s *scene) ask(side int) (a said) {
	a, _ = ask.Read[said](filepath.Join(s.network.Dir, spaces[side]), "window")
	return a
}

// calling says whether a window is in a call, or makes one.
func (s *scene) calling() bool { return len(s.ask(0).Calls)+len(s.ask(1).Calls) > 0 }

// way is the path by which a window's call goes.
func (s *scene) way(side int) string {
	for _, c := range s.ask(side).Calls {
		if c.Up && c.Path != "" {
			return c.Path
		}
	}
	return ""
}

// screens is what stands on them, for people.
func (s *scene) screens() string {
	var text [2]string
	for side := range text {
		a := s.ask(side)
		text[side] = strings.TrimSpace(fmt.Sprintf("%s shows %q %s %s", spaces[side], a.Screen.Title, a.Screen.Reason, a.Screen.Notice))
	}
	return text[0] + "; " + text[1]
}

// close takes everything down again, and keeps what is asked for.
func (s *scene) close(ctx context.Context) error {
	var err error
	for side, w := range s.watchers {
		if w != nil {
			err = errors.Join(err, s.log.screen(spaces[side], w.eyes))
			w.close()
		}
	}
	if s.world != nil {
		err = errors.Join(err, s.log.routers(ctx, s.world))
	}
	if s.network != nil {
		s.network.Close()
	}
	s.coturn.close()
	for _, d := range s.displays {
		err = errors.Join(err, d.Close())
	}
	if s.world != nil {
		s.world.close()
	}
	if s.log != nil {
		err = errors.Join(err, s.log.close())
	}
	return err
}

const (
	told     = 2 * time.Second  // how long something may take without a word
	repeated = 10 * time.Second // how long without the same word
)

// until waits until something is so, and says after two seconds, and again, what it waits for. ok is false if it never was within the limit.
func (s *scene) until(ctx context.Context, limit time.Duration, say func(string), what func() string, so func() (bool, error)) (ok bool, err error) {
	begin, spoke, word := time.Now(), time.Now(), ""
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		ok, err := so()
		if ok || err != nil {
			return ok, err
		}
		if err := s.ended(); err != nil {
			return false, err
		}
		if time.Since(begin) > limit {
			return false, nil
		}
		if since := time.Since(spoke); since >= told {
			if text := what(); text != word || since >= repeated {
				say(fmt.Sprintf("%s (%.0f s of %.0f): %s", s.name, time.Since(begin).Seconds(), limit.Seconds(), text))
				spoke, word = time.Now(), text
			}
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-ticker.C:
		}
	}
}
