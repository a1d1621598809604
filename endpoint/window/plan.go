package window

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"ewindow/dialplan/programme"
	"ewindow/endpoint/planfile"
)

// loadPlan takes up the plan that was kept, before anything runs.
func (w *Window) loadPlan(ctx context.Context) {
	p, err := planfile.Load(w.cfg.StateDir, w.cfg.Space)
	if err != nil {
		w.log.Error("a copy of the plan is not usable", "err", err)
	}
	if p != nil {
		w.log.Info("plan read from disk", "revision", p.Revision, "until", p.Until)
		w.leftOut(p)
		w.namer.name(w.named(p))
		w.step(ctx, Planned{p})
	}
}

func (w *Window) programme(ctx context.Context, body []byte) {
	p, err := programme.Decode(bytes.NewReader(body))
	if err == nil && p.Space != w.cfg.Space {
		err = fmt.Errorf("it is the plan of %q", p.Space)
	}
	if err != nil {
		w.log.Error("the registrar sent a plan that cannot be used; the old one is kept", "err", err)
		return
	}
	w.log.Info("plan received", "revision", p.Revision, "links", len(p.Links), "until", p.Until)
	w.leftOut(p)
	w.keeper.keep(p)
	w.namer.name(w.named(p))
	w.step(ctx, Planned{p})
}

// mostNamed bounds how many things a line of the log names.
const mostNamed = 5

// leftOut says what of a plan this window does not know; the rest of it holds.
func (w *Window) leftOut(p *programme.Programme) {
	if n := len(p.Strange); n > 0 {
		w.log.Warn("the plan holds something that this version of ewindow does not know: that is left out", "items", n,
			"what", strings.Join(p.Strange[:min(n, mostNamed)], "; "))
	}
}

// kept is what became of a plan on its way to the disk.
type kept struct{ err error }

func (w *Window) kept(k kept) {
	w.planProblem = ""
	if k.err != nil {
		w.planProblem = k.err.Error()
		w.log.Error("the plan could not be kept on disk; after a restart the registrar is needed", "err", k.err)
	}
	w.publish()
}

// keeper writes plans to disk, which may take its time: a worn SD card blocks for seconds.
type keeper struct {
	dir    string
	newest chan *programme.Programme // holds one: of those that wait only the newest matters
}

func newKeeper(dir string) *keeper {
	return &keeper{dir: dir, newest: make(chan *programme.Programme, 1)}
}

// keep leaves a plan to be written. The loop alone calls it.
func (k *keeper) keep(p *programme.Programme) {
	select {
	case <-k.newest:
	default:
	}
	k.newest <- p
}

// run writes until done is closed, and then what still waits.
func (k *keeper) run(done <-chan struct{}, tell func(any)) {
	save := func(p *programme.Programme) { tell(kept{planfile.Save(k.dir, p)}) }
	for {
		select {
		case p := <-k.newest:
			save(p)
		case <-done:
			select {
			case p := <-k.newest:
				save(p)
			default:
			}
			return
		}
	}
}
