package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
)

// parent is the way to ewindow. A parent that does not read makes writers wait: then raw pictures are dropped before
// the encoder, never coded ones, and progress is no longer reported.
type parent struct {
	mu      sync.Mutex
	w       io.Writer
	message []byte // memory for the next frame
}

// event tells ewindow something. That the parent is gone shows at the reading end.
func (p *parent) event(e protocol.Event) { _ = p.tell(e) }

func (p *parent) tell(e protocol.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return protocol.WriteJSON(p.w, protocol.TypeEvent, e)
}

// starts says what the start waits for from now on.
func (p *parent) starts(what string) {
	p.event(protocol.Event{Kind: protocol.Starting, Text: what})
}

func (p *parent) frame(f protocol.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.message, err = protocol.AppendFrame(p.message[:0], f); err == nil {
		_, _ = p.w.Write(p.message)
	}
}

// failed says why the role ends, and returns its exit status.
func (p *parent) failed(err error) int {
	if err == nil {
		return 0
	}
	if p.tell(protocol.Event{Kind: protocol.Failed, Text: err.Error()}) != nil { // else the parent logs it, seldom if it lasts
		fmt.Fprintln(os.Stderr, "ewindow-media:", err)
	}
	return 1
}

// A pulse reports progress: at most five times a second, and only when the count has grown since.
type pulse struct {
	p     *parent
	count atomic.Uint64
	told  uint64
	at    time.Time
}

// beat is called at least every 100 ms by the role's main loop. It says whether it has reported.
func (b *pulse) beat(now time.Time) bool {
	n := b.count.Load()
	if n == b.told || now.Sub(b.at) < 190*time.Millisecond {
		return false
	}
	b.told, b.at = n, now
	b.p.event(protocol.Event{Kind: protocol.Progress, Frames: n})
	return true
}

// beating reports progress while a role is made, before its main loop does. It is granted time; what takes longer hangs.
type beating struct {
	pulse *pulse
	until atomic.Pointer[time.Time]
	stop  chan struct{}
	done  sync.WaitGroup
}

// beginBeating begins at once.
func beginBeating(p *pulse, grant time.Duration) *beating {
	b := &beating{pulse: p, stop: make(chan struct{})}
	b.grant(grant)
	b.done.Go(b.run)
	return b
}

// grant gives so much time from now on.
func (b *beating) grant(d time.Duration) {
	until := time.Now().Add(d)
	b.until.Store(&until)
}

func (b *beating) run() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for now := time.Now(); now.Before(*b.until.Load()); {
		b.pulse.count.Add(1)
		b.pulse.beat(now)
		select {
		case <-b.stop:
			return
		case now = <-tick.C:
		}
	}
	<-b.stop
}

func (b *beating) end() {
	close(b.stop)
	b.done.Wait()
}

// monotonic is the time of CLOCK_MONOTONIC in ns, which all processes of a machine share. Go counts by that clock as well, and
// reads it without a system call.
func monotonic() int64 { return atStart.clock + int64(time.Since(atStart.ours)) }

// atStart is one moment by both.
var atStart = func() (s struct {
	clock int64
	ours  time.Time
}) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // cannot happen: the clock always exists
	}
	s.clock, s.ours = t.Nano(), time.Now()
	return s
}()
