// Package watchdog tells systemd, where that started the program (Type=notify), when it is ready, that it lives, and that it ends. It lives
// while those answer who own its state: whoever is not reached, a partner, a registrar, a disk, is no reason to begin anew.
//
//	            ┌── READY=1, once
//	alive() ────┼── WATCHDOG=1, three times in WatchdogSec
//	            └── nothing, as long as it does not return: systemd ends the program by SIGABRT, which has Go print where it stood
package watchdog

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// tries is how often alive is asked within the time after which systemd takes the program for hung.
const tries = 3

// soon is how soon a program that is not ready is asked again.
const soon = 100 * time.Millisecond

// Run tells systemd until ctx ends. alive returns nil when all owners of state have answered, and blocks while one does not. An error of it
// is no answer; it is asked again. Without systemd Run does nothing but wait.
func Run(ctx context.Context, alive func(context.Context) error, log *slog.Logger) error {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is not fed: its time cannot be read", "err", err)
	}
	return tell(ctx, limit, alive, func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Warn("systemd cannot be told how this program is", "state", state, "err", err)
		}
	})
}

// tell is Run with a time after which the program is taken for hung; 0 for never.
func tell(ctx context.Context, limit time.Duration, alive func(context.Context) error, say func(string)) error {
	defer say(daemon.SdNotifyStopping)
	for alive(ctx) != nil {
		if !wait(ctx, soon) {
			return nil
		}
	}
	say(daemon.SdNotifyReady)
	if limit <= 0 {
		<-ctx.Done()
		return nil
	}
	for wait(ctx, limit/tries) {
		if alive(ctx) == nil {
			say(daemon.SdNotifyWatchdog)
		}
	}
	return nil
}

// wait is false at the end of ctx.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
