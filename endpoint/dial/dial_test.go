package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/registrar/pki"
	"ewindow/registrar/pki/pin"
	"ewindow/scripts/lab/memnet"
)

const host = "203.0.113.1"

var window = netip.MustParseAddr("198.51.100.7")

// A lab is a registrar's host: what answers TLS at which of its ports.
type lab struct {
	t   *testing.T
	net *memnet.Network
	pki *pki.Identity

	mu     sync.Mutex
	dialed []string
	protos []string // negotiated
	open   int      // connections that the servers hold
	deaf   map[string]bool
	names  map[string]string // that the DNS translates → address
}

func simulate(t *testing.T, f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, net: memnet.New(1), deaf: map[string]bool{}, pki: authority(t)}
		l.net.Default(memnet.Conditions{Latency: 20 * time.Millisecond})
		f(l)
	})
}

func authority(t *testing.T) *pki.Identity {
	t.Helper()
	id, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: "reg.example.org", Extra: []string{host}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// serve answers TLS at an address, with one of the protocols of ALPN if there are any.
func (l *lab) serve(addr string, id *pki.Identity, protocols ...string) (stop func()) {
	l.t.Helper()
	listener, err := l.net.Listen(addr)
	if err != nil {
		l.t.Fatal(err)
	}
	config := id.ServerConfig()
	config.NextProtos = protocols
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				secure := tls.Server(c, config)
				defer c.Close()
				if secure.Handshake() != nil {
					return
				}
				l.count(1, secure.ConnectionState().NegotiatedProtocol)
				defer l.count(-1, "")
				_, _ = io.Copy(io.Discard, secure)
			})
		}
	})
	stop = sync.OnceFunc(func() { _ = listener.Close() })
	l.t.Cleanup(func() { stop(); serving.Wait() })
	return stop
}

// shut has these addresses answer no more, and all others answer.
func (l *lab) shut(addresses ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.deaf)
	for _, a := range addresses {
		l.deaf[a] = true
	}
}

// closed checks that the servers hold no connection any more.
func (l *lab) closed() {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open != 0 {
		l.t.Errorf("%d connections are left", l.open)
	}
}

func (l *lab) count(n int, protocol string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open += n; n > 0 {
		l.protos = append(l.protos, protocol)
	}
}

// tcp is the network as the window sees it: who is deaf there never answers.
func (l *lab) tcp(ctx context.Context, _, address string) (net.Conn, error) {
	l.mu.Lock()
	l.dialed = append(l.dialed, address)
	if name, port, _ := net.SplitHostPort(address); l.names[name] != "" {
		address = net.JoinHostPort(l.names[name], port)
	}
	deaf := l.deaf[address]
	l.mu.Unlock()
	if deaf {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(connectWithin):
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ETIMEDOUT}
		}
	}
	return l.net.Dial(ctx, window, address)
}

func (l *lab) dialer(port int) *Dialer {
	l.t.Helper()
	d, err := New(host, port, l.pki.Pin(), "reg.example.org", l.tcp)
	if err != nil {
		l.t.Fatal(err)
	}
	return d
}

// reaches dials the registrar; it is where it was reached, after how long.
func (l *lab) reaches(d *Dialer) (where string, took time.Duration, err error) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	c, err := d.Registrar(ctx)
	took = time.Since(begun)
	if err != nil {
		return "", took, err
	}
	defer c.Close()
	return c.RemoteAddr().String(), took, nil
}

const at5061, at443 = host + ":5061", host + ":443"

// The registrar is reached at its own port, and where that is not let out at 443, which is remembered.
func TestRegistrar(t *testing.T) {
	simulate(t, func(l *lab) {
		l.serve(at5061, l.pki)
		stop := l.serve(at443, l.pki, "sip/2", "stun.turn", "http/1.1")
		d := l.dialer(5061)
		if where, took, err := l.reaches(d); err != nil || where != at5061 || took > time.Second {
			t.Fatalf("%s after %v, %v", where, took, err)
		}
		if !slices.Equal(l.dialed, []string{at5061}) {
			t.Errorf("dialled %v: the other port is nobody's business", l.dialed)
		}
		l.shut(at5061)
		if where, took, err := l.reaches(d); err != nil || where != at443 || took < silentAfter || took > silentAfter+300*time.Millisecond {
			t.Errorf("5061 is shut: %s after %v, %v", where, took, err)
		}
		if where, took, err := l.reaches(d); err != nil || where != at443 || took > time.Second {
			t.Errorf("once more: %s after %v, %v", where, took, err)
		}
		time.Sleep(time.Second)
		l.mu.Lock()
		if want := []string{"", "sip/2", "sip/2"}; !slices.Equal(l.protos, want) {
			t.Errorf("protocols %q, want %q", l.protos, want)
		}
		l.mu.Unlock()
		l.shut(at443)
		if where, took, err := l.reaches(d); err != nil || where != at5061 || took > silentAfter+300*time.Millisecond {
			t.Errorf("443 is shut: %s after %v, %v", where, took, err)
		}
		stop()
		l.shut()
		if where, took, err := l.reaches(d); err != nil || where != at5061 || took > time.Second {
			t.Errorf("nobody at 443: %s after %v, %v", where, took, err)
		}
		time.Sleep(time.Second)
		l.closed()
	})
}

