package dial

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const zoneFile = `
reg.example.org.              60 IN NAPTR 20 10 "s" "SIP+D2U"  "" _sip._udp.reg.example.org.
reg.example.org.              60 IN NAPTR 10 20 "s" "sips+d2t" "" second.example.org.
reg.example.org.              60 IN NAPTR 10 10 "S" "SIPS+D2T" "" first.example.org.
reg.example.org.              60 IN NAPTR 10 5  "u" "SIPS+D2T" "!.*!sips:x@y!" .
_sips._tcp.reg.example.org.   60 IN SRV 10 0 5061 one.example.org.
_sips._tcp.reg.example.org.   60 IN SRV 5  0 5071 two.example.org.
_sips._tcp.reg.example.org.   60 IN SRV 20 0 443  three.example.org.
`

// nameserver serves the zone on loopback, over UDP and TCP, and makes the resolver of a machine that uses it. Truncated answers over UDP
// say nothing.
func nameserver(t *testing.T, truncates bool) system {
	t.Helper()
	var records []dns.RR
	for z := dns.NewZoneParser(strings.NewReader(zoneFile), "", ""); ; {
		rr, ok := z.Next()
		if !ok {
			if err := z.Err(); err != nil {
				t.Fatal(err)
			}
			break
		}
		records = append(records, rr)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, ask *dns.Msg) {
		answer := new(dns.Msg).SetReply(ask)
		for _, rr := range records {
			if q := ask.Question[0]; strings.EqualFold(rr.Header().Name, q.Name) && rr.Header().Rrtype == q.Qtype {
				answer.Answer = append(answer.Answer, rr)
			}
		}
		if len(answer.Answer) == 0 {
			answer.Rcode = dns.RcodeNameError
		}
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp && truncates {
			answer.Answer, answer.Truncated = nil, true
		}
		_ = w.WriteMsg(answer)
	})
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{Listener: tcp, Handler: handler}, {PacketConn: udp, Handler: handler}} {
		up, done := make(chan struct{}), make(chan error, 1)
		server.NotifyStartedFunc = func() { close(up) }
		go func() { done <- server.ActivateAndServe() }()
		<-up
		t.Cleanup(func() { _ = server.Shutdown(); <-done })
	}
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(tcp.Addr().String())
	return system{conf: conf, port: port, resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, tcp.Addr().String())
	}}}
}

// What a real DNS server says is read as RFC 3263 and RFC 2782 mean it, over UDP, and over TCP where that is too short.
func TestSystem(t *testing.T) {
	for _, truncates := range []bool{false, true} {
		s := nameserver(t, truncates)
		names, err := s.Services(t.Context(), "reg.example.org")
		if err != nil || !slices.Equal(names, []string{"first.example.org.", "second.example.org."}) {
			t.Errorf("truncates %v: NAPTR %q, %v", truncates, names, err)
		}
		if names, err := s.Services(t.Context(), "nobody.example.org"); err != nil || names != nil {
			t.Errorf("truncates %v: NAPTR of nobody %q, %v", truncates, names, err)
		}
		got, err := find(t.Context(), s, "reg.example.org") // the names that NAPTR gives have no SRV
		if want := []target{{"two.example.org", 5071}, {"one.example.org", 5061}, {"three.example.org", 443}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("truncates %v: %v, %v; want %v", truncates, got, err, want)
		}
		got, err = find(t.Context(), s, "nobody.example.org")
		if want := []target{{"nobody.example.org", 5061}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("truncates %v: nobody: %v, %v", truncates, got, err)
		}
	}
}

// A machine without servers, or whose servers refuse, has no NAPTR.
func TestSystemWithout(t *testing.T) {
	s := system{conf: filepath.Join(t.TempDir(), "none"), port: "53"}
	if names, err := s.Services(t.Context(), "reg.example.org"); names != nil || err != nil {
		t.Errorf("%v, %v", names, err)
	}
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(closed.LocalAddr().String())
	_ = closed.Close()
	if err := os.WriteFile(s.conf, []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := s.Services(t.Context(), "reg.example.org"); names != nil || err == nil {
		t.Errorf("%v, %v", names, err)
	}
}
