package reach

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/turn/v5"

	"ewindow/registrar/pki"
	"ewindow/scripts/lab/memnet"
)

// tcpBeside is the TCP beside a world's UDP, with a TURN server over TLS at 443 and one in clear at 3478.
type tcpBeside struct {
	*memnet.Network
	trust *tls.Config

	mu     sync.Mutex
	dialed []string
}

func (w *world) stream(middle *vnet.Net) *tcpBeside {
	w.t.Helper()
	id, err := pki.Load(pki.Config{Dir: w.t.TempDir(), Domain: server}, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	s := &tcpBeside{Network: memnet.New(1), trust: &tls.Config{ServerName: server, InsecureSkipVerify: true}}
	s.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
	secure, err1 := s.Listen(server + ":443")
	plain, err2 := s.Listen(server + ":3478")
	if err := errors.Join(err1, err2); err != nil {
		w.t.Fatal(err)
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	relay := &turn.RelayAddressGeneratorStatic{RelayAddress: net.ParseIP(server), Address: server, Net: middle}
	served, err := turn.NewServer(turn.ServerConfig{
		Realm: "ewindow", LoggerFactory: quiet,
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			return r.Username, turn.GenerateAuthKey(r.Username, "ewindow", "secret"), true
		},
		ListenerConfigs: []turn.ListenerConfig{
			{Listener: tls.NewListener(secure, id.ServerConfig()), RelayAddressGenerator: relay},
			{Listener: plain, RelayAddressGenerator: relay},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = served.Close() })
	return s
}

// dial is Config.Dial.
func (s *tcpBeside) dial(ctx context.Context, network, address string, secure bool) (net.Conn, error) {
	s.mu.Lock()
	s.dialed = append(s.dialed, fmt.Sprintf("%s %s %v", network, address, secure))
	s.mu.Unlock()
	c, err := s.Dial(ctx, netip.MustParseAddr("203.0.113.21"), address)
	if err != nil || !secure {
		return c, err
	}
	t := tls.Client(c, s.trust)
	return t, t.HandshakeContext(ctx)
}

func (s *tcpBeside) dials() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dialed
	s.dialed = nil
	return slices.Compact(slices.Sorted(slices.Values(d)))
}

// Whoever gets out by TLS alone is relayed by that; whom UDP gets out does not ask for it.
func TestRelayOverTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, [2]*vnet.NATType{&symmetric, &symmetric})
		s := w.stream(w.middle)
		over := Relays{Username: "milano", Password: "secret", URIs: []string{
			"turn:203.0.113.99:3478?transport=udp", "turn:203.0.113.99:3478?transport=tcp", // nobody is there
			"turns:" + server + ":443?transport=tcp", "turn:" + server + ":443?transport=tcp",
		}}
		begun := time.Now()
		a := w.sideWith(0, over, s.dial)
		if took := time.Since(begun); took > gatherFor+100*time.Millisecond {
			t.Errorf("gathered for %v", took)
		}
		want := []string{"tcp4 203.0.113.99:3478 false", "tcp4 " + server + ":443 true"}
		if got := s.dials(); !slices.Equal(slices.DeleteFunc(got, func(d string) bool { return d[:4] != "tcp4" }), want) {
			t.Errorf("dialled %q, want %q", got, want)
		}
		b := w.sideWith(1, relays, s.dial)
		agree(a, b)
		speak(t, a, b, "there")
		speak(t, b, a, "back")
		if !slices.Contains([]string{a.Path(), b.Path()}, "relay/tls") && !slices.Contains([]string{a.Path(), b.Path()}, "relay/udp") {
			t.Errorf("went %q, %q; tried %s", a.Path(), b.Path(), a.Tried())
		}
		if tried := a.Tried(); tried[:len("host, relay/tls")] != "host, relay/tls" {
			t.Errorf("tried %s", tried)
		}
		hangUp(a, b)

		c := w.sideWith(0, Relays{Username: "milano", Password: "secret", URIs: append([]string{relays.URIs[1]}, over.URIs[1:]...)}, s.dial)
		time.Sleep(3 * time.Second)
		if got := slices.DeleteFunc(s.dials(), func(d string) bool { return d[:4] != "tcp4" }); !slices.Equal(got, want[:1]) {
			t.Errorf("with UDP: dialled %q", got)
		}
		hangUp(c)
	})
}

// A search that ends waits for no server.
func TestServersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var dialed []string
		s := newServers(nil, func(ctx context.Context, network, address string, secure bool) (net.Conn, error) {
			mu.Lock()
			dialed = append(dialed, fmt.Sprintf("%s %s %v", network, address, secure))
			mu.Unlock()
			<-ctx.Done()
			return nil, ctx.Err()
		}, Relays{Username: "u", Password: "p", URIs: []string{"turn:a:1?transport=tcp", "turns:b:2", "stun:c:3"}}.parse(), nil, nil)
		begun := time.Now()
		s.begin(func(*relayed) error { t.Error("nobody relays"); return nil })
		time.Sleep(dialAfter + dialAfter/2)
		select {
		case <-s.done():
			t.Error("nobody has answered")
		default:
		}
		s.end()
		s.wait()
		<-s.done()
		if took := time.Since(begun); took != dialAfter+dialAfter/2 {
			t.Errorf("after %v", took)
		}
		want := []string{"tcp4 a:1 false", "tcp4 b:2 true", "tcp6 a:1 false", "tcp6 b:2 true"}
		if slices.Sort(dialed); !slices.Equal(dialed, want) {
			t.Errorf("dialled %q, want %q", dialed, want)
		}
	})
}

// Each server is asked once how we look from outside, and those alone that relay by what is spoken here for an address.
func TestWhoIsAsked(t *testing.T) {
	uris := Relays{Username: "u", Password: "p", URIs: []string{
		"stun:a:1", "turn:a:1?transport=udp", "turn:a:1?transport=tcp", "turns:b:2?transport=tcp", "turns:c:3?transport=udp", "turn:d:4", "no:e",
	}}.parse()
	var asked, relays []string
	for _, u := range mirrors(uris) {
		asked = append(asked, u.String())
	}
	for _, u := range newServers(nil, nil, uris, nil, nil).all {
		relays = append(relays, u.String())
	}
	if want := []string{"stun:a:1", "stun:d:4"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	want := []string{"turn:a:1?transport=udp", "turn:a:1?transport=tcp", "turns:b:2?transport=tcp", "turn:d:4?transport=udp"}
	if !slices.Equal(relays, want) {
		t.Errorf("relays %q, want %q", relays, want)
	}
}
