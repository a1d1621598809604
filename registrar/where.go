package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"ewindow/dialplan/wholefile"
)

// where is how phones reach the registrar that runs with a state directory, for commands that print it.
type where struct {
	Host   string `json:"host"`
	SIP    int    `json:"sip"`    // port of SIP over TLS; 0: none
	HTTPS  int    `json:"https"`  // port of HTTPS; 0: none
	Public bool   `json:"public"` // it shows phones a certificate that they know already
}

// where is this registrar's.
func (c *serveCmd) where(open opened, certs *certificates) where {
	port := func(l net.Listener) int {
		if l == nil {
			return 0
		}
		_, text, _ := net.SplitHostPort(l.Addr().String())
		n, _ := strconv.Atoi(text)
		return n
	}
	w := where{Host: c.Domain, SIP: port(open.TLS), HTTPS: port(open.Shared), Public: certs.given != nil || certs.obtained != nil}
	if c.Advertise != "" {
		w.Host = c.Advertise
	}
	if w.SIP == 0 {
		w.SIP = w.HTTPS
	}
	if w.HTTPS == 0 {
		w.HTTPS = w.SIP
	}
	return w
}

// link is the address by which a phone opens a path; an error where none is served.
func (w where) link() (string, error) {
	switch {
	case w.HTTPS == 0:
		return "", fmt.Errorf("the registrar serves no HTTPS (--tls, --shared), so no phone could open a link; name with --host who passes it on, or do without --qr")
	case w.HTTPS == 443:
		return host(w.Host), nil
	}
	return net.JoinHostPort(w.Host, strconv.Itoa(w.HTTPS)), nil
}

// host is a host as it stands in a URI.
func host(name string) string {
	if ip := net.ParseIP(name); ip != nil && ip.To4() == nil {
		return "[" + name + "]"
	}
	return name
}

// checkHost is an error where a --host is no host, or host:port, as it stands in a URI.
func checkHost(host string) error {
	u, err := url.Parse("https://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || strings.ContainsAny(host, " _%") {
		return fmt.Errorf("--host: %q is neither a host such as reg.example.org nor host:port", host)
	}
	return nil
}

func (f stateFlags) whereFile() string { return filepath.Join(f.State, "where.json") }

// keep writes it down. Where that fails commands go by what is usual.
func (w where) keep(path string, log *slog.Logger) {
	text, err := json.Marshal(w)
	if err == nil {
		err = wholefile.Write(path, append(text, '\n'), 0o600)
	}
	if err != nil {
		log.Warn("how phones reach this registrar was not written down; account add prints what is usual", "err", err)
	}
}

// readWhere is what the registrar wrote down when it last started, or what is usual for a domain.
func readWhere(path, domain string) where {
	usual := where{Host: domain, SIP: 5061, HTTPS: 443}
	text, err := os.ReadFile(path)
	if err != nil {
		return usual
	}
	var w where
	if json.Unmarshal(text, &w) != nil || w.Host == "" {
		return usual
	}
	return w
}
