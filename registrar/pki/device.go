package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"slices"
	"time"
)

// DeviceLife is how long a window's certificate is good for. The window asks for the next one by itself when a third of that is left.
const DeviceLife = 90 * 24 * time.Hour

// Device makes the certificate of a window, DER: for its media key, which has to be one of ECDSA on P-256, and in the name of its account. It
// is good for TLS as a client, and no server's.
func (id *Identity) Device(account string, key any, now time.Time) ([]byte, error) {
	public, is := key.(*ecdsa.PublicKey)
	if !is || public.Curve != elliptic.P256() {
		return nil, errors.New("a window's key is one of ECDSA on P-256")
	}
	cert, err := certify(&x509.Certificate{
		Subject:     pkix.Name{CommonName: account},
		NotBefore:   now.Add(-skew),
		NotAfter:    now.Add(DeviceLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public, id.ca, id.caKey)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of %s: %w", account, err)
	}
	return cert.Raw, nil
}

// Made says whether this authority has made a certificate, as a window's. Whether its time is over says nothing against it: whose key is good
// the record of members knows, and a window that was off for months is to come back by itself.
func (id *Identity) Made(cert *x509.Certificate) bool {
	return !cert.IsCA && slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) && cert.CheckSignatureFrom(id.ca) == nil
}
