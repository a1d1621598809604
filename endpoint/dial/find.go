package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Where a registrar is, that is named by a domain and no more (RFC 3263 §4):
//
//	NAPTR: the service SIPS+D2T ─▶ SRV ─┐
//	SRV of _sips._tcp ──────────────────┴▶ targets, by priority and weight (RFC 2782) ─▶ A, AAAA
//	neither: the name itself, at 5061 and 443
//
// SIP over TLS is the only transport of a window, so the first question is only for another name of the second. Nothing of this is
// believed: whoever is found proves by the pin that it is the registrar.

// A Resolver asks the DNS. Its errors are *net.DNSError; one that IsNotFound says that there is none.
type Resolver interface {
	// Services is the names at which the DNS has SRV records of SIP over TLS for a domain, the preferred first (RFC 3263 §4.1).
	Services(ctx context.Context, domain string) ([]string, error)
	// Targets is the records of such a name, in the order in which they are to be tried.
	Targets(ctx context.Context, name string) ([]*net.SRV, error)
}

const (
	maxTargets = 4 // are tried
	soonAfter  = time.Second

	// How long the DNS may take, where nothing is known from before, and where something is.
	askWithin   = 3 * time.Second
	askedWithin = 500 * time.Millisecond
	namesWithin = time.Second // of that, for NAPTR
)

// A target is a place where the registrar may be.
type target struct {
	host string
	port int
}

// errNowhere says that a domain has no such service (RFC 2782: the target "." ).
var errNowhere = errors.New("the DNS says that there is no SIP over TLS")

// find asks the DNS where a domain has its registrar. Without records that is the domain itself.
func find(ctx context.Context, dns Resolver, domain string) ([]target, error) {
	type answer struct {
		records []*net.SRV
		err     error
	}
	usual := "_sips._tcp." + domain
	direct := make(chan answer, 1)
	go func() {
		records, err := dns.Targets(ctx, usual)
		direct <- answer{records, err}
	}()
	names, _ := services(ctx, dns, domain) // it is optional, and many a router answers nothing to it
	first := <-direct
	for _, name := range names {
		if strings.EqualFold(strings.TrimSuffix(name, "."), usual) {
			break
		}
		if records, err := dns.Targets(ctx, name); err == nil && len(records) > 0 {
			return targets(domain, records)
		}
	}
	switch {
	case first.err == nil && len(first.records) > 0:
		return targets(domain, first.records)
	case first.err != nil && !notFound(first.err):
		return nil, fmt.Errorf("ask the DNS for %s: %w", usual, first.err)
	}
	return []target{{domain, sips}}, nil
}

func services(ctx context.Context, dns Resolver, domain string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, namesWithin)
	defer cancel()
	return dns.Services(ctx, domain)
}

func targets(domain string, records []*net.SRV) ([]target, error) {
	var out []target
	for _, r := range records {
		if host := strings.TrimSuffix(r.Target, "."); host != "" && r.Port != 0 && len(out) < maxTargets {
			out = append(out, target{host, int(r.Port)})
		}
	}
	if out == nil {
		return nil, fmt.Errorf("%w at %s", errNowhere, domain)
	}
	return out, nil
}

func notFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// places is where the registrar is looked for, one after the other. The DNS is asked each time, since a preferred place may be
// back; when it does not answer, what it said before holds, behind the address that was reached last: that needs no DNS.
func (d *Dialer) places(ctx context.Context) ([]target, error) {
	if d.dns == nil {
		return []target{d.named}, nil
	}
	patience := askWithin
	if d.reached != (target{}) {
		patience = askedWithin
	}
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := find(asking, d.dns, d.named.host)
	switch {
	case err == nil:
		d.known = found
		return found, nil
	case d.reached != (target{}):
		return slices.Concat([]target{d.reached}, d.known), nil
	case errors.Is(err, errNowhere):
		return nil, err
	}
	return []target{d.named}, nil // whoever translates names for this machine may know better
}

// attempts are the connections to be tried: each place at its port, and at 443 too if that is SIP's own. The port comes first by which
// the registrar was reached last.
func attempts(places []target, last int) (out []target) {
	for _, p := range places {
		both := []target{p}
		if p.port == sips {
			both = append(both, target{p.host, https})
			if last == https {
				slices.Reverse(both)
			}
		}
		for _, one := range both {
			if !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
	}
	return out
}
