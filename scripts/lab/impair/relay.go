package impair

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	largestPacket = 1 << 16
	mostWaiting   = 1 << 14 // packets that are on their way, each way; more are lost as if the queue were full
)

// Counts are what a way has done since its beginning.
type Counts struct {
	Packets, Bytes        int // what was sent into it
	Lost, Overflow, Cut   int // packets
	Large                 int // packets that were larger than the MTU
	Arrived, ArrivedBytes int
	Late                  time.Duration // sum of what those that arrived were late, since the relay did not run in time
}

// Relay carries packets between two devices, such as those of two network namespaces (TUN), as a line of its conditions would.
// A device gives one packet with each Read and takes one with each Write.
type Relay struct {
	devices [2]io.ReadWriteCloser
	ways    [2]*Way
	queues  [2]chan packet

	mu         sync.Mutex
	conditions Conditions
	cutUntil   time.Time
	counts     [2]Counts // from the first device to the second, and back
}

// packet is one on its way.
type packet struct {
	at    time.Time // when it arrives
	bytes []byte
}

// NewRelay makes one; Run closes the devices.
func NewRelay(a, b io.ReadWriteCloser, c Conditions, seed uint64) *Relay {
	r := &Relay{devices: [2]io.ReadWriteCloser{a, b}, conditions: c}
	for i := range r.ways {
		r.ways[i] = NewWay(2*seed + uint64(i))
		r.queues[i] = make(chan packet, mostWaiting)
	}
	return r
}

// Set changes the conditions. What is on its way arrives as it would have.
func (r *Relay) Set(c Conditions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conditions = c
}

// Cut loses all that is sent within the next time. What is on its way arrives.
func (r *Relay) Cut(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cutUntil = time.Now().Add(d)
}

// Counts are those of the way from the first device to the second, and of the way back.
func (r *Relay) Counts() [2]Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// Run carries packets until ctx ends, or a device does, which is an error. It closes both.
func (r *Relay) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range r.ways {
		wg.Go(func() { cancel(r.take(i)) })
		wg.Go(func() { r.deliver(ctx, i) })
	}
	<-ctx.Done()
	for _, d := range r.devices {
		_ = d.Close()
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// take reads what is sent one way, until the device ends.
func (r *Relay) take(way int) error {
	buffer := make([]byte, largestPacket)
	for {
		n, err := r.devices[way].Read(buffer)
		if err != nil {
			return fmt.Errorf("read from end %d of the line: %w", way, err)
		}
		if at, ok := r.send(way, n); ok {
			r.queues[way] <- packet{at: at, bytes: append([]byte(nil), buffer[:n]...)}
		}
	}
}

// send decides about a packet and counts it. There is room for it in the queue if ok.
func (r *Relay) send(way, bytes int) (at time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := &r.counts[way]
	count.Packets++
	count.Bytes += bytes
	now, fate := time.Now(), Cut
	if !now.Before(r.cutUntil) {
		at, fate = r.ways[way].Send(r.conditions, now, bytes)
	}
	if fate == Arrives && len(r.queues[way]) == mostWaiting {
		fate = Overflow
	}
	switch fate {
	case Lost:
		count.Lost++
	case Overflow:
		count.Overflow++
	case Cut:
		count.Cut++
	case Large:
		count.Large++
	}
	return at, fate == Arrives
}

// deliver passes on what comes one way, in its time. Packets keep their order, so that the first is always the next.
func (r *Relay) deliver(ctx context.Context, way int) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-r.queues[way]:
			if wait := time.Until(p.at); wait > 0 {
				timer.Reset(wait)
				select {
				case <-ctx.Done():
					return
				case <-timer.C:
				}
			}
			late := max(0, time.Since(p.at))
			// A device that is full or not up loses packets, as a network card does.
			if _, err := r.devices[1-way].Write(p.bytes); errors.Is(err, os.ErrClosed) {
				return
			} else if err == nil {
				r.arrived(way, len(p.bytes), late)
			}
		}
	}
}

func (r *Relay) arrived(way, bytes int, late time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[way].Arrived++
	r.counts[way].ArrivedBytes += bytes
	r.counts[way].Late += late
}