// A port that refuses, or is somebody else's, is passed over at once; if neither leads there the error speaks of the one that was named.
func TestRegistrarRefused(t *testing.T) {
	simulate(t, func(l *lab) {
		d := l.dialer(5061)
		stop := l.serve(at443, l.pki, "sip/2")
		if where, took, err := l.reaches(d); err != nil || where != at443 || took > time.Second {
			t.Errorf("%s after %v, %v", where, took, err)
		}
		stop()
		_, took, err := l.reaches(d)
		if err == nil || took > time.Second || !strings.HasPrefix(err.Error(), "nobody listens at "+at5061+"; is ewindow-registrar running there?") ||
			!strings.Contains(err.Error(), "; nor at port 443: nobody listens at "+at443) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody: %v after %v", err, took)
		}
		l.serve(at443, authority(l.t)) // a server of the web, say
		_, took, err = l.reaches(l.dialer(5061))
		var mismatch *pin.Mismatch
		if err == nil || took > time.Second || !errors.As(err, &mismatch) || !strings.HasPrefix(err.Error(), "nobody listens at "+at5061) {
			t.Errorf("somebody else at 443: %v after %v", err, took)
		}
		l.dialed = nil
		if _, _, err := l.reaches(l.dialer(5070)); err == nil || !slices.Equal(l.dialed, []string{host + ":5070"}) {
			t.Errorf("another port: %v, dialled %v", err, l.dialed)
		}
	})
}

// Where both are slow the second is there when the first gives up, and what comes too late is closed.
func TestRegistrarSlow(t *testing.T) {
	simulate(t, func(l *lab) {
		l.serve(at5061, l.pki)
		l.serve(at443, l.pki, "sip/2")
		l.net.Default(memnet.Conditions{Latency: 1200 * time.Millisecond}) // 2.4 s for TCP, as long for TLS
		if where, _, err := l.reaches(l.dialer(5061)); err != nil || where != at5061 {
			t.Errorf("%s, %v", where, err)
		}
		time.Sleep(10 * time.Second)
		l.closed()
		l.shut(at5061, at443)
		ctx, cancel := context.WithTimeout(l.t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := l.dialer(5061).Registrar(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

// A relay at the registrar's host is known by the pin alone, one elsewhere by it or by this machine's authorities.
func TestRelay(t *testing.T) {
	simulate(t, func(l *lab) {
		l.serve(at443, l.pki, "sip/2", "stun.turn", "http/1.1")
		l.serve("203.0.113.2:443", l.pki)
		l.serve("203.0.113.3:443", authority(l.t))
		d := l.dialer(5061)
		for addr, want := range map[string]string{
			at443: "", "203.0.113.2:443": "", // by another of its addresses
			"203.0.113.3:443": "is neither the registrar's nor known to this machine's authorities", "203.0.113.4:443": "refused",
		} {
			c, err := d.Relay(l.t.Context(), "tcp4", addr, true)
			if err == nil {
				_ = c.Close()
			}
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", addr, err)
			}
		}
		time.Sleep(time.Second)
		l.mu.Lock()
		if !slices.Contains(l.protos, "stun.turn") {
			t.Errorf("protocols %q", l.protos)
		}
		l.mu.Unlock()
		other, err := New("203.0.113.3", 5061, l.pki.Pin(), "reg.example.org", l.tcp)
		if err != nil {
			t.Fatal(err)
		}
		var mismatch *pin.Mismatch
		if _, err := other.Relay(l.t.Context(), "tcp4", "203.0.113.3:443", true); !errors.As(err, &mismatch) {
			t.Errorf("another authority at the registrar's host: %v", err)
		}
		c, err := d.Relay(l.t.Context(), "tcp4", at443, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, tls := c.(*tls.Conn); tls {
			t.Error("TLS, although in clear was asked for")
		}
		_ = c.Close()
	})
}
