package flow

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const shared = "10.0.0.1:443"

// binding is a STUN request.
var binding = string(binary.BigEndian.AppendUint32([]byte{0, 1, 0, 0}, 0x2112a442)) + "twelve bytes"

// A sharer is a shared port on which SIP is read as by stack, and the others say what they have read first.
type sharer struct {
	*stack
	others Others
	trusts *x509.CertPool
}

func share(t *testing.T, limits Limits, serve bool) *sharer {
	t.Helper()
	return shareBy(t, limits, serve, nil)
}

// shareBy is share with a configuration for some clients.
func shareBy(t *testing.T, limits Limits, serve bool, forSome func(*tls.ClientHelloInfo) (*tls.Config, error)) *sharer {
	t.Helper()
	certificate, trusts := issued(t)
	s := &sharer{stack: start(t, limits, nil), trusts: trusts}
	inner, err := s.net.Listen(shared)
	if err != nil {
		t.Fatal(err)
	}
	s.others = Others{TURN: NewInlet(inner.Addr()), HTTP: NewInlet(inner.Addr())}
	l := s.table.Share(inner, &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, GetConfigForClient: forSome,
	}, s.others)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = l.Run(ctx) })
	running.Go(func() { _ = s.serve(l) })
	if serve {
		running.Go(func() { answer(s.others.TURN, "turn") })
		running.Go(func() { answer(s.others.HTTP, "http") })
	}
	t.Cleanup(func() {
		cancel()
		_ = s.others.TURN.Close()
		_ = s.others.HTTP.Close()
		running.Wait()
		if n := s.table.Len(); n != 0 {
			t.Errorf("%d connections are left after Run", n)
		}
	})
	return s
}

// answer says to each connection who has it and what came first.
func answer(l net.Listener, who string) {
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		serving.Go(func() {
			defer c.Close()
			b := make([]byte, 200)
			n, _ := c.Read(b)
			fmt.Fprintf(c, "%s %q", who, b[:n])
			_, _ = c.Read(b)
		})
	}
}

func (s *sharer) dialShared(from string) net.Conn {
	s.t.Helper()
	c, err := s.net.Dial(s.t.Context(), netip.MustParseAddr(from), shared)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// speaks opens TLS with these protocols and says something; heard is what is answered.
func (s *sharer) speaks(protocols []string, parts ...string) (heard string, err error) {
	c := tls.Client(s.dialShared("10.0.1.1"), &tls.Config{ServerName: tlsName, RootCAs: s.trusts, NextProtos: protocols})
	if err := c.HandshakeContext(s.t.Context()); err != nil {
		return "", err
	}
	defer c.Close()
	return says(c, parts...), nil
}

func says(c net.Conn, parts ...string) string {
	for _, part := range parts {
		_, _ = io.WriteString(c, part)
		time.Sleep(100 * time.Millisecond)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 300)
	n, _ := c.Read(b)
	return string(b[:n])
}

// Two connections from one address and port, to each of two ports here, are two flows: neither ends the other, and each is found by
// its own name.
func TestOnePortTwoConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := share(t, Limits{}, true)
		from := netip.MustParseAddrPort("10.0.1.1:40000")
		alone, err := s.net.DialFrom(t.Context(), from, server)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := s.net.DialFrom(t.Context(), from, shared)
		if err != nil {
			t.Fatal(err)
		}
		both := tls.Client(raw, &tls.Config{ServerName: tlsName, RootCAs: s.trusts, NextProtos: []string{alpnSIP}})
		if err := both.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		f, g := s.flow(alone), s.flow(raw)
		if f == g || f.Remote != g.Remote || Destination(f) == Destination(g) || !s.table.Alive(f) || !s.table.Alive(g) {
			t.Errorf("%+v and %+v", f, g)
		}
		for _, want := range []Flow{f, g} {
			if got, ok := s.table.Find(Destination(want)); !ok || got != want {
				t.Errorf("%s finds %+v, want %+v", Destination(want), got, want)
			}
		}
		if local := s.table.Local(g); local != shared {
			t.Errorf("the second one came to %s", local)
		}
		_ = both.Close()
		synctest.Wait()
		time.Sleep(time.Second)
		if s.table.Alive(g) || !s.table.Alive(f) {
			t.Error("with the second one the first one ended")
		}
		_ = alone.Close()
		time.Sleep(time.Second)
	})
}

