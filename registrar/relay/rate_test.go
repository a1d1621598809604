package relay

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// pour has one client send so many kbit/s to the other's allocation for some time, and counts the bytes that came.
func pour(from, to *turner, at string, kbps int, d time.Duration) (sent, came int) {
	const size = 1000
	done := make(chan int)
	go func() {
		n := 0
		for {
			text, _ := to.hears()
			if text == "" {
				done <- n
				return
			}
			n += len(text)
		}
	}()
	text := strings.Repeat("x", size)
	begun := time.Now()
	for time.Since(begun) < d {
		for sent < int(time.Since(begun).Seconds()*float64(kbps)*1000/8) {
			from.say(at, text)
			sent += size
		}
		time.Sleep(5 * time.Millisecond)
	}
	return sent, <-done
}

// An allocation relays its rate each way and no more; what is within it is not touched, and the others have theirs.
func TestRate(t *testing.T) {
	simulate(t, func(c *Config) { c.Limits.Rate, c.Limits.Total = 2000, 100_000 }, func(l *lab) {
		a, b := l.udp("milano", "198.51.100.7"), l.udp("munich", "198.51.100.8")
		atA, atB := a.allocate(), b.allocate()
		a.ask(stun.MethodCreatePermission, toPeer(atB.String()))
		b.ask(stun.MethodCreatePermission, toPeer(atA.String()))
		if sent, came := pour(a, b, atB.String(), 1900, 5*time.Second); came != sent {
			t.Errorf("within the rate: %d of %d bytes came", came, sent)
		}
		refused := func() uint64 { return l.server.State().Refused["rate"] }
		if n := refused(); n != 0 {
			t.Errorf("%d packets were refused within the rate", n)
		}
		sent, came := pour(a, b, atB.String(), 20_000, 5*time.Second)
		if most := 5*250_000 + 2*64<<10; came > most || came < 5*250_000*9/10 {
			t.Errorf("of %d bytes %d came, at most %d may", sent, came, most)
		}
		if refused() == 0 {
			t.Error("what was refused is not counted")
		}
		if sent, came := pour(b, a, atA.String(), 1900, time.Second); came != sent {
			t.Errorf("the other way: %d of %d bytes came", came, sent)
		}
	})
}

// All allocations together relay so much.
func TestTotalRate(t *testing.T) {
	simulate(t, func(c *Config) { c.Limits.Rate, c.Limits.Total = 8000, 4000 }, func(l *lab) {
		a, b := l.udp("milano", "198.51.100.7"), l.udp("munich", "198.51.100.8")
		atA, atB := a.allocate(), b.allocate()
		a.ask(stun.MethodCreatePermission, toPeer(atB.String()))
		b.ask(stun.MethodCreatePermission, toPeer(atA.String()))
		sent, came := pour(a, b, atB.String(), 7900, 5*time.Second)
		if most := 5*500_000 + 125_000; came > most || came < 5*500_000*9/10 {
			t.Errorf("of %d bytes %d came, at most %d may", sent, came, most)
		}
	})
}
