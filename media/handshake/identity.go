package handshake

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"ewindow/media/negotiate"
)

// Identity is what we show: a certificate that has nothing in it but our key. Nobody looks at its names and dates.
type Identity struct{ certificate tls.Certificate }

// NewIdentity makes the certificate of a key, ECDSA P-256 so that it is small. The key lasts; the certificate need not.
func NewIdentity(key crypto.Signer) (*Identity, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "E-Window"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280 §4.1.2.5: no end
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the media key: %w", err)
	}
	return &Identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

// Fingerprint is what SDP says of it.
func (i *Identity) Fingerprint() negotiate.Fingerprint {
	return negotiate.FingerprintOf(i.certificate.Certificate[0])
}
