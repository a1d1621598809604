// Command sync measures lip sync between two windows from outside: a lamp that flashes on the display that one films, and a beep
// that its microphone hears, are looked for on the screen and the speaker of the other, at the far end of a line.
//
//	lamp on an X display ─▶ window A ─▶ TUN ═ lab/impair ═ TUN ─▶ window B ─▶ X display: when is it bright?
//	beep into a null sink ─▶                                                ─▶ null sink: when does it sound?
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/jezek/xgb"

	"ewindow/scripts/bench/rig"
	"ewindow/scripts/lab/impair"
	"ewindow/scripts/stage"
)

const (
	startLimit = 40 * time.Second
	settle     = 8 * time.Second
	earliest   = -45.0 // ms: by how much sound may come after its picture, at least and at most
	latest     = 125.0
)

var lines = []struct {
	text string
	line impair.Conditions
}{
	{"clean", impair.Conditions{}},
	{"5 % loss, RTT 80 ms", impair.Conditions{Loss: 0.05, Delay: 40 * time.Millisecond}},
}

func main() {
	seconds := flag.Int("seconds", 30, "how long to measure on each line; there is a flash each 1.6 s")
	bin := flag.String("bin", "bin", "directory of the programs")
	flag.Parse()
	xgb.Logger.SetOutput(io.Discard) // it reports each missing .Xauthority
	stage.Main("bench-sync", func(ctx context.Context) error { return run(ctx, *bin, *seconds) })
}

func run(ctx context.Context, bin string, seconds int) error {
	fmt.Print("How much later sound comes than its picture, ms: median (least … most); goal -45 … 125\n\n| line | | |\n|---|---|---|\n")
	for i, l := range lines {
		fmt.Fprintf(os.Stderr, "bench-sync: %s, %d s\n", l.text, seconds)
		got, err := measure(ctx, bin, l.line, uint64(i)+1, time.Duration(seconds)*time.Second)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Printf("| %s | nothing: %v | |\n", l.text, err)
			continue
		}
		fmt.Fprintf(os.Stderr, "bench-sync: each, ms: %.0f\n", got)
		slices.Sort(got)
		fmt.Printf("| %s | %.0f (%.0f … %.0f) | %s |\n", l.text, got[len(got)/2], got[0], got[len(got)-1], verdict(got))
	}
	return nil
}

// verdict is about each flash, and leaves out one in twenty: one may be missed on either way.
func verdict(skews []float64) string {
	outside := 0
	for _, s := range skews {
		if s < earliest || s > latest {
			outside++
		}
	}
	if 20*outside > len(skews) {
		return fmt.Sprintf("**missed** by %d of %d", outside, len(skews))
	}
	return fmt.Sprintf("met by %d of %d", len(skews)-outside, len(skews))
}

// measure returns by how many ms sound came after its picture, for each flash.
func measure(ctx context.Context, bin string, line impair.Conditions, seed uint64, d time.Duration) (all []float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	dir, err := os.MkdirTemp("", "ewindow-sync")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	x, closeAll, err := rig.OpenScreens(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	room, err := stage.OpenRoom(ctx)
	if err != nil {
		return nil, err
	}
	defer room.Close()
	microphone, near, sound, err := room.Microphone(ctx, "near")
	if err != nil {
		return nil, err
	}
	defer sound.Close()
	speaker, far, err := room.Speaker(ctx, "far")
	if err != nil {
		return nil, err
	}
	ends, err := rig.MakeEnds(ctx)
	if err != nil {
		return nil, err
	}
	defer ends.Remove()
	devices, err := ends.LayLine(ctx)
	if err != nil {
		return nil, err
	}
	relay := impair.NewRelay(devices[0], devices[1], line, seed)
	wg.Go(func() { _ = relay.Run(ctx) })
	l, err := openLamp(x.Camera)
	if err != nil {
		return nil, err
	}
	defer l.conn.Close()
	var flashed, flashes []time.Time
	var errs [4]error
	var heardNear, heardFar *recorder
	signals, done := context.WithCancel(ctx)
	defer done()
	var watchers sync.WaitGroup
	watchers.Go(func() {
		errs[0] = signal(signals, l, sound, func(t time.Time) { flashed = append(flashed, t) })
	})
	w := &rig.Windows{Dir: filepath.Join(dir, "windows"), Bin: bin, Ends: ends,
		Sound: [2]rig.Sound{{Microphone: microphone, Speaker: "none"}, {Microphone: "none", Speaker: speaker}}}
	defer func() {
		if said := w.Stop(); err != nil {
			fmt.Fprint(os.Stderr, said)
		}
	}()
	if err = w.Start(ctx, x); err == nil {
		err = awaitCall(ctx, w)
	}
	if err != nil {
		done()
		watchers.Wait()
		return nil, errors.Join(err, errs[0])
	}
	begin := time.Now().Add(settle)
	watchers.Go(func() { flashes, errs[1] = look(signals, x.Window[1]) })
	watchers.Go(func() { heardNear, errs[2] = listen(signals, near) })
	watchers.Go(func() { heardFar, errs[3] = listen(signals, far) })
	select {
	case <-time.After(time.Until(begin.Add(d))):
	case <-ctx.Done():
	}
	done()
	watchers.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	beeped, err := heardNear.beeps()
	if err != nil {
		return nil, err
	}
	beeps, err := heardFar.beeps()
	if err != nil {
		return nil, err
	}
	since := func(times []time.Time) (later []time.Time) {
		for _, t := range times {
			if t.After(begin) {
				later = append(later, t)
			}
		}
		return later
	}
	flashed = since(flashed)
	for _, s := range skews(flashed, flashes, beeped, beeps) {
		all = append(all, s.Seconds()*1000)
	}
	fmt.Fprintf(os.Stderr, "bench-sync: flashed %d times, %d seen; %d beeps at the microphone, %d at the speaker; %d pairs\n",
		len(flashed), len(since(flashes)), len(since(beeped)), len(since(beeps)), len(all))
	if 2*len(all) < len(flashed) || len(all) == 0 {
		return nil, fmt.Errorf("%d of %d flashes have come with their beep", len(all), len(flashed))
	}
	return all, nil
}

// awaitCall waits until the windows are in a call.
func awaitCall(ctx context.Context, w *rig.Windows) error {
	for limit := time.Now().Add(startLimit); time.Now().Before(limit); {
		if _, ok := w.Called(); ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("no call within %v", startLimit)
}
