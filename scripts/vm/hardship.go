package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"ewindow/endpoint/status"
)

// unplugSound hears the partner by ALSA, whose loop brings it back as a room does, and does without the card for a while.
func unplugSound(ctx context.Context, w *world) error {
	if err := w.boot(ctx); err != nil {
		return err
	}
	if err := w.join(ctx, soundAlone); err != nil {
		return err
	}
	there := func(d status.Device) string {
		if d.Missing != "" || d.Down || !strings.Contains(d.Device, "alsa") {
			return "sound is not there: " + d.Device + " " + d.Reason
		}
		return ""
	}
	if err := w.device(ctx, "sound", there); err != nil {
		return err
	}
	if err := w.device(ctx, "sound", func(d status.Device) string {
		if d.ERLE == 0 {
			return "no echo is measured"
		}
		w.notes("echo is found after %.0f ms, and weakened by %.0f dB", d.EchoMS, d.ERLE)
		return ""
	}); err != nil {
		return err
	}
	call, err := w.callID(ctx)
	if err != nil {
		return err
	}
	if err := w.replug(ctx, "sound", "snd_aloop", there); err != nil {
		return err
	}
	return w.sameCall(ctx, call)
}

// wrongClock is a Pi without a clock before its first NTP.
func wrongClock(ctx context.Context, w *world) error {
	w.clock = "2015-01-01"
	if err := w.boot(ctx); err != nil {
		return err
	}
	date, err := w.do(ctx, "date +%F")
	if err != nil {
		return err
	}
	if err := w.join(ctx, pictures); err != nil {
		return err
	}
	if err := until(ctx, patience, func() string {
		s, err := w.window(ctx)
		if err != nil {
			return err.Error()
		}
		if !strings.Contains(s.Registration.Why, "clock") {
			return "nothing says that the clock is wrong: " + s.Registration.Why
		}
		return ""
	}); err != nil {
		return err
	}
	w.notes("at %s it joins, is not registered, and says that it is the clock", strings.TrimSpace(date))
	// The time comes, as from a server.
	if _, err := w.do(ctx, fmt.Sprintf("date -s @%d", time.Now().Unix())); err != nil {
		return err
	}
	if err := w.shows(ctx); err != nil {
		return err
	}
	w.notes("with the time set, the partner is on the screen")
	return nil
}

// fullDisk has a window that cannot write: the call is kept, and a restart finds everything.
func fullDisk(ctx context.Context, w *world) error {
	if err := w.boot(ctx); err != nil {
		return err
	}
	if err := w.join(ctx, pictures); err != nil {
		return err
	}
	if err := w.shows(ctx); err != nil {
		return err
	}
	call, err := w.callID(ctx)
	if err != nil {
		return err
	}
	before, err := w.identity(ctx)
	if err != nil {
		return err
	}
	if _, err := w.do(ctx, "fallocate -l $(df --output=avail -B1 / | tail -1) /full; ! runuser -u ewindow -- dd if=/dev/zero of=/var/lib/ewindow/rest bs=4k 2>/dev/null"); err != nil {
		return err
	}
	if err := w.sees(ctx, 20); err != nil {
		return err
	}
	if err := w.sameCall(ctx, call); err != nil {
		return err
	}
	if _, err := w.do(ctx, "systemctl restart ewindow"); err != nil {
		return fmt.Errorf("on a full disk it does not start again: %w", err)
	}
	if err := w.shows(ctx); err != nil {
		return fmt.Errorf("on a full disk it does not come back: %w", err)
	}
	w.notes("started again on the full disk, the partner is on the screen")
	after, err := w.identity(ctx)
	if err == nil && after != before {
		err = errors.New("the window's identity has changed")
	}
	return err
}

// identity is what a window must never lose.
func (w *world) identity(ctx context.Context) (string, error) {
	return w.do(ctx, "cd /etc/ewindow && sha256sum window.hcl milano.secret /var/lib/ewindow/media.key")
}

// powerCuts take the power away at random moments; it boots each time, and keeps who it is.
func powerCuts(ctx context.Context, w *world) error {
	if err := w.boot(ctx); err != nil {
		return err
	}
	if err := w.join(ctx, pictures); err != nil {
		return err
	}
	before, err := w.identity(ctx)
	if err != nil {
		return err
	}
	if _, err := w.do(ctx, "sync"); err != nil {
		return err
	}
	var moments []string
	for range w.cuts {
		after := time.Second + rand.N(time.Minute)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(after):
		}
		w.machine.Cut()
		moments = append(moments, fmt.Sprintf("%.0f", after.Seconds()))
		w.say(fmt.Sprintf("cut after %.0f s; on again", after.Seconds()))
		if err := w.power(ctx); err != nil {
			return err
		}
	}
	w.machine.Cut()
	if err := w.boot(ctx); err != nil {
		return fmt.Errorf("cut after %s s: %w", strings.Join(moments, ", "), err)
	}
	after, err := w.identity(ctx)
	if err != nil {
		return err
	}
	if after != before {
		return errors.New("the window's identity has changed: " + before + " → " + after)
	}
	if err := w.shows(ctx); err != nil {
		return err
	}
	w.notes("cut %s s after it was switched on (%d times); it is who it was, and the partner is on the screen", strings.Join(moments, ", "), w.cuts+1)
	return nil
}
