package flow

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/scripts/lab/memnet"
)

const server = "10.0.0.1:5061"

// message is one as far as this package looks.
const message = "OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n"

// A stand-in for the SIP stack: it reads every connection until its end. What it reads at once is a whole message.
type stack struct {
	t      *testing.T
	net    *memnet.Network
	table  *Table
	mu     sync.Mutex
	closed []Flow
	failed []HandshakeFailure
	read   int // messages
}

func start(t *testing.T, limits Limits, config *tls.Config) *stack {
	t.Helper()
	s := &stack{t: t, net: memnet.New(1)}
	s.net.Default(memnet.Conditions{Latency: time.Millisecond})
	s.table = NewTable(limits, Events{
		Closed: func(f Flow) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.closed = append(s.closed, f)
		},
		HandshakeFailed: func(_ Flow, f HandshakeFailure) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.failed = append(s.failed, f)
		},
	})
	inner, err := s.net.Listen(server)
	if err != nil {
		t.Fatal(err)
	}
	l := s.table.Listen(inner, TLS, config)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- l.Run(ctx) }()
	go func() { done <- s.serve(l) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-done; err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
		s.table.Wait()
	})
	return s
}

func (s *stack) serve(l net.Listener) error {
	var readers sync.WaitGroup
	defer readers.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		s.t.Cleanup(func() { _ = c.Close() })
		go func() {
			defer c.Close()
			buf := make([]byte, 32_768)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				if string(buf[:n]) == message {
					s.mu.Lock()
					s.read++
					s.mu.Unlock()
				}
			}
		}()
	}
}

// ends are the flows whose end was told.
func (s *stack) ends() []Flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.closed)
}

// failures are the handshakes that were told of since it was last asked.
func (s *stack) failures() (told []HandshakeFailure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told, s.failed = s.failed, nil
	return told
}

func (s *stack) dial(host string) net.Conn {
	s.t.Helper()
	c, err := s.net.Dial(s.t.Context(), netip.MustParseAddr(host), server)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// find is the flow of a client's connection, if it was handed to the stack.
func (s *stack) find(c net.Conn) (Flow, bool) {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	for _, of := range s.table.live {
		if of.raw.RemoteAddr().String() == c.LocalAddr().String() && of.raw.LocalAddr().String() == c.RemoteAddr().String() {
			return of.flow, true
		}
	}
	return Flow{}, false
}

// flow is the server's name for a client's connection.
func (s *stack) flow(c net.Conn) Flow {
	s.t.Helper()
	synctest.Wait()
	f, ok := s.find(c)
	if !ok {
		s.t.Fatalf("no flow from %s", c.LocalAddr())
	}
	return f
}

// lives says how long a connection stays open from now, up to limit.
func lives(c net.Conn, limit time.Duration) time.Duration {
	begun := time.Now()
	_ = c.SetReadDeadline(begun.Add(limit))
	_, _ = io.Copy(io.Discard, c)
	return time.Since(begun)
}

func about(got, want time.Duration) bool { return (got - want).Abs() < 100*time.Millisecond }

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Limits{}, nil)
		silent := s.dial("10.0.1.1")
		if got := lives(silent, time.Minute); !about(got, 10*time.Second) {
			t.Errorf("a silent connection lives %v, want 10 s", got)
		}
		pinging := s.dial("10.0.1.2") // keepalives alone do not make a peer known
		go func() {
			for range 8 {
				time.Sleep(2 * time.Second)
				if _, err := pinging.Write([]byte("\r\n\r\n")); err != nil {
					return
				}
			}
		}()
		if got := lives(pinging, time.Minute); !about(got, 10*time.Second) {
			t.Errorf("a pinging connection lives %v, want 10 s", got)
		}
		known := s.dial("10.0.1.3")
		s.table.Keep(s.flow(known), time.Now().Add(5*time.Minute))
		if got := lives(known, time.Hour); !about(got, 5*time.Minute) {
			t.Errorf("a known connection lives %v, want 5 min", got)
		}
		half := s.dial("10.0.1.4")
		s.table.Keep(s.flow(half), time.Now().Add(5*time.Minute))
		_, _ = half.Write([]byte("REGIS"))
		if got := lives(half, time.Hour); !about(got, 10*time.Second) {
			t.Errorf("half a message keeps a known connection for %v, want 10 s", got)
		}
		if n := s.table.Len(); n != 0 {
			t.Errorf("%d connections are on the books", n)
		}
		if n := len(s.ends()); n != 4 {
			t.Errorf("%d ends were told, want 4", n)
		}
	})
}

