package dial

import (
	"context"
	"net"
	"time"
)

// race begins ways one after the other, the next when those before have failed or had so long (RFC 8305 §5), and returns the connection
// of the first that comes through; else each one's error, nil for a way that was not begun. It joins what it started.
func race(ctx context.Context, after time.Duration, ways int, way func(context.Context, int) (net.Conn, error)) (won net.Conn, which int, errs []error) {
	type result struct {
		conn  net.Conn
		which int
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result, ways)
	errs = make([]error, ways)
	begun, ended := 0, 0
	begin := func() {
		i := begun
		begun++
		go func() {
			c, err := way(ctx, i)
			results <- result{c, i, err}
		}()
	}
	begin()
	next := time.NewTicker(after)
	defer next.Stop()
	for ended < begun {
		select {
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