// What a connection is for shows by ALPN, and without it by its first bytes, however they come.
func TestShared(t *testing.T) {
	turn := fmt.Sprintf("turn %q", binding)
	for name, test := range map[string]struct {
		protocols []string
		parts     []string
		want      string // what is answered, "SIP" for a message that was read; "" for a connection that is closed
		kind      string // of what is told
	}{
		"SIP by ALPN":                 {[]string{"sip/2"}, []string{message}, "SIP", ""},
		"a window's":                  {[]string{"sip/2", "ewindow"}, []string{message}, "SIP", ""},
		"TURN by ALPN":                {[]string{"stun.turn"}, []string{binding}, turn, ""},
		"HTTP by ALPN":                {[]string{"h2", "http/1.1"}, []string{"GET /"}, `http "GET /"`, ""},
		"ALPN counts":                 {[]string{"http/1.1"}, []string{message}, fmt.Sprintf("http %q", message), ""},
		"SIP":                         {nil, []string{message}, "SIP", ""},
		"SIP in pieces":               {nil, []string{"OPT", "IONS", " ", message[8:]}, "SIP", ""},
		"a ping, then SIP":            {nil, []string{"\r\n\r\n", message}, "SIP", ""},
		"TURN":                        {nil, []string{binding}, turn, ""},
		"TURN in pieces":              {nil, []string{binding[:1], binding[1:7], binding[7:8]}, fmt.Sprintf("turn %q", binding[:8]), ""},
		"HTTP":                        {nil, []string{"GET /"}, `http "GET /"`, ""},
		"OPTIONS of HTTP":             {nil, []string{"OPTIONS ", "* HTTP/1.1\r\n"}, `http "OPTIONS * HTTP/1.1\r\n"`, ""},
		"HTTP/2 without ALPN":         {nil, []string{"PRI * HTTP/2.0\r\n"}, "", Foreign},
		"something else":              {nil, []string{"\x05\x01\x00"}, "", Foreign},
		"lower case":                  {nil, []string{"get / HTTP/1.1"}, "", Foreign},
		"a long word":                 {nil, []string{strings.Repeat("A", 200)}, "", Foreign},
		"another cookie":              {nil, []string{"\x00\x01\x00\x00abcdefgh"}, "", Foreign},
		"nothing":                     {nil, nil, "", ""},
		"half a word":                 {nil, []string{"OPTI"}, "", ""},
		"hangs up behind a handshake": {nil, []string{"\x00"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := share(t, Limits{}, true)
				heard, err := s.speaks(test.protocols, test.parts...)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if s.stack.mu.Lock(); s.read > 0 {
					heard = "SIP"
				}
				s.stack.mu.Unlock()
				if heard != test.want {
					t.Errorf("heard %q, want %q", heard, test.want)
				}
				if told := s.failures(); len(told) > 1 || len(told) == 1 && told[0].Kind != test.kind || len(told) == 0 && test.kind != "" {
					t.Errorf("told %+v, want %q", told, test.kind)
				}
			})
		})
	}
}

