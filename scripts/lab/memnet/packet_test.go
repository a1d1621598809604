package memnet

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// arrived sends count numbered datagrams from hostA to hostB, one a millisecond, and returns the numbers in the order they come.
func arrived(t *testing.T, n *Network, count int) []uint32 {
	t.Helper()
	a, err := n.ListenPacket("10.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, err := n.ListenPacket("10.0.0.2:4000")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	go func() {
		for i := range count {
			a.WriteTo(binary.BigEndian.AppendUint32(nil, uint32(i)), b.LocalAddr())
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		b.Close()
	}()
	var got []uint32
	buffer := make([]byte, 1500)
	for {
		size, from, err := b.ReadFrom(buffer)
		if err != nil {
			return got
		}
		if size != 4 || from.String() != a.LocalAddr().String() {
			t.Fatalf("%d bytes from %v", size, from)
		}
		got = append(got, binary.BigEndian.Uint32(buffer))
	}
}

func TestDatagramConditions(t *testing.T) {
	const count = 5000
	share := func(n int) float64 { return float64(n) / count }
	for _, test := range []struct {
		name       string
		conditions Conditions
		check      func(got []uint32) bool
	}{
		{"perfect", Conditions{}, func(got []uint32) bool { return len(got) == count && slices.IsSorted(got) }},
		{"jitter keeps the order", Conditions{Latency: time.Millisecond, Jitter: 40 * time.Millisecond},
			func(got []uint32) bool { return len(got) == count && slices.IsSorted(got) }},
		{"loss", Conditions{Loss: 0.1}, func(got []uint32) bool {
			return share(len(got)) > 0.88 && share(len(got)) < 0.92 && slices.IsSorted(got)
		}},
		{"loss in bursts", Conditions{Loss: 0.1, Burst: 4}, func(got []uint32) bool {
			bursts := 0
			for i := 1; i < len(got); i++ {
				if got[i] > got[i-1]+1 {
					bursts++
				}
			}
			mean := float64(count-len(got)) / float64(bursts)
			return share(len(got)) > 0.86 && share(len(got)) < 0.94 && mean > 3.3 && mean < 4.7
		}},
		// 32 bytes a millisecond are 256 kbit/s; half of that passes, and 100 ms of it wait.
		{"bottleneck", Conditions{Kbps: 128, Queue: 100 * time.Millisecond}, func(got []uint32) bool {
			return share(len(got)) > 0.5 && share(len(got)) < 0.52 && slices.IsSorted(got)
		}},
		{"all lost", Conditions{Loss: 1}, func(got []uint32) bool { return len(got) == 0 }},
		{"duplication", Conditions{Duplicate: 0.1}, func(got []uint32) bool {
			return share(len(got)) > 1.08 && share(len(got)) < 1.12 && len(slices.Compact(slices.Clone(got))) == count
		}},
		{"reordering", Conditions{Reorder: 0.1}, func(got []uint32) bool {
			late := 0
			for i := 1; i < len(got); i++ {
				if got[i] < got[i-1] {
					late++
				}
			}
			return len(got) == count && share(late) > 0.05 && share(late) < 0.12
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := func(seed uint64) (got []uint32) {
				synctest.Test(t, func(t *testing.T) {
					n := New(seed)
					n.Between(hostA, hostB, test.conditions)
					got = arrived(t, n, count)
				})
				return got
			}
			first := run(7)
			if !test.check(first) {
				t.Errorf("%d datagrams arrived, in order %v", len(first), slices.IsSorted(first))
			}
			if !slices.Equal(first, run(7)) {
				t.Error("the same seed gives another run")
			}
			chancy := test.conditions.Duplicate+test.conditions.Reorder > 0 || test.conditions.Loss > 0 && test.conditions.Loss < 1
			if chancy && slices.Equal(first, run(8)) {
				t.Error("another seed gives the same run")
			}
		})
	}
}

func TestDatagramSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Default(Conditions{Latency: 25 * time.Millisecond})
		a, _ := n.ListenPacket("10.0.0.1:4000")
		b, _ := n.ListenPacket("10.0.0.2:4000")
		defer a.Close()
		defer b.Close()
		if _, ok := b.LocalAddr().(*net.UDPAddr); !ok {
			t.Errorf("LocalAddr is a %T", b.LocalAddr())
		}
		if _, err := n.ListenPacket("10.0.0.1:4000"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("second socket: %v", err)
		}
		if _, err := a.WriteTo(make([]byte, maxDatagram+1), b.LocalAddr()); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("too long: %v", err)
		}
		if _, err := a.WriteTo(nil, &net.UDPAddr{IP: net.IPv6loopback, Port: 1}); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("another family: %v", err)
		}
		if _, err := a.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9}); err != nil {
			t.Errorf("to nobody: %v", err)
		}

		begun := time.Now()
		data := []byte("changed after sending")
		a.WriteTo(data, b.LocalAddr())
		clear(data)
		short := make([]byte, 7)
		size, _, err := b.ReadFrom(short)
		if string(short[:size]) != "changed" || err != nil {
			t.Errorf("read %q, %v", short[:size], err)
		}
		took(t, begun, 25*time.Millisecond)

		n.Cut(hostA, hostB)
		a.WriteTo([]byte("x"), b.LocalAddr())
		b.WriteTo([]byte("y"), a.LocalAddr())
		n.Restore(hostA, hostB)
		if size, _, err := a.ReadFrom(short); size != 1 || err != nil {
			t.Errorf("the way that is not cut: %d, %v", size, err)
		}
		begun = time.Now()
		b.SetReadDeadline(begun.Add(time.Second))
		if _, _, err := b.ReadFrom(short); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("what was sent into a cut: %v", err)
		}
		took(t, begun, time.Second)
	})
}

func TestDatagramsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, _ := n.ListenPacket("10.0.0.1:4000")
		b, _ := n.ListenPacket("10.0.0.2:4000")
		for range 2 * maxQueue {
			a.WriteTo([]byte("x"), b.LocalAddr())
		}
		b.SetReadDeadline(time.Now().Add(time.Second))
		got := 0
		for {
			if _, _, err := b.ReadFrom(make([]byte, 1)); err != nil {
				break
			}
			got++
		}
		if got != maxQueue {
			t.Errorf("%d datagrams waited, want %d", got, maxQueue)
		}
	})
}
