package loglimit

import (
	"log/slog"
	"time"
)

// Bounds of what one cause may write: at once, and bytes a second afterwards. Two may cause each other's lines, a window
// and its partner, a camera and the calls that it costs: together they stay below a megabyte.
var (
	perCause = allowance{burst: 64 << 10, rate: 4}    // 411 KB on the first day, 346 KB on each other
	perKind  = allowance{burst: 16 << 10, rate: 1.25} // of them, one message: 124 KB and 108 KB
)

// maxKinds bounds how many causes and messages are remembered. More share one allowance.
const maxKinds = 4096

// others is the cause that all beyond maxKinds share.
func others() cause { return cause{"others", "others"} }

// An allowance is how much may be written.
type allowance struct {
	burst float64 // bytes at once
	rate  float64 // bytes a second
}

// A bucket is what is left of an allowance: below zero when a line was longer than what was left.
type bucket struct {
	left float64
	at   time.Time // when left was right
}

func (a allowance) full(now time.Time) bucket { return bucket{left: a.burst, at: now} }

// refill brings b up to date. A clock that was set back gives nothing, and takes nothing.
func (b *bucket) refill(a allowance, now time.Time) float64 {
	if d := now.Sub(b.at); d > 0 {
		b.left = min(a.burst, b.left+d.Seconds()*a.rate)
	}
	b.at = now
	return b.left
}

// A cause is who, by the name in its lines, and what message.
type cause struct{ who, kind string }

// An entry is what is known of a cause's message.
type entry struct {
	kind   bucket
	whole  *bucket // of all messages of the cause
	missed int     // left out since the last line
	since  time.Time
}

func (e *entry) take(bytes int) {
	e.kind.left -= float64(bytes)
	e.whole.left -= float64(bytes)
}

// open says whether a line may be written now.
func (e *entry) open(now time.Time) bool {
	kind, whole := e.kind.refill(perKind, now), e.whole.refill(perCause, now)
	return kind > 0 && whole > 0
}

// causes are all who have proved who they are, and the program itself, which has no name.
type causes struct {
	entries map[cause]*entry
	whole   map[string]*bucket
	swept   time.Time // when forget last looked
}

func newCauses() causes { return causes{entries: map[cause]*entry{}, whole: map[string]*bucket{}} }

// admit decides about a line. If it may be written, its bytes are to be taken from the entry.
func (c *causes) admit(by cause, now time.Time) (*entry, bool) {
	e := c.entry(by, now)
	if !e.open(now) {
		e.missed++
		e.since = now
		return e, false
	}
	return e, true
}

func (c *causes) entry(by cause, now time.Time) *entry {
	if e := c.entries[by]; e != nil {
		return e
	}
	if len(c.entries) >= maxKinds {
		c.forget(now)
	}
	if len(c.entries) >= maxKinds && by != others() {
		return c.entry(others(), now)
	}
	e := &entry{kind: perKind.full(now), whole: c.whole[by.who]}
	if e.whole == nil {
		full := perCause.full(now)
		e.whole = &full
		c.whole[by.who] = e.whole
	}
	c.entries[by] = e
	return e
}

// forget drops what is as good as new. It looks at everything, and so not for each newcomer.
func (c *causes) forget(now time.Time) {
	if d := now.Sub(c.swept); d >= 0 && d < time.Second {
		return
	}
	c.swept = now
	used := map[string]bool{}
	for by, e := range c.entries {
		e.open(now) // brings both up to date
		if e.missed == 0 && e.kind.left >= perKind.burst && e.whole.left >= perCause.burst {
			delete(c.entries, by)
		} else {
			used[by.who] = true
		}
	}
	for name := range c.whole {
		if !used[name] {
			delete(c.whole, name)
		}
	}
}

// quiet is how long a cause must have been silent before its count is said by itself: otherwise its next line says it.
const quiet = time.Minute

// summarise says what is still to be said of causes that have become quiet.
func (c *causes) summarise(now time.Time, say func(time.Time, func(int), ...slog.Attr)) {
	for by, e := range c.entries {
		if e.missed > 0 && now.Sub(e.since) >= quiet && e.open(now) {
			say(now, e.take, slog.String("of", by.kind), slog.String("by", by.who), slog.Int("left_out", e.missed))
			e.missed = 0
		}
	}
}
