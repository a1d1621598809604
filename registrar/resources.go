package main

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"ewindow/registrar/flow"
	"ewindow/registrar/relay"
)

// resources takes from the machine what the registrar may use of it, and says so once: how many connections it holds at a
// time (RLIMIT_NOFILE), of SIP and, where it relays, of that, and how much memory it takes before it rather collects garbage
// than grows.
func resources(relays bool, log *slog.Logger) (flow.Limits, relay.Limits, error) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return flow.Limits{}, relay.Limits{}, fmt.Errorf("how many files may be open: %w", err)
	}
	relayed, left := relay.Limits{}, files.Cur
	if relays {
		relayed = relay.DefaultLimits().Within(left)
		left -= relayed.Files()
	}
	limits := flow.DefaultLimits().Within(left)
	memory, err := memoryLimit()
	if err != nil {
		log.Warn("the memory has no soft limit; set GOMEMLIMIT to give it one", "err", err)
	}
	log.Info("limits", "connections", limits.Connections, "strangers_per_block", limits.PerBlock, "open_files", files.Cur,
		"memory_mb", memory>>20, "allocations", relayed.Allocations)
	return limits, relayed, nil
}

// memoryLimit sets the soft limit: of a control group nearly all, it is there for this program; of a machine half.
// GOMEMLIMIT comes first.
func memoryLimit() (int64, error) {
	limit, err := memlimit.Set(memlimit.WithRatio(1), memlimit.WithProvider(memlimit.ApplyFallback(
		memlimit.ApplyRatio(memlimit.FromCgroup, 0.9), memlimit.ApplyRatio(memlimit.FromSystem, 0.5))))
	if err != nil {
		return debug.SetMemoryLimit(-1), errors.Unwrap(err)
	}
	return limit, nil
}
