// Package impair is a bad line: delay, jitter, loss at random or in bursts, a bottleneck with a queue, cuts. Where the kernel has
// no network emulation (netem), a Relay between two devices does the same, in real time or in simulated time.
//
//	device a ──▶ cut? ─▶ loss ─▶ bottleneck, queue ─▶ delay, jitter ──▶ device b       the same again from b to a
//
// What happens to a packet is said by Way, which knows no clock: every chance is drawn from a seed, so that the same packets at
// the same times have the same fate.
package impair

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Conditions of a line; they hold each way. Its zero value is a perfect line.
type Conditions struct {
	Delay  time.Duration // one way: half of the round trip
	Jitter time.Duration // at most so much is added to Delay; it keeps the order
	Loss   float64       // share of packets that do not arrive, 0 to 1
	Burst  float64       // packets that are lost in a row, on average (Gilbert's model); 0 and 1: each by itself
	Kbps   int           // a bottleneck that packets pass one after the other; 0 for none
	Queue  time.Duration // what waits before the bottleneck at most, at its rate; the rest is lost
	MTU    int           // bytes of a packet, headers included; larger ones are lost, and nobody is told. 0: any
}

// Check says what no line can be like.
func (c Conditions) Check() error {
	switch {
	case c.Delay < 0 || c.Jitter < 0 || c.Queue < 0:
		return errors.New("a line cannot have a negative delay, jitter or queue")
	case c.MTU < 0:
		return fmt.Errorf("a line cannot carry packets of %d bytes at most", c.MTU)
	case c.Kbps < 0:
		return fmt.Errorf("a line cannot carry %d kbit/s", c.Kbps)
	case !(c.Loss >= 0 && c.Loss <= 1):
		return fmt.Errorf("a line cannot lose a share of %v: it is from 0 to 1", c.Loss)
	case !(c.Burst >= 0):
		return fmt.Errorf("bursts cannot have %v packets", c.Burst)
	case c.Burst > 1 && c.Loss < 1 && c.Loss > c.Burst/(c.Burst+1):
		return fmt.Errorf("bursts of %v, with one packet between them, lose a share of %.3f at most, and not %v", c.Burst, c.Burst/(c.Burst+1), c.Loss)
	}
	return nil
}

// Losses says which packets are lost (Gilbert's model): in bursts, one begins as often as gives the share that was asked for.
type Losses struct{ losing bool }

// Next says whether the next packet is lost. It draws only if there is a choice, so that a perfect line needs no luck.
func (l *Losses) Next(r *rand.Rand, loss, burst float64) bool {
	switch {
	case burst <= 1 || loss <= 0 || loss >= 1:
		l.losing = loss > 0 && r.Float64() < loss
	case l.losing:
		l.losing = r.Float64() >= 1/burst
	default:
		l.losing = r.Float64() < loss/(1-loss)/burst
	}
	return l.losing
}

// Bottleneck lets packets pass one after the other.
type Bottleneck struct {
	free time.Time // when it has passed on all that waits before it
}

// Pass says when a packet of so many bytes that comes now is through. ok is false if the queue is full. With a rate of 0 there
// is no bottleneck.
func (b *Bottleneck) Pass(now time.Time, bytes, kbps int, queue time.Duration) (through time.Time, ok bool) {
	if kbps == 0 {
		return now, true
	}
	if b.free.Before(now) {
		b.free = now
	}
	if b.free.Sub(now) > queue {
		return time.Time{}, false
	}
	b.free = b.free.Add(time.Duration(bytes) * 8 * time.Millisecond / time.Duration(kbps))
	return b.free, true
}

// Fate is what happens to a packet.
type Fate int

// The fates.
const (
	Arrives  Fate = iota
	Lost          // by chance
	Overflow      // the queue was full
	Cut           // the line was cut
	Large         // it is larger than the MTU
)

// Way is one direction of a line.
type Way struct {
	rand       *rand.Rand
	losses     Losses
	bottleneck Bottleneck
	last       time.Time // arrival of the last packet
}

// NewWay makes one that draws from a seed.
func NewWay(seed uint64) *Way { return &Way{rand: rand.New(rand.NewPCG(seed, 0))} }

// Send says when a packet of so many bytes, headers included, arrives that is sent now; now never goes back.
func (w *Way) Send(c Conditions, now time.Time, bytes int) (arrival time.Time, fate Fate) {
	if w.losses.Next(w.rand, c.Loss, c.Burst) {
		return time.Time{}, Lost
	}
	if c.MTU > 0 && bytes > c.MTU {
		return time.Time{}, Large
	}
	at, ok := w.bottleneck.Pass(now, bytes, c.Kbps, c.Queue)
	if !ok {
		return time.Time{}, Overflow
	}
	at = at.Add(c.Delay)
	if c.Jitter > 0 {
		at = at.Add(time.Duration(w.rand.Int64N(int64(c.Jitter) + 1)))
	}
	if at.Before(w.last) { // after another, also where the delay has become shorter
		at = w.last
	}
	w.last = at
	return at, Arrives
}
