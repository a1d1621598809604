package udp

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// mostAge is the longest that a datagram may have waited in its socket, by what the kernel says: readBuffer holds no
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

// arrival is when a datagram came that is stamped so, on the monotonic clock: now, if that is not known. clocks reads the two
// clocks one after the other.
func (s *stamps) arrival(clocks func() (mono, wall int64), stamp int64) (mono int64) {
	mono, wall := clocks()
	for range 2 { // whoever is held up between the two sees them apart as well, but hardly again and again
		if !s.stepped(mono, wall) {
			break
		}
		mono, wall = clocks()
	}
	if s.stepped(mono, wall) {
		s.doubt = mono + int64(stepDoubt)
	}
	s.begun, s.offset, s.looked = true, wall-mono, mono
	if age := wall - stamp; mono >= s.doubt && age > 0 && age <= int64(mostAge) {
		return mono - age
	}
	return mono
}

// stepped says whether the wall clock seems to have been set since the last look.
func (s *stamps) stepped(mono, wall int64) bool {
	step := wall - mono - s.offset
	return s.begun && max(step, -step) > int64(leastStep)+(mono-s.looked)/stepShare
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
