package pki

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"ewindow/registrar/pki/pin"
)

// Who is shown which certificate goes by the ClientHello alone.
func TestChoose(t *testing.T) {
	id := load(t, t.TempDir(), start)
	public := load(t, t.TempDir(), start).own[0].cert.Load() // for window.example and others
	only := *public
	leaf := *public.Leaf
	leaf.DNSNames, leaf.IPAddresses = []string{"window.example"}, nil
	only.Leaf = &leaf
	there, none := Source(func() *tls.Certificate { return &only }), Source(func() *tls.Certificate { return nil })
	rsa := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	for name, c := range map[string]struct {
		protocols []string
		server    string
		suites    []uint16
		version   uint16
		sources   []Source
		public    bool
	}{
		"a phone":                          {nil, "window.example", nil, tls.VersionTLS13, []Source{there}, true},
		"a phone that names nobody":        {nil, "", nil, tls.VersionTLS12, []Source{there}, true},
		"a browser":                        {[]string{"h2", "http/1.1"}, "WINDOW.example", nil, tls.VersionTLS13, []Source{none, there}, true},
		"a phone with ALPN":                {[]string{"sip/2"}, "window.example", nil, tls.VersionTLS13, []Source{there}, true},
		"a window":                         {[]string{"sip/2", pin.ALPN}, "window.example", nil, tls.VersionTLS13, []Source{there}, false},
		"a window, TLS 1.2":                {[]string{"http/1.1", pin.ALPN}, "window.example", nil, tls.VersionTLS12, []Source{there}, false},
		"by another name":                  {nil, "reg.local", nil, tls.VersionTLS13, []Source{there}, false},
		"an old phone, and there is ECDSA": {nil, "window.example", rsa, tls.VersionTLS12, []Source{there}, false},
		"none yet":                         {nil, "window.example", nil, tls.VersionTLS13, []Source{none}, false},
		"none at all":                      {nil, "window.example", nil, tls.VersionTLS13, nil, false},
	} {
		server := id.ServerConfig(c.sources...)
		server.NextProtos = []string{"sip/2", "http/1.1"}
		var shown *x509.Certificate
		client := &tls.Config{InsecureSkipVerify: true, ServerName: c.server, NextProtos: c.protocols, CipherSuites: c.suites, MaxVersion: c.version,
			VerifyConnection: func(cs tls.ConnectionState) error { shown = cs.PeerCertificates[0]; return nil }}
		err := meet(t, server, client)
		if err != nil || shown.Equal(public.Leaf) != c.public {
			t.Errorf("%s: %v, public %v", name, err, shown != nil && shown.Equal(public.Leaf))
		}
	}
}
