package impair

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// device is an end of a line in memory: the test sends, and reads what arrived when.
type device struct {
	sent    chan string
	closed  chan struct{}
	start   time.Time
	arrived []string // "text after milliseconds"
}

func newDevice() *device {
	return &device{sent: make(chan string), closed: make(chan struct{}), start: time.Now()}
}

func (d *device) Read(p []byte) (int, error) {
	select {
	case s := <-d.sent:
		if s == "broken" {
			return 0, errors.New("broken")
		}
		return copy(p, s), nil
	case <-d.closed:
		return 0, os.ErrClosed
	}
}

func (d *device) Write(p []byte) (int, error) {
	d.arrived = append(d.arrived, fmt.Sprintf("%.1s after %d", p, time.Since(d.start).Milliseconds()))
	return len(p), nil
}

func (d *device) Close() error { close(d.closed); return nil }

// relayed runs a relay while the test does something, and returns what Run said.
func relayed(t *testing.T, c Conditions, do func(r *Relay, a, b *device)) (a, b *device, r *Relay, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, b = newDevice(), newDevice()
		r = NewRelay(a, b, c, 1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		do(r, a, b)
		synctest.Wait()
		cancel()
		err = <-ended
	})
	return a, b, r, err
}

func same(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("%s: %q, want %q", what, s, want)
	}
}

func TestRelayDelaysBothWays(t *testing.T) {
	a, b, r, err := relayed(t, Conditions{Delay: 40 * time.Millisecond}, func(r *Relay, a, b *device) {
		a.sent <- "1"
		time.Sleep(10 * time.Millisecond)
		a.sent <- "2"
		b.sent <- "x"
		time.Sleep(time.Second)
	})
	if err != nil {
		t.Error(err)
	}
	same(t, "a to b", b.arrived, "1 after 40, 2 after 50")
	same(t, "b to a", a.arrived, "x after 50")
	if got := r.Counts(); got[0] != (Counts{Packets: 2, Bytes: 2, Arrived: 2, ArrivedBytes: 2}) || got[1].Packets != 1 {
		t.Errorf("counted %+v", got)
	}
}

func TestRelayIsChangedWhileItRuns(t *testing.T) {
	_, b, r, _ := relayed(t, Conditions{Delay: 100 * time.Millisecond}, func(r *Relay, a, b *device) {
		a.sent <- "1"
		synctest.Wait()
		r.Set(Conditions{Delay: 10 * time.Millisecond})
		a.sent <- "2" // waits for the first, which keeps its delay
		time.Sleep(200 * time.Millisecond)
		a.sent <- "3"
		synctest.Wait()
		r.Set(Conditions{Loss: 1})
		a.sent <- "4"
		time.Sleep(time.Second)
	})
	same(t, "a to b", b.arrived, "1 after 100, 2 after 100, 3 after 210")
	if c := r.Counts()[0]; c.Lost != 1 || c.Packets != 4 {
		t.Errorf("counted %+v", c)
	}
}

func TestRelayCut(t *testing.T) {
	a, b, r, _ := relayed(t, Conditions{Delay: 100 * time.Millisecond}, func(r *Relay, a, b *device) {
		a.sent <- "1" // is under way
		synctest.Wait()
		r.Cut(10 * time.Second)
		a.sent <- "2"
		b.sent <- "x"
		time.Sleep(10*time.Second - time.Millisecond)
		a.sent <- "3"
		time.Sleep(time.Millisecond)
		a.sent <- "4"
		time.Sleep(time.Second)
	})
	same(t, "a to b", b.arrived, "1 after 100, 4 after 10100")
	same(t, "b to a", a.arrived, "")
	if c := r.Counts(); c[0].Cut != 2 || c[1].Cut != 1 {
		t.Errorf("counted %+v", c)
	}
}

func TestRelayBottleneck(t *testing.T) {
	// 1000 bytes at 80 kbit/s take 100 ms.
	_, b, r, _ := relayed(t, Conditions{Kbps: 80, Queue: 200 * time.Millisecond}, func(r *Relay, a, b *device) {
		for i := range 5 {
			a.sent <- fmt.Sprint(i) + strings.Repeat(".", 999)
		}
		time.Sleep(time.Second)
		a.sent <- "5"
		time.Sleep(time.Second)
	})
	same(t, "a to b", b.arrived, "0 after 100, 1 after 200, 2 after 300, 5 after 1000")
	if c := r.Counts()[0]; c.Overflow != 2 || c.Bytes != 5001 || c.ArrivedBytes != 3001 {
		t.Errorf("counted %+v", c)
	}
}

func TestRelayEndsWithItsDevice(t *testing.T) {
	_, _, _, err := relayed(t, Conditions{}, func(r *Relay, a, b *device) { b.sent <- "broken" })
	if err == nil || err.Error() != "read from end 1 of the line: broken" {
		t.Errorf("got %v", err)
	}
}
