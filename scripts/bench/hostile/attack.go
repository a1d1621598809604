package hostile

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// An Attack is one kind, sent over several connections at a time.
type Attack struct {
	Kind
	Dial        func() (net.Conn, error)
	Connections int           // at a time; one that is closed is replaced
	Bytes       int64         // in all
	Most        time.Duration // however little was sent by then, it ends; 0: there is no such time
	Hold        time.Duration // a connection stays open so long after the last byte: so that the other side takes all of it
}

// Run sends until all is sent or ctx ends, and says how much that was.
func (a Attack) Run(ctx context.Context) (sent int64) {
	if a.Most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.Most)
		defer cancel()
	}
	var total, serial atomic.Int64
	var wg sync.WaitGroup
	for range a.Connections {
		wg.Go(func() {
			for ctx.Err() == nil && total.Load() < a.Bytes {
				c, err := a.Dial()
				if err != nil {
					select { // the other side takes no more for now
					case <-time.After(10 * time.Millisecond):
					case <-ctx.Done():
					}
					continue
				}
				a.connection(ctx, c, &total, &serial)
			}
		})
	}
	wg.Wait()
	return total.Load()
}

func (a Attack) connection(ctx context.Context, c net.Conn, total, serial *atomic.Int64) {
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if a.Deaf {
			<-ctx.Done()
			return
		}
		_, _ = io.Copy(io.Discard, c)
	}()
	for total.Load() < a.Bytes {
		m := a.Message(int(serial.Add(1)))
		m = m[:max(0, len(m)-a.Cut)]
		piece := len(m)
		if a.Piece > 0 {
			piece = a.Piece
		}
		for len(m) > 0 {
			n, err := c.Write(m[:min(piece, len(m))])
			total.Add(int64(n))
			if err != nil {
				return
			}
			m = m[n:]
		}
		if a.Cut > 0 {
			break
		}
	}
	select {
	case <-closed:
	case <-time.After(a.Hold):
	case <-ctx.Done():
	}
}