// Protocols that nobody serves here are refused in the handshake (RFC 7301 §3.2).
func TestSharedUnknownProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := share(t, Limits{}, true)
		for _, protocol := range []string{"acme-tls/1", "h2", "imap"} {
			_, err := s.speaks([]string{protocol})
			if err == nil || !strings.Contains(err.Error(), "no application protocol") {
				t.Errorf("%s: %v", protocol, err)
			}
			synctest.Wait()
			if told := s.failures(); len(told) != 1 || told[0].Kind != NoCommon || !strings.Contains(told[0].Reason, "ALPN") {
				t.Errorf("%s: told %+v", protocol, told)
			}
		}
		if n := s.table.Len(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// Whoever comes for the handshake alone is shown what there is for it, and gone with that: it holds no place, and neither SIP nor HTTP
// hears of it. A ClientHello may come in pieces, as it likes; many of them, whole or half, keep nobody else waiting (facts' attacks 4 and 16).
func TestSharedForHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const challenge = "acme-tls/1"
		certificate, _ := issued(t)
		s := shareBy(t, Limits{}, true, func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == challenge {
				return &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{challenge}, MinVersion: tls.VersionTLS12}, nil
			}
			return nil, nil
		})
		come := func(home string, pieces int) error {
			c := tls.Client(&inPieces{s.dialShared(home), pieces}, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{challenge}})
			defer c.Close()
			begun := time.Now()
			if err := c.HandshakeContext(t.Context()); err != nil {
				return err
			}
			if heard := says(c, message); heard != "" || c.ConnectionState().NegotiatedProtocol != challenge || time.Since(begun) > 10*time.Second {
				return fmt.Errorf("heard %q by %q after %v", heard, c.ConnectionState().NegotiatedProtocol, time.Since(begun))
			}
			return nil
		}
		for _, pieces := range []int{0, 1, 100} {
			if err := come("10.0.1.1", pieces); err != nil {
				t.Errorf("in pieces of %d: %v", pieces, err)
			}
		}
		synctest.Wait()
		if n := s.table.Len(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
		var others sync.WaitGroup
		for i := range 400 {
			others.Go(func() {
				if home := fmt.Sprintf("10.0.%d.%d", 2+i%4, 1+i/4); i%2 == 0 {
					_ = come(home, 0)
				} else {
					says(s.dialShared(home), "\x16\x03\x01\x02\x00\x01")
				}
			})
		}
		begun := time.Now()
		if heard, err := s.speaks([]string{"stun.turn"}, binding); err != nil || heard == "" || time.Since(begun) > 2*time.Second {
			t.Errorf("a window's relay among them: %q, %v, after %v", heard, err, time.Since(begun))
		}
		others.Wait()
		synctest.Wait()
		_ = s.failures()
	})
}

// inPieces sends what is written in pieces of so many bytes; 0: as it is.
type inPieces struct {
	net.Conn
	size int
}

func (p *inPieces) Write(b []byte) (n int, err error) {
	for size := p.size; size > 0 && len(b)-n > size; n += size {
		if _, err := p.Conn.Write(b[n : n+size]); err != nil {
			return n, err
		}
	}
	m, err := p.Conn.Write(b[n:])
	return n + m, err
}

// Without TLS there is STUN and TURN, and nothing else.
func TestSharedInClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := share(t, Limits{}, true)
		if heard := says(s.dialShared("10.0.1.1"), binding[:3], binding[3:8]); heard != fmt.Sprintf("turn %q", binding[:8]) {
			t.Errorf("heard %q", heard)
		}
		for said, reason := range map[string]string{
			message: "it speaks SIP", "GET / HTTP/1.1\r\n": "it speaks HTTP", "\x00\x01\x00\x00abcdefgh": "not known", "\x40\x00\x00\x04data": "not known", "\r\n\r\n": "not known",
		} {
			begun := time.Now()
			if heard := says(s.dialShared("10.0.1.1"), said); heard != "" || time.Since(begun) > time.Second {
				t.Errorf("%q: heard %q after %v", said, heard, time.Since(begun))
			}
			if told := s.failures(); len(told) != 1 || told[0].Kind != NotTLS || !strings.Contains(told[0].Reason, reason) {
				t.Errorf("%q: told %+v", said, told)
			}
		}
	})
}

