package pki

import (
	"crypto/tls"
	"crypto/x509"
	"slices"

	"ewindow/registrar/pki/pin"
)

// There may be two kinds of certificates: of the authority that windows pin, always, and one that the public trusts, if the registrar was
// given one or obtains it. Which one a client is shown is decided by its ClientHello alone:
//
//	ClientHello ─┬─ ALPN names ewindow: a window ─────────────────────────────────────────┐
//	             └─ a phone, a browser ─▶ a public certificate that is for the name it asks ─┴▶ the pinned chain
//	                                      for, or it asks for none, and that it can use      no, or none

// A Source is a certificate for the public, as it is now; nil while there is none. It is asked in each handshake.
type Source func() *tls.Certificate

// ServerConfig is for a listener: it sends the authority along to windows, and to all others what the first of public has that they can
// use. It follows renewals. Who asks windows for theirs (Device) names this authority by it.
func (id *Identity) ServerConfig(public ...Source) *tls.Config {
	ours := x509.NewCertPool()
	ours.AddCert(id.ca)
	return &tls.Config{MinVersion: tls.VersionTLS12, ClientCAs: ours, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if cert := forPublic(hello, public); cert != nil {
			return cert, nil
		}
		return id.choose(hello), nil
	}}
}

// forPublic is the first public certificate that a client can use; nil: none, or it looks for the pinned authority.
func forPublic(hello *tls.ClientHelloInfo, public []Source) *tls.Certificate {
	if slices.Contains(hello.SupportedProtos, pin.ALPN) {
		return nil
	}
	for _, source := range public {
		// Whoever asks for no name may be a phone that cannot, or one that was given an address: for the former it is the right one.
		if cert := source(); cert != nil && hello.SupportsCertificate(cert) == nil {
			return cert
		}
	}
	return nil
}

// choose is the first certificate of the pinned authority that a client can verify the use of, whatever name it calls us by.
func (id *Identity) choose(hello *tls.ClientHelloInfo) *tls.Certificate {
	nameless := *hello
	nameless.ServerName = ""
	for i := range id.own {
		if cert := id.own[i].cert.Load(); nameless.SupportsCertificate(cert) == nil {
			return cert
		}
	}
	return id.own[0].cert.Load() // the handshake says what is missing
}
