package dial

import (
	"context"
	"net"
	"sync"
	"time"
)

// patience is how long a way is waited for before the next one is begun beside it.
type patience struct {
	silent   time.Duration // as long as nobody has answered there
	answered time.Duration // since it was begun, once somebody has: a server with much to do is not helped by another connection
}

// race begins ways one after the other, the next when those before have failed or had their time (RFC 8305 §5), and returns the connection
// of the first that comes through; else each one's error, nil for a way that was not begun. A way says when somebody answers. race joins
// what it started.
func race(ctx context.Context, p patience, ways int, way func(ctx context.Context, i int, answered func()) (net.Conn, error)) (
	won net.Conn, which int, errs []error,
) {
	type result struct {
		conn  net.Conn
		which int
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results, answers := make(chan result, ways), make(chan int, ways)
	errs = make([]error, ways)
	begun, ended := 0, 0
	next := time.NewTimer(p.silent)
	defer next.Stop()
	var since time.Time // the newest was begun
	begin := func() {
		i := begun
		begun++
		since = time.Now()
		next.Reset(p.silent)
		go func() {
			var once sync.Once
			c, err := way(ctx, i, func() { once.Do(func() { answers <- i }) })
			results <- result{c, i, err}
		}()
	}
	begin()
	for ended < begun {
		select {
		case i := <-answers:
			if i == begun-1 {
				next.Reset(time.Until(since.Add(max(p.silent, p.answered))))
			}
		case <-next.C:
			if won == nil && begun < ways && ctx.Err() == nil {
				begin()
			}
		case r := <-results:
			ended++
			switch {
			case r.err != nil:
				errs[r.which] = r.err
				if won == nil && ended == begun && begun < ways && ctx.Err() == nil {
					begin()
				}
			case won == nil:
				won, which = r.conn, r.which
				cancel() // the others
			default:
				_ = r.conn.Close()
			}
		}
	}
	return won, which, errs
}
