package udp

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestStamps(t *testing.T) {
	const second = int64(time.Second)
	const ms = int64(time.Millisecond)
	at := int64(1_800_000_000) * second // wall clock
	for name, c := range map[string]struct {
		step, stamp, later int64 // of the wall clock; before the second look; from the first look to the second
		want               time.Duration
	}{
		"just now":                        {0, 0, 20 * ms, 0},
		"40 ms ago":                       {0, 40 * ms, 20 * ms, 40 * time.Millisecond},
		"longer ago than a socket holds":  {0, 5 * second, 20 * ms, 0},
		"not yet":                         {0, -ms, 20 * ms, 0},
		"the clock was set forward":       {second, second + ms, 20 * ms, 0},
		"the clock was set back":          {-second, ms - second, 20 * ms, 0},
		"a clock that is slewed":          {ms, 40 * ms, second, 40 * time.Millisecond},
		"a long pause and a slewed clock": {50 * ms, 40 * ms, 60 * second, 40 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			var s stamps
			age := func(mono, wall, stamp int64) time.Duration {
				return time.Duration(mono - s.arrival(func() (int64, int64) { return mono, wall }, stamp))
			}
			if got := age(0, at, at-ms); got != time.Millisecond {
				t.Errorf("at first %v", got)
			}
			wall := at + c.later + c.step
			if got := age(c.later, wall, wall-c.stamp); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
			if c.step >= second || c.step <= -second { // what still waits was stamped before
				mono := c.later + second
				if got := age(mono, at+mono+c.step, at+c.later-ms); got != 0 {
					t.Errorf("soon after the step %v", got)
				}
				mono += 2 * int64(stepDoubt)
				if got := age(mono, at+mono+c.step, at+mono+c.step-ms); got != time.Millisecond {
					t.Errorf("long after the step %v", got)
				}
			}
		})
	}
}

// Whoever is held up between the two clocks takes that for no step.
func TestStampsOfABusyMachine(t *testing.T) {
	const ms = int64(time.Millisecond)
	var s stamps
	mono, held := int64(0), int64(0)
	clocks := func() (int64, int64) {
		wall := mono
		mono += held
		held = 0
		return mono, wall
	}
	for i := range 10 {
		mono += 20 * ms
		if i > 0 {
			held = 30 * ms
		}
		stamp := mono - 5*ms
		if got := s.arrival(clocks, stamp); got != stamp {
			t.Errorf("datagram %d came %v later than stamped", i, time.Duration(got-stamp))
		}
	}
}

func TestSegments(t *testing.T) {
	of := func(sizes ...int) (d [][]byte) {
		for _, n := range sizes {
			d = append(d, make([]byte, n))
		}
		return d
	}
	for _, c := range []struct {
		datagrams [][]byte
		want      int
	}{
		{of(100), 1},
		{of(100, 100, 100), 3},
		{of(100, 100, 50), 3},
		{of(100, 50, 50), 2},
		{of(50, 100), 1},
		{of(100, 100, 50, 100, 100, 50), 3},
		{of(50_000, 50_000), 1},
	} {
		if got := segments(c.datagrams); got != c.want {
			t.Errorf("%d of %d datagrams, want %d", got, len(c.datagrams), c.want)
		}
	}
	if got := segments(make([][]byte, 200)); got != mostSegments {
		t.Errorf("%d empty ones, want %d", got, mostSegments)
	}
}

// pair is two sockets of the kernel's, and the address of the second.
func pair(t *testing.T) (a, b *Socket, to netip.AddrPort) {
	t.Helper()
	var s [2]*Socket
	for i := range s {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		s[i] = New(c)
	}
	to, _ = AddrPort(s[1].LocalAddr())
	return s[0], s[1], to
}

// What has waited in the kernel came when it came, not when it was read.
func TestArrivalIsTheKernels(t *testing.T) {
	a, b, to := pair(t)
	if b.control == nil {
		t.Skip("this kernel gives no stamps")
	}
	const apart = time.Millisecond // the two clocks are read one after the other
	for patience := time.Now().Add(10 * time.Second); ; {
		before := time.Now()
		if err := a.Send([]byte("early"), to); err != nil {
			t.Fatal(err)
		}
		sent := time.Now()
		time.Sleep(30 * time.Millisecond)
		_ = b.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, from, came, err := b.Receive(make([]byte, 100))
		if err != nil || n != 5 || int(from.Port()) != a.LocalAddr().(*net.UDPAddr).Port {
			t.Fatal(n, from, err)
		}
		switch {
		case came.Before(before.Add(-apart)):
			t.Fatalf("came %v before it was sent", before.Sub(came))
		case !came.After(sent.Add(apart)):
			return
		case time.Now().After(patience): // the first socket of a machine that asks is heeded a moment later, by a work queue
			t.Fatalf("came %v after it was sent", came.Sub(sent))
		}
	}
}

func TestSendAll(t *testing.T) {
	a, b, to := pair(t)
	var sent [][]byte
	for i, n := range []int{1200, 1200, 1200, 300, 1200, 40, 700, 800} {
		sent = append(sent, bytes.Repeat([]byte{byte(i + 1)}, n))
	}
	for _, single := range []bool{false, true} {
		a.single.Store(single)
		if failed, err := a.SendAll(sent, to); failed != 0 {
			t.Fatal(failed, err)
		}
		if a.single.Load() != single {
			t.Skip("this kernel takes no segments")
		}
		_ = b.SetReadDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 2000)
		for i, want := range sent {
			n, _, _, err := b.Receive(buf)
			if err != nil || !bytes.Equal(buf[:n], want) {
				t.Fatalf("datagram %d: %d bytes, %v", i, n, err)
			}
		}
	}
}

// Where segments are refused packets go one by one; where the network refuses all, each counts as failed.
func TestSendAllRefused(t *testing.T) {
	a, _, to := pair(t)
	raw, err := a.udp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { // segments are not cut without checksums
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
	})
	if err != nil {
		t.Skip(err)
	}
	two := [][]byte{make([]byte, 100), make([]byte, 100)}
	if failed, err := a.SendAll(two, to); failed != 0 || err != nil || !a.single.Load() {
		t.Error(failed, err, a.single.Load())
	}
	a.Close()
	if failed, err := a.SendAll(two, to); failed != 2 || err == nil {
		t.Error(failed, err)
	}
}

// A socket sends to one machine at a time, whatever address somebody names.
func TestNoBroadcast(t *testing.T) {
	everybody := netip.MustParseAddrPort("127.255.255.255:9")
	usual, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer usual.Close()
	if _, err := usual.WriteToUDPAddrPort([]byte("x"), everybody); err != nil {
		t.Skipf("this machine sends to no broadcast address: %v", err)
	}
	c, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := New(c)
	if err := s.Send([]byte("x"), everybody); !errors.Is(err, unix.EACCES) {
		t.Errorf("sent to a broadcast address: %v", err)
	}
	if failed, _ := s.SendAll([][]byte{[]byte("x"), []byte("y")}, everybody); failed != 2 {
		t.Errorf("%d of 2 sent together have failed", failed)
	}
	if err := s.Send([]byte("x"), netip.MustParseAddrPort(usual.LocalAddr().String())); err != nil {
		t.Errorf("to one machine: %v", err)
	}
}
