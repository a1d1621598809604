package memnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var (
	hostA = netip.MustParseAddr("10.0.0.1")
	hostB = netip.MustParseAddr("10.0.0.2")
)

const addressB = "10.0.0.2:5061"

// connected makes a stream from hostA to addressB.
func connected(t *testing.T, n *Network) (a, b net.Conn) {
	t.Helper()
	l, err := n.Listen(addressB)
	if err != nil {
		t.Fatal(err)
	}
	a, err = n.Dial(t.Context(), hostA, addressB)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	l.Close()
	return a, b
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if n, err := c.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
}

func read(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("read %q, %v, want %q", b, err, want)
	}
}

// took checks how long something lasted in simulated time.
func took(t *testing.T, since time.Time, want time.Duration) {
	t.Helper()
	if d := time.Since(since); d != want {
		t.Errorf("took %v, want %v", d, want)
	}
}

func TestStreamTakesTheLatencyOfEachWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.OneWay(hostA, hostB, Conditions{Latency: 30 * time.Millisecond})
		n.OneWay(hostB, hostA, Conditions{Latency: 50 * time.Millisecond})
		begun := time.Now()
		a, b := connected(t, n)
		took(t, begun, 80*time.Millisecond)

		if _, ok := a.RemoteAddr().(*net.TCPAddr); !ok || a.RemoteAddr().String() != addressB {
			t.Errorf("RemoteAddr = %T %v", a.RemoteAddr(), a.RemoteAddr())
		}
		if a.LocalAddr().String() != b.RemoteAddr().String() || a.LocalAddr().(*net.TCPAddr).AddrPort().Addr() != hostA {
			t.Errorf("the ends are %v and %v", a.LocalAddr(), b.RemoteAddr())
		}

		begun = time.Now()
		write(t, a, "hello")
		took(t, begun, 0)
		read(t, b, "hello")
		took(t, begun, 30*time.Millisecond)
		write(t, b, "ciao")
		read(t, a, "ciao")
		took(t, begun, 80*time.Millisecond)
	})
}

func TestStreamEndsAfterItsData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Default(Conditions{Latency: 10 * time.Millisecond, Jitter: 10 * time.Millisecond})
		a, b := connected(t, n)
		write(t, a, "last words")
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write after Close: %v", err)
		}
		if all, err := io.ReadAll(b); string(all) != "last words" || err != nil {
			t.Errorf("ReadAll = %q, %v", all, err)
		}
		// The closed end answers what still comes with a reset.
		write(t, b, "too late")
		time.Sleep(50 * time.Millisecond)
		if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Write to a closed end: %v", err)
		}
		b.Close()
		if len(n.host(hostA).conns)+len(n.host(hostB).conns) != 0 {
			t.Error("a closed stream is still held")
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := connected(t, New(1))
		begun := time.Now()
		b.SetReadDeadline(begun.Add(3 * time.Second))
		_, err := b.Read(make([]byte, 1))
		took(t, begun, 3*time.Second)
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("Read: %v", err)
		}
		b.SetReadDeadline(time.Time{})
		write(t, a, "x")
		read(t, b, "x")

		// A deadline that is moved while someone waits.
		begun = time.Now()
		b.SetReadDeadline(begun.Add(time.Hour))
		time.AfterFunc(time.Second, func() { b.SetReadDeadline(time.Now()) })
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v", err)
		}
		took(t, begun, time.Second)

		// Nobody reads: the writer fills the window and waits.
		begun = time.Now()
		a.SetWriteDeadline(begun.Add(2 * time.Second))
		wrote, err := a.Write(make([]byte, window+1))
		if wrote != window || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write = %d, %v", wrote, err)
		}
		took(t, begun, 2*time.Second)
	})
}

func TestCloseWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, _ := connected(t, n)
		l, _ := n.Listen(addressB)
		p, _ := n.ListenPacket(addressB)
		results := make(chan error, 3)
		go func() { _, err := a.Read(make([]byte, 1)); results <- err }()
		go func() { _, err := l.Accept(); results <- err }()
		go func() { _, _, err := p.ReadFrom(make([]byte, 1)); results <- err }()
		synctest.Wait()
		a.Close()
		l.Close()
		p.Close()
		for range 3 {
			if err := <-results; !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v", err)
			}
		}
		if err := a.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
	})
}

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Default(Conditions{Latency: 20 * time.Millisecond})
		begun := time.Now()
		if _, err := n.Dial(t.Context(), hostA, addressB); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v", err)
		}
		took(t, begun, 40*time.Millisecond)

		l, _ := n.Listen(addressB)
		defer l.Close()
		if _, err := n.Listen(addressB); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("second listener: %v", err)
		}
		if _, err := n.Listen("0.0.0.0:5061"); err == nil {
			t.Error("a listener on no host")
		}

		n.Cut(hostB, hostA) // the answer is lost
		begun = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := n.Dial(ctx, hostA, addressB); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cut: %v", err)
		}
		took(t, begun, 5*time.Second)

		begun = time.Now()
		time.AfterFunc(2*time.Second, func() { n.Restore(hostB, hostA) })
		if _, err := n.Dial(t.Context(), hostA, addressB); err != nil {
			t.Errorf("cut for 2 s: %v", err)
		}
		took(t, begun, 3*time.Second+40*time.Millisecond) // tries at 0, 1 and 3 s

		n.PowerOff(hostB)
		if _, err := n.Dial(t.Context(), hostA, addressB); !errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("host off: %v", err)
		}
	})
}

func TestKilledHostTellsItsPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Default(Conditions{Latency: 20 * time.Millisecond})
		a, b := connected(t, n)
		p, _ := n.ListenPacket(addressB)
		old, _ := n.Listen(addressB)
		waiting, err := n.Dial(t.Context(), hostA, addressB)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		n.Kill(hostB)
		if _, err := old.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the killed listener: %v", err)
		}
		if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection that nobody had accepted: %v", err)
		}
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer reads: %v", err)
		}
		took(t, begun, 20*time.Millisecond)
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the killed end reads: %v", err)
		}
		if _, _, err := p.ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the killed socket reads: %v", err)
		}
		if l, err := n.Listen(addressB); err != nil {
			t.Errorf("listen again: %v", err)
		} else {
			l.Close()
		}
	})
}

func TestHostWithoutPowerIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, _ := connected(t, n)
		n.PowerOff(hostB)
		a.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a stream to a host without power: %v", err)
		}
		a.SetReadDeadline(time.Time{})
		write(t, a, "anybody?")
		time.Sleep(10 * time.Second)
		n.PowerOn(hostB)
		begun := time.Now()
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a stream to a host that came back: %v", err)
		}
		if d := time.Since(begun); d == 0 || d > 10*time.Second {
			t.Errorf("the reset came after %v", d)
		}
	})
}

func TestStreamOverACutLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := connected(t, n)
		n.Cut(hostA, hostB)
		wrote := time.Now()
		for _, s := range []string{"one ", "two ", "three"} {
			write(t, a, s)
		}
		write(t, b, "the other way")
		read(t, a, "the other way")
		b.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("through a cut: %v", err)
		}
		b.SetReadDeadline(time.Time{})
		n.Restore(hostA, hostB)
		read(t, b, "one two three")
		took(t, wrote, 51*time.Second) // tries after 0.2, 0.6, 1.4, 3, 6.2, 12.6, 25.4 and 51 s

		n.CutBoth(hostA, hostB)
		begun := time.Now()
		write(t, a, "lost")
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("a long cut: %v", err)
		}
		if d := time.Since(begun); d < giveUp || d > giveUp+lastRetry {
			t.Errorf("gave up after %v", d)
		}
	})
}

func TestStreamSurvivesLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := connected(t, n)
		n.Between(hostA, hostB, Conditions{
			Latency: 10 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.2, Duplicate: 0.2, Reorder: 0.2,
		})
		want := make([]byte, 3*window)
		for i := range want {
			want[i] = byte(i * i >> 8)
		}
		begun := time.Now()
		go func() {
			for part := range bytes.SplitAfterSeq(want, []byte{7}) {
				a.Write(part)
			}
			a.Close()
		}()
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d of %d bytes, equal %v, %v", len(got), len(want), bytes.Equal(got, want), err)
		}
		if time.Since(begun) < firstRetry {
			t.Error("loss costs no time")
		}
	})
}

func TestStreamsDoNotWaitForOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := connected(t, n)
		c, d := connected(t, n)
		begun := time.Now()
		n.Default(Conditions{Latency: 100 * time.Millisecond})
		write(t, a, "slow")
		n.Default(Conditions{Latency: 10 * time.Millisecond})
		write(t, c, "fast")
		read(t, d, "fast")
		took(t, begun, 10*time.Millisecond)
		write(t, a, " and in order")
		read(t, b, "slow and in order")
		took(t, begun, 100*time.Millisecond)
	})
}

func TestBusyListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		l, err := n.Listen(addressB)
		if err != nil {
			t.Fatal(err)
		}
		for range backlog {
			if _, err := n.Dial(t.Context(), hostA, addressB); err != nil {
				t.Fatal(err)
			}
		}
		begun := time.Now()
		time.AfterFunc(2*time.Second, func() { l.Accept() })
		if _, err := n.Dial(t.Context(), hostA, addressB); err != nil {
			t.Error(err)
		}
		took(t, begun, 3*time.Second) // the third try
		l.Close()
	})
}
