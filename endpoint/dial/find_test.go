package dial

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// A zone is what a DNS says; names that it does not have are not found. Where it is dead nothing is answered.
type zone struct {
	services []string
	records  map[string][]*net.SRV
	dead     bool
	mute     bool // to NAPTR alone
	asked    []string
}

func (z *zone) Services(ctx context.Context, domain string) ([]string, error) {
	if z.dead || z.mute {
		<-ctx.Done()
		return nil, &net.DNSError{Err: "timeout", IsTimeout: true}
	}
	return z.services, nil
}

func (z *zone) Targets(ctx context.Context, name string) ([]*net.SRV, error) {
	z.asked = append(z.asked, name)
	if z.dead {
		<-ctx.Done()
		return nil, &net.DNSError{Err: "timeout", IsTimeout: true}
	}
	if r, ok := z.records[name]; ok {
		return r, nil
	}
	return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
}

const (
	domainName = "reg.example.org"
	usual      = "_sips._tcp.reg.example.org"
	one, two   = "203.0.113.1", "203.0.113.2"
)

func srv(host string, port uint16) *net.SRV { return &net.SRV{Target: host, Port: port} }

// asks makes a dialer that asks a zone, in a network with two hosts.
func (l *lab) asks(z *zone) *Dialer {
	l.t.Helper()
	l.names = map[string]string{"one.example.org": one, "two.example.org": two, domainName: one}
	d, err := New(domainName, sips, l.pki.Pin(), domainName, l.tcp)
	if err != nil {
		l.t.Fatal(err)
	}
	d.Ask(z)
	return d
}

// Where the registrar is found by its name, and how soon, if what is named first does not answer.
func TestFound(t *testing.T) {
	both := []*net.SRV{srv("one.example.org.", 5061), srv("two.example.org.", 5071)}
	for name, c := range map[string]struct {
		zone   zone
		serves []string
		shut   []string
		where  string
		within time.Duration
	}{
		"no records":                  {zone{}, []string{one + ":5061"}, nil, one + ":5061", 200 * time.Millisecond},
		"no records, 443 alone":       {zone{}, []string{one + ":443"}, nil, one + ":443", 200 * time.Millisecond},
		"SRV":                         {zone{records: map[string][]*net.SRV{usual: both}}, []string{one + ":5061", two + ":5071"}, nil, one + ":5061", 200 * time.Millisecond},
		"SRV, the first refuses":      {zone{records: map[string][]*net.SRV{usual: both}}, []string{two + ":5071"}, nil, two + ":5071", 300 * time.Millisecond},
		"SRV, the first says nothing": {zone{records: map[string][]*net.SRV{usual: both}}, []string{two + ":5071"}, []string{one + ":5061", one + ":443"}, two + ":5071", 2*silentAfter + 300*time.Millisecond},
		"SRV, 443 of the first":       {zone{records: map[string][]*net.SRV{usual: both}}, []string{one + ":443"}, []string{one + ":5061", two + ":5071"}, one + ":443", silentAfter + 300*time.Millisecond},
		"NAPTR names others": {zone{services: []string{"_sips._tcp.elsewhere.example.org."},
			records: map[string][]*net.SRV{usual: both[:1], "_sips._tcp.elsewhere.example.org.": both[1:]}}, []string{one + ":5061", two + ":5071"}, nil, two + ":5071", 200 * time.Millisecond},
		"NAPTR names nothing that is there": {zone{services: []string{"_sips._tcp.gone.example.org."}, records: map[string][]*net.SRV{usual: both}},
			[]string{one + ":5061"}, nil, one + ":5061", 200 * time.Millisecond},
		"no answer to NAPTR":               {zone{mute: true}, []string{one + ":5061"}, nil, one + ":5061", namesWithin + 200*time.Millisecond},
		"a dead DNS, and another knows it": {zone{dead: true}, []string{one + ":5061"}, nil, one + ":5061", askWithin + 200*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				for _, at := range c.serves {
					l.serve(at, l.pki, "sip/2")
				}
				l.shut(c.shut...)
				where, took, err := l.reaches(l.asks(&c.zone))
				if err != nil || where != c.where || took > c.within {
					t.Errorf("%s after %v, %v; want %s within %v; dialled %v", where, took, err, c.where, c.within, l.dialed)
				}
				time.Sleep(10 * time.Second)
				l.closed()
			})
		})
	}
}

// A DNS that dies does not keep a window from the address that it reached last, and one that says something new is believed next time.
func TestDNSDies(t *testing.T) {
	simulate(t, func(l *lab) {
		stop := l.serve(two+":5071", l.pki)
		l.serve(one+":5061", l.pki)
		z := &zone{records: map[string][]*net.SRV{usual: {srv("two.example.org", 5071), srv("one.example.org", 5061)}}}
		d := l.asks(z)
		reach := func(want string, within time.Duration) {
			t.Helper()
			if where, took, err := l.reaches(d); err != nil || where != want || took > within {
				t.Errorf("%s after %v, %v; want %s within %v", where, took, err, want, within)
			}
		}
		reach(two+":5071", 200*time.Millisecond)
		z.dead = true
		l.names = nil // names lead nowhere without a DNS
		reach(two+":5071", askedWithin+200*time.Millisecond)
		l.names = map[string]string{"one.example.org": one, "two.example.org": two}
		stop()
		reach(one+":5061", askedWithin+500*time.Millisecond)
		z.dead = false
		l.serve(two+":5071", l.pki)
		reach(two+":5071", 200*time.Millisecond) // the preferred one is back
		z.records[usual] = []*net.SRV{srv("one.example.org", 5061)}
		reach(one+":5061", 200*time.Millisecond)
	})
}

// A domain may say that there is none (RFC 2782), and nobody has us try without end.
func TestTargets(t *testing.T) {
	simulate(t, func(l *lab) {
		d := l.asks(&zone{records: map[string][]*net.SRV{usual: {srv(".", 0)}}})
		if _, _, err := l.reaches(d); !errors.Is(err, errNowhere) || !strings.Contains(err.Error(), domainName) {
			t.Errorf("%v", err)
		}
		var many []*net.SRV
		for range 100 {
			many = append(many, srv("one.example.org", 5061), srv("two.example.org", 5061))
		}
		got, err := targets(domainName, many)
		if err != nil || len(got) != maxTargets {
			t.Errorf("%v, %v", got, err)
		}
		if order := attempts(got, 0); !slices.Equal(order, []target{{"one.example.org", 5061}, {"one.example.org", 443}, {"two.example.org", 5061}, {"two.example.org", 443}}) {
			t.Errorf("%v", order)
		}
		if order := attempts(got[:1], 443); !slices.Equal(order, []target{{"one.example.org", 443}, {"one.example.org", 5061}}) {
			t.Errorf("%v", order)
		}
	})
}
