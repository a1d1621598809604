package dialog

import "time"

// Times of RFC 3261 §17.1.1.1, and what follows from them.
const (
	T1     = 500 * time.Millisecond
	T2     = 4 * time.Second
	GiveUp = 64 * T1 // an answer, an ACK or a NOTIFY that has not come by then will not come
)

// Repeat sends the 2xx to an INVITE again until its ACK has come, or is not to be expected any more: then it is lost
// (RFC 3261 §13.3.1.4). That goes for reliable transports too, since the next hop's may not be.
func Repeat(send func(), acked, stop <-chan struct{}) (lost bool) {
	begun := time.Now()
	timer := time.NewTimer(T1)
	defer timer.Stop()
	for wait := T1; ; {
		select {
		case <-acked:
			return false
		case <-stop:
			return false
		case <-timer.C:
		}
		left := GiveUp - time.Since(begun)
		if left <= 0 {
			return true
		}
		send()
		wait = min(2*wait, T2)
		timer.Reset(min(wait, left))
	}
}
