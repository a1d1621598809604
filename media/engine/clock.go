package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// maxAge is the oldest that a frame can claim to be.
const maxAge = 5 * time.Second

// monotonic is CLOCK_MONOTONIC in ns, the clock that we share with the device processes.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0 // cannot happen on Linux; a frame then counts as captured on arrival
	}
	return ts.Nano()
}

// captureTime is the time of capture t (ns of CLOCK_MONOTONIC, 0 for unknown) as a time of this process, when that
// clock stands at mono and this process's at now. What lies in the future is now; nothing is older than maxAge.
func captureTime(t, mono int64, now time.Time) time.Time {
	if t <= 0 || t >= mono {
		return now
	}
	return now.Add(-min(time.Duration(mono-t), maxAge))
}
