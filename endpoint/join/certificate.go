package join

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"ewindow/dialplan/wholefile"
)

const (
	// CertificateFile is the certificate's within the state directory, beside the key that it is for.
	CertificateFile = "media.crt"

	maxCertificate = 16 << 10 // bytes of its file
	block          = "CERTIFICATE"
)

// A Certificate is what the registrar knows a window's machine by, beside its secret: made when it joined, for its media key. Windows that were
// given an account and a secret by hand have none. It may be used from several goroutines.
type Certificate struct {
	path    string
	space   string
	key     crypto.Signer
	current atomic.Pointer[tls.Certificate] // nil: none
}

// LoadCertificate reads a window's certificate from its state directory. One that cannot be used is logged, and is none: the window comes by its
// secret alone.
func LoadCertificate(dir, space string, key crypto.Signer, log *slog.Logger) *Certificate {
	c := &Certificate{path: filepath.Join(dir, CertificateFile), space: space, key: key}
	err := c.load()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Error("the window's certificate cannot be used; the window comes by its secret alone: put back a copy, or remove the file and join again with another code", "file", c.path, "err", err)
	}
	return c
}

func (c *Certificate) load() error {
	der, err := readCertificate(c.path)
	if err != nil {
		return err
	}
	cert, err := fits(der, c.space, c.key)
	if err != nil {
		return err
	}
	c.use(cert)
	return nil
}

// Holder is the space whose certificate lies in a state directory; empty where there is none that can be read.
func Holder(dir string) string {
	der, err := readCertificate(filepath.Join(dir, CertificateFile))
	if err != nil {
		return ""
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return ""
	}
	return cert.Subject.CommonName
}

// readCertificate is the content of a certificate's file, unread.
func readCertificate(path string) (der []byte, err error) {
	data, err := wholefile.Read(path, maxCertificate)
	if err != nil {
		return nil, err
	}
	b, _ := pem.Decode(data)
	if b == nil || b.Type != block {
		return nil, fmt.Errorf("it holds no PEM block %q", block)
	}
	return b.Bytes, nil
}

func (c *Certificate) use(cert *x509.Certificate) {
	c.current.Store(&tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: c.key, Leaf: cert})
}

// fits reads a certificate that is to be the one of a space and key.
func fits(der []byte, space string, key crypto.Signer) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if public, is := cert.PublicKey.(*ecdsa.PublicKey); !is || !public.Equal(key.Public()) {
		return nil, errors.New("it is for another key than this window's")
	}
	if cert.Subject.CommonName != space {
		return nil, fmt.Errorf("it is of %.80q, and this window is %s", cert.Subject.CommonName, space)
	}
	if !cert.NotAfter.After(cert.NotBefore) {
		return nil, errors.New("it is good for no time at all")
	}
	return cert, nil
}

// Show is what a registrar is shown that asks for a certificate by its authority (tls.Config.GetClientCertificate).
func (c *Certificate) Show(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if cert := c.current.Load(); cert != nil && asked.SupportsCertificate(cert) == nil {
		return cert, nil
	}
	return &tls.Certificate{}, nil
}

// Leaf is the certificate; nil if there is none.
func (c *Certificate) Leaf() *x509.Certificate {
	if cert := c.current.Load(); cert != nil {
		return cert.Leaf
	}
	return nil
}

// KeepCertificate writes what a window got when it joined into its state directory. None (from a registrar of before) takes away what is there:
// that was another membership's.
func KeepCertificate(dir string, der []byte) error {
	path := filepath.Join(dir, CertificateFile)
	if len(der) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the certificate of before: %w; remove it by hand, and join again with the same code", err)
		}
		return nil
	}
	if err := writeCertificate(path, der); err != nil {
		return fmt.Errorf("write the window's certificate: %w; join again with the same code", err)
	}
	return nil
}

func writeCertificate(path string, der []byte) error {
	return wholefile.Write(path, pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der}), 0o600)
}
