package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"ewindow/dialplan/wholefile"
)

func newCA(domain string, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	t := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "E-Window registrar of " + domain},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	return sign(t, newECDSA, nil, nil)
}

// Kinds of keys. Those of RSA take a while on a small machine, but are made once a year.
func newECDSA() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
func newRSA() (crypto.Signer, error)   { return rsa.GenerateKey(rand.Reader, 2048) }

func newServer(newKey func() (crypto.Signer, error), ca *x509.Certificate, caKey crypto.Signer, hosts []string, now time.Time) (
	*x509.Certificate, crypto.Signer, error) {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		NotBefore:   now.Add(-skew),
		NotAfter:    now.Add(serverLife),
		KeyUsage:    x509.KeyUsageDigitalSignature, // never encipherment: it would have no forward secrecy
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if t.NotAfter.After(ca.NotAfter) {
		t.NotAfter = ca.NotAfter
	}
	t.DNSNames, t.IPAddresses = names(hosts)
	return sign(t, newKey, ca, caKey)
}

// names are the names that a certificate has for hosts. An IPv4 address is also written as if it were a host's name: mbedTLS
// before 3.5, and so Linphone, looks for it there alone.
func names(hosts []string) (dns []string, ips []net.IP) {
	for _, h := range hosts {
		ip := net.ParseIP(h)
		if ip != nil {
			ips = append(ips, ip)
		}
		if ip == nil || ip.To4() != nil && !ip.IsLoopback() {
			dns = append(dns, h)
		}
	}
	return dns, ips
}

// sign makes a key and a certificate for it, by ca or, if that is nil, by itself.
func sign(t *x509.Certificate, newKey func() (crypto.Signer, error), ca *x509.Certificate, caKey crypto.Signer) (*x509.Certificate, crypto.Signer, error) {
	key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	if ca == nil {
		ca, caKey = t, key
	}
	cert, err := certify(t, key.Public(), ca, caKey)
	return cert, key, err
}

// certify makes a certificate for a key that is there, with a number of its own.
func certify(t *x509.Certificate, key crypto.PublicKey, ca *x509.Certificate, caKey crypto.Signer) (*x509.Certificate, error) {
	var err error
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, key, caKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// hosts are all names of the server, each once, the domain first.
func hosts(c Config) []string {
	var all []string
	for _, h := range append([]string{c.Domain, "localhost", "127.0.0.1", "::1"}, c.Extra...) {
		if ip := net.ParseIP(h); ip != nil {
			h = ip.String()
		}
		if h != "" && !slices.Contains(all, h) {
			all = append(all, h)
		}
	}
	return all
}

func texts(ips []net.IP) []string {
	var all []string
	for _, ip := range ips {
		all = append(all, ip.String())
	}
	return all
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// readPair reads a key and a certificate that belong together from one file, and sees to it that nobody else can.
func readPair(path string) (*x509.Certificate, crypto.Signer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	if err := protect(path); err != nil {
		return nil, nil, err
	}
	var cert *x509.Certificate
	var key crypto.Signer
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			if cert, err = x509.ParseCertificate(block.Bytes); err != nil {
				return nil, nil, fmt.Errorf("its certificate is damaged: %w", err)
			}
		case "PRIVATE KEY":
			k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, nil, fmt.Errorf("its key is damaged: %w", err)
			}
			key, _ = k.(crypto.Signer)
		}
	}
	switch {
	case cert == nil || key == nil:
		return nil, nil, errors.New("its key or its certificate is missing or damaged")
	case !sameKey(key.Public(), cert.PublicKey):
		return nil, nil, errors.New("its key does not belong to its certificate")
	}
	return cert, key, nil
}

func sameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// protect takes a file from everybody but its owner. On a disk that cannot be written it is as it is.
func protect(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	if err := os.Chmod(path, 0o600); !errors.Is(err, syscall.EROFS) {
		return err
	}
	return nil
}

func writePair(path string, cert *x509.Certificate, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writeFile(path, append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pemCert(cert)...), 0o600)
}

func pemCert(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// writeFile replaces a file as a whole, if it is to change.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return wholefile.Write(path, data, mode)
}
