package dial

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// resolvConf names the machine's DNS servers (resolv.conf(5)).
const resolvConf = "/etc/resolv.conf"

// System is the machine's own Resolver.
func System() Resolver { return system{resolver: net.DefaultResolver, conf: resolvConf, port: "53"} }

// system asks for SRV by Go's resolver, which knows no NAPTR: that is asked for by itself.
type system struct {
	resolver *net.Resolver
	conf     string // names the servers
	port     string // of them
}

// answerWithin is what one server may take: many routers answer nothing to questions that they do not know.
const answerWithin = time.Second

// Targets is a Resolver's.
func (s system) Targets(ctx context.Context, name string) ([]*net.SRV, error) {
	_, records, err := s.resolver.LookupSRV(ctx, "", "", name)
	return records, err
}

// Services is a Resolver's. A machine without the file has no NAPTR.
func (s system) Services(ctx context.Context, domain string) ([]string, error) {
	conf, err := dns.ClientConfigFromFile(s.conf)
	if err != nil {
		return nil, nil
	}
	ask := new(dns.Msg).SetQuestion(dns.Fqdn(domain), dns.TypeNAPTR)
	ask.SetEdns0(dns.DefaultMsgSize, false)
	for _, server := range conf.Servers {
		var answer *dns.Msg
		for _, network := range []string{"udp", "tcp"} {
			client := dns.Client{Net: network, Timeout: answerWithin}
			answer, _, err = client.ExchangeContext(ctx, ask, net.JoinHostPort(server, s.port))
			if err != nil || !answer.Truncated {
				break
			}
		}
		if err == nil && (answer.Rcode == dns.RcodeSuccess || answer.Rcode == dns.RcodeNameError) {
			return replacements(answer.Answer), nil
		}
	}
	text := "the DNS server refuses"
	if err != nil {
		text = err.Error()
	}
	return nil, &net.DNSError{Err: text, Name: domain}
}

// replacements are the names that NAPTR records give for SIP over TLS, by order and preference (RFC 3403 §4.1, RFC 3263 §4.1).
func replacements(answer []dns.RR) (names []string) {
	var records []*dns.NAPTR
	for _, rr := range answer {
		if r, ok := rr.(*dns.NAPTR); ok && strings.EqualFold(r.Service, "SIPS+D2T") && strings.EqualFold(r.Flags, "s") {
			records = append(records, r)
		}
	}
	slices.SortStableFunc(records, func(a, b *dns.NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	for _, r := range records {
		names = append(names, r.Replacement)
	}
	return names
}
