package memnet

import (
	"container/heap"
	"math/rand/v2"
	"time"

	"ewindow/scripts/lab/impair"
)

// link is the way from one host to another: what is on it arrives in the order of time, and of sending at the same time.
// All fields are under Network.mu.
type link struct {
	network *Network
	own     *Conditions // nil: the network's
	loop    bool        // from a host to itself
	cut     bool
	rand    *rand.Rand
	queue   arrivals
	sent    uint64            // counts, for the order
	last    time.Time         // arrival of the last datagram that kept the order
	losses  impair.Losses     // of datagrams
	narrow  impair.Bottleneck // through which they pass
	timer   *time.Timer       // of the first in the queue
	due     time.Time         // when it fires
}

func (l *link) conditions() Conditions {
	switch {
	case l.own != nil:
		return *l.own
	case l.loop:
		return Conditions{}
	}
	return l.network.defaults
}

// chance is true with probability p. It draws only if there is a choice, so that a perfect link needs no luck.
func (l *link) chance(p float64) bool { return p > 0 && l.rand.Float64() < p }

// delay is how long the next packet takes.
func (l *link) delay() time.Duration {
	c := l.conditions()
	d := c.Latency
	if c.Jitter > 0 {
		d += time.Duration(l.rand.Int64N(int64(c.Jitter) + 1))
	}
	return d
}

// passes says whether a packet sent now gets through.
func (l *link) passes() bool { return !l.cut && !l.chance(l.conditions().Loss) }

// survives says whether a datagram sent now gets through: datagrams are lost in bursts, if the conditions say so.
func (l *link) survives() bool {
	c := l.conditions()
	return !l.cut && !l.losses.Next(l.rand, c.Loss, c.Burst)
}

// headers of UDP and IPv4, which a bottleneck carries too, in bytes.
const headers = 28

// datagram sends something of so many bytes that arrives once, twice, late or never. The caller holds the mutex, and so does
// arrive's.
func (l *link) datagram(size int, arrive func()) {
	if !l.survives() {
		return
	}
	c := l.conditions()
	if c.MTU > 0 && size+headers > c.MTU {
		return
	}
	at, ok := l.narrow.Pass(time.Now(), size+headers, c.Kbps, c.Queue)
	if !ok {
		return
	}
	at = at.Add(l.delay())
	if l.chance(c.Reorder) {
		at = at.Add(c.Jitter + reorderBy)
	} else {
		if at.Before(l.last) {
			at = l.last
		}
		l.last = at
	}
	if l.chance(c.Duplicate) {
		l.push(at, arrive)
	}
	l.push(at, arrive)
	l.run()
}

func (l *link) push(at time.Time, arrive func()) {
	l.sent++
	heap.Push(&l.queue, arrival{at: at, number: l.sent, arrive: arrive})
}

// run lets arrive what is due and sees to it that it is called again for the rest.
func (l *link) run() {
	for len(l.queue) > 0 && !l.queue[0].at.After(time.Now()) {
		heap.Pop(&l.queue).(arrival).arrive()
	}
	if len(l.queue) == 0 || l.timer != nil && l.due.Equal(l.queue[0].at) {
		return
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	l.due = l.queue[0].at
	l.timer = time.AfterFunc(time.Until(l.due), func() {
		l.network.mu.Lock()
		defer l.network.mu.Unlock()
		l.timer = nil
		l.run()
	})
}

// arrival is something on its way.
type arrival struct {
	at     time.Time
	number uint64
	arrive func() // called with the mutex held
}

// arrivals is a heap, the next one first.
type arrivals []arrival

func (a arrivals) Len() int      { return len(a) }
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a arrivals) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].number < a[j].number
	}
	return a[i].at.Before(a[j].at)
}
func (a *arrivals) Push(x any) { *a = append(*a, x.(arrival)) }
func (a *arrivals) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = arrival{}
	*a = old[:len(old)-1]
	return last
}
