package watchdog

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// told is what systemd hears of a program within a time.
func told(t *testing.T, lasts, limit time.Duration, alive func(context.Context) error) (all []string) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), lasts)
		defer cancel()
		if err := tell(ctx, limit, alive, func(s string) { all = append(all, s) }); err != nil {
			t.Error(err)
		}
	})
	return all
}

func TestFed(t *testing.T) {
	all := told(t, 65*time.Second, 30*time.Second, func(context.Context) error { return nil })
	want := []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"}
	if !slices.Equal(all, want) {
		t.Errorf("%q, want %q", all, want)
	}
}

// Where nobody watches it is ready once, and that is all.
func TestNotWatched(t *testing.T) {
	all := told(t, time.Hour, 0, func(context.Context) error { return nil })
	if want := []string{"READY=1", "STOPPING=1"}; !slices.Equal(all, want) {
		t.Errorf("%q, want %q", all, want)
	}
}

// A program is ready when its parts answer, not before; one between two readings of its file is asked again.
func TestReadyLater(t *testing.T) {
	asked := 0
	all := told(t, 25*time.Second, 30*time.Second, func(context.Context) error {
		if asked++; asked < 5 || asked == 6 {
			return errors.New("not yet")
		}
		return nil
	})
	if want := []string{"READY=1", "WATCHDOG=1", "STOPPING=1"}; !slices.Equal(all, want) {
		t.Errorf("%q, want %q", all, want)
	}
}

// Nothing is said for a program in which somebody does not answer.
func TestHangs(t *testing.T) {
	asked := 0
	all := told(t, time.Hour, 30*time.Second, func(ctx context.Context) error {
		if asked++; asked == 3 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	if want := []string{"READY=1", "WATCHDOG=1", "STOPPING=1"}; !slices.Equal(all, want) {
		t.Errorf("%q, want %q", all, want)
	}
}

// What systemd set up is used: its socket, and its time.
func TestSystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "3000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ctx, cancel := context.WithCancel(t.Context())
	var ended atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = Run(ctx, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
		ended.Store(true)
	}()
	read := func() string {
		b := make([]byte, 100)
		n, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if got := read(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if ended.Load() {
		t.Error("it ended by itself")
	}
	cancel()
	for read() != "STOPPING=1" {
	}
	<-done
}
