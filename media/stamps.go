package media

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// mostAge is the longest that a datagram may have waited in its socket, by what the kernel says: socketReadBuffer holds no
	// more of a stream of 2 Mbit/s. Beyond it the stamp is not believed.
	mostAge = 4 * time.Second

	// After a step of the wall clock by more than leastStep, and by more than stepShare of the time since the last look, stamps
	// are not believed for stepDoubt: what waits in a socket was stamped before it.
	leastStep = time.Millisecond
	stepShare = 500
	stepDoubt = mostAge
)

// stamps makes of the kernel's time of arrival, which is on the wall clock, how long ago that was. A wall clock is set now
// and then, the monotonic one never: a datagram whose stamp may be from before such a step came just now. Pure; the zero value
// is ready. All times are ns.
type stamps struct {
	begun  bool
	offset int64 // of the wall clock from the monotonic one
	looked int64 // when, on the monotonic clock
	doubt  int64 // until then stamps are not believed, on the monotonic clock
}

// age is how long ago a datagram came that is stamped so; mono and wall are the two clocks now. Zero if that is not known.
func (s *stamps) age(mono, wall, stamp int64) time.Duration {
	offset := wall - mono
	step := max(offset-s.offset, s.offset-offset)
	if s.begun && step > int64(leastStep)+(mono-s.looked)/stepShare {
		s.doubt = mono + int64(stepDoubt)
	}
	s.begun, s.offset, s.looked = true, offset, mono
	age := time.Duration(wall - stamp)
	if mono < s.doubt || age < 0 || age > mostAge {
		return 0
	}
	return age
}

// stampSpace is what the kernel says beside a datagram, in bytes.
var stampSpace = unix.CmsgSpace(16)

// askForStamps has the kernel say of each datagram when it came. An error means that it doesn't.
func askForStamps(fd uintptr) error {
	// This form has 64 bits of seconds on every machine (Linux 5.1).
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1)
}

// stampOf finds the stamp among control messages, in ns since 1970; ok is false if there is none.
func stampOf(control []byte) (stamp int64, ok bool) {
	for len(control) >= unix.CmsgLen(0) {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0, false
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS_NEW && len(data) >= 16 {
			s := int64(binary.NativeEndian.Uint64(data))
			return s*int64(time.Second) + int64(binary.NativeEndian.Uint64(data[8:])), true
		}
		control = rest
	}
	return 0, false
}