// Whoever is slow is let go, at each step of the way: nobody holds a connection longer than the limits say.
func TestSharedSlow(t *testing.T) {
	hello := "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("r", 200)
	drip := func(c net.Conn, text string) {
		for _, b := range []byte(text) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	opened := func(s *sharer, c net.Conn, then func(net.Conn)) {
		secure := tls.Client(c, &tls.Config{ServerName: tlsName, RootCAs: s.trusts})
		if err := secure.HandshakeContext(s.t.Context()); err != nil {
			s.t.Error(err)
		}
		then(secure)
	}
	d := DefaultLimits()
	for name, test := range map[string]struct {
		peer   func(*sharer, net.Conn)
		within time.Duration
	}{
		"silence":             {func(*sharer, net.Conn) {}, d.Handshake},
		"STUN by the byte":    {func(_ *sharer, c net.Conn) { drip(c, "\x00\x01\x00"); time.Sleep(time.Minute) }, d.Handshake},
		"a hello by the byte": {func(_ *sharer, c net.Conn) { drip(c, hello) }, d.Handshake},
		"a hello of 16 MB": {func(_ *sharer, c net.Conn) {
			_, _ = io.WriteString(c, "\x16\x03\x01\x40\x00\x01\xff\xff\xff"+strings.Repeat("x", 1<<14))
		}, time.Second},
		"a record of 64 KB":  {func(_ *sharer, c net.Conn) { _, _ = io.WriteString(c, "\x16\x03\x01\xff\xff\x01") }, time.Second},
		"bytes before TLS":   {func(_ *sharer, c net.Conn) { _, _ = io.WriteString(c, "\r\n"+hello) }, time.Second},
		"silence within TLS": {func(s *sharer, c net.Conn) { opened(s, c, func(net.Conn) { time.Sleep(time.Minute) }) }, d.Idle},
		"a word by the byte": {func(s *sharer, c net.Conn) {
			opened(s, c, func(c net.Conn) { drip(c, strings.Repeat("A", 20)); time.Sleep(time.Minute) })
		}, d.Idle},
		"a SIP message by the byte": {func(s *sharer, c net.Conn) {
			opened(s, c, func(c net.Conn) { drip(c, "OPTIONS sip:a SIP/2.0\r\nSubject: "+strings.Repeat("a", 300)) })
		}, d.Idle + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := share(t, Limits{}, true)
				c := s.dialShared("10.0.1.1")
				synctest.Wait()
				if n := s.table.Len(); n != 1 {
					t.Fatalf("%d connections at first", n)
				}
				begun := time.Now()
				go test.peer(s, c)
				for s.table.Len() > 0 && time.Since(begun) < time.Minute {
					time.Sleep(100 * time.Millisecond)
				}
				if took := time.Since(begun); took > test.within+time.Second {
					t.Errorf("let go after %v, want %v", took, test.within)
				}
				_ = c.Close()
				time.Sleep(2 * time.Minute) // peers end
			})
		})
	}
}

// A crowd of strangers leaves room, wherever on the way they stand, and what nobody takes is closed.
func TestSharedCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := share(t, Limits{Connections: 60, PerBlock: 20}, false) // nobody serves TURN and HTTP
		for i := range 200 {
			c := s.dialShared(fmt.Sprintf("10.%d.1.%d", 1+i%3, 1+i%100))
			switch i % 4 {
			case 0:
				_, _ = io.WriteString(c, binding)
			case 1:
				_, _ = io.WriteString(c, "\x16\x03\x01\x02")
			case 2:
				go func() {
					secure := tls.Client(c, &tls.Config{ServerName: tlsName, RootCAs: s.trusts, NextProtos: []string{"http/1.1"}})
					_ = secure.HandshakeContext(t.Context())
				}()
			}
			time.Sleep(time.Millisecond)
		}
		if n := s.table.Len(); n > 60 {
			t.Errorf("%d connections", n)
		}
		if _, err := s.speaks([]string{"sip/2"}, message); err != nil {
			t.Errorf("one more: %v", err)
		}
		time.Sleep(time.Minute)
		if n := s.table.Len(); n != 0 {
			t.Errorf("%d connections are left after a minute", n)
		}
	})
}

// HTTP's connections stay among the strangers: they count, and make room.
func TestSharedGuests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := share(t, Limits{PerBlock: 1}, true)
		c := tls.Client(s.dialShared("10.0.1.1"), &tls.Config{ServerName: tlsName, RootCAs: s.trusts, NextProtos: []string{"http/1.1"}})
		if heard := says(c, "GET /"); heard != `http "GET /"` {
			t.Fatalf("heard %q", heard)
		}
		if n := s.table.Len(); n != 1 {
			t.Errorf("%d connections, with one of HTTP", n)
		}
		s.dialShared("10.0.1.2")
		time.Sleep(time.Second)
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, net.ErrClosed) {
			t.Errorf("the guest: %v", err)
		}
		turn := s.dialShared("10.0.1.3")
		if heard := says(turn, binding); heard != fmt.Sprintf("turn %q", binding) {
			t.Fatalf("heard %q", heard)
		}
		if n := s.table.Len(); n != 0 {
			t.Errorf("%d connections: those of TURN are counted elsewhere", n)
		}
	})
}
