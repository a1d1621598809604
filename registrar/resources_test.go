package main

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"testing"

	"ewindow/registrar/flow"
)

// The memory has a soft limit that fits the machine; one that is set by hand stays.
func TestMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	t.Setenv("GOMEMLIMIT", "1GiB")
	debug.SetMemoryLimit(1 << 30) // as Go does at the start
	if got, err := memoryLimit(); err != nil || got != 1<<30 || debug.SetMemoryLimit(-1) != 1<<30 {
		t.Errorf("GOMEMLIMIT became %d, %v", got, err)
	}
	if err := os.Unsetenv("GOMEMLIMIT"); err != nil {
		t.Fatal(err)
	}
	got, err := memoryLimit()
	if err != nil || got != debug.SetMemoryLimit(-1) || got <= 0 || got == math.MaxInt64 {
		t.Errorf("the limit is %d, of which %d is in force, %v", got, debug.SetMemoryLimit(-1), err)
	}
	limits, relayed, err := resources(true, slog.New(slog.DiscardHandler))
	if err != nil || limits.Connections <= 0 || limits.Connections > flow.DefaultLimits().Connections || relayed.Allocations <= 0 {
		t.Errorf("%+v, %+v, %v", limits, relayed, err)
	}
}