// A flow on which a known peer pings, as windows do, has failed when that stops (RFC 5626 §5.4), however long it is to be kept;
// one whose pings are rare, as phones' are, has not.
func TestPingsThatStop(t *testing.T) {
	for _, c := range []struct {
		name         string
		every, lives time.Duration
		pings        int
	}{
		{"a window", 4 * time.Second, goneAfter, 10},
		{"too few to know", 4 * time.Second, 5 * time.Minute, 2},
		{"a phone", 30 * time.Second, 5 * time.Minute, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, Limits{}, nil)
			c1 := s.dial("10.0.1.1")
			for range c.pings {
				s.table.Keep(s.flow(c1), time.Now().Add(5*time.Minute))
				if _, err := c1.Write([]byte("\r\n\r\n")); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				time.Sleep(c.every)
			}
			if got := lives(c1, time.Hour) + c.every; !about(got, c.lives) {
				t.Errorf("%s: it lives for %v after its last ping, want %v", c.name, got, c.lives)
			}
		})
	}
}

func TestHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Limits{}, &tls.Config{})
		if got := lives(s.dial("10.0.1.1"), time.Minute); !about(got, 5*time.Second) {
			t.Errorf("half a handshake lives %v, want 5 s", got)
		}
		if len(s.ends()) != 0 {
			t.Error("the end of what never began was told")
		}
	})
}

func TestDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Limits{}, nil)
		c := s.dial("10.0.1.1")
		f := s.flow(c)
		other := f
		other.ID += "x"
		s.table.Drop(other)
		if !s.table.Alive(f) || s.table.Alive(other) {
			t.Error("a flow is taken for another with the same address")
		}
		s.table.Drop(f)
		synctest.Wait()
		if s.table.Alive(f) {
			t.Error("still alive")
		}
		if len(s.ends()) != 1 || s.ends()[0] != f {
			t.Errorf("ends told: %v", s.ends())
		}
		if !s.table.Alive(Flow{Transport: UDP, Remote: "192.0.2.1:5060"}) {
			t.Error("UDP has no end that can be seen")
		}
	})
}

// A sender that is too fast is slowed down and loses nothing.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Limits{Burst: 10, Rate: 10}, nil)
		c := s.dial("10.0.1.1")
		for range 40 {
			_, _ = c.Write([]byte(message))
			time.Sleep(3 * time.Millisecond)
		}
		s.mu.Lock()
		soon := s.read
		s.mu.Unlock()
		if soon > 15 {
			t.Errorf("%d messages were read at once, want about 10", soon)
		}
		s.table.Keep(s.flow(c), time.Now().Add(time.Minute))
		time.Sleep(5 * time.Second)
		if !s.table.Alive(s.flow(c)) {
			t.Error("the connection is gone")
		}
	})
}

// The SIP stack is made to forget the senders of a UDP socket before they are too many, and no datagram is lost.
func TestPacketConnForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(1)
		inner, err := n.ListenPacket("10.0.0.1:5060")
		if err != nil {
			t.Fatal(err)
		}
		p := NewTable(Limits{}, Events{}).Packets(inner)
		p.max = 10
		for i := range 25 {
			c, err := n.ListenPacket(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}).String() + ":5060")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.WriteTo(append([]byte{byte(i)}, "\r\n\r\n"...), inner.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
		}
		time.Sleep(time.Second)
		served, got := 0, 0
		for buf := make([]byte, 10); got < 25; {
			_, _, err := p.ReadFrom(buf)
			switch {
			case errors.Is(err, net.ErrClosed) && !p.Served():
				served++
			case err != nil:
				t.Fatal(err)
			case int(buf[0]) != got:
				t.Fatalf("datagram %d after %d", buf[0], got)
			default:
				got++
			}
		}
		if served != 2 {
			t.Errorf("was told %d times to begin again, want 2", served)
		}
		_ = inner.Close()
		if _, _, err := p.ReadFrom(make([]byte, 10)); !errors.Is(err, net.ErrClosed) || !p.Served() {
			t.Errorf("a closed socket: %v, served %v", err, p.Served())
		}
	})
}

// selfSigned is a certificate for handshakes.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)},
		&x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
