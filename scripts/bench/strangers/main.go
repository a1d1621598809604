// Command strangers measures what the registrar bears from people it does not know: how much memory they make it take,
// and whether windows and phones still log in meanwhile. It runs the real program on this machine, on addresses of
// 127.0.0.0/8.
//
//	go run ./scripts/bench/strangers -registrar bin/ewindow-registrar [-only REGEXP]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

type options struct {
	registrar string
	only      *regexp.Regexp
	bytes     int64
	most      time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench/strangers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	flag.StringVar(&o.registrar, "registrar", "bin/ewindow-registrar", "the program")
	only := flag.String("only", "", "only what this regular expression matches")
	flag.Int64Var(&o.bytes, "bytes", 100_000_000, "bytes to send of each kind")
	flag.DurationVar(&o.most, "most", 3*time.Second, "time for each kind, however little was sent")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if err := memory(ctx, o); err != nil {
		return err
	}
	return lockout(ctx, o)
}
