package main

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"ewindow/registrar/pki"
	"ewindow/registrar/pki/pin"
)

type pinCmd struct{ stateFlags }

// Run prints the pin alone on a line, so that a script can take it, and for people what browsers and openssl show of the same authority.
func (c *pinCmd) Run(s streams) error {
	ca, err := pki.ReadCA(c.pki())
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no certificate authority in %s yet; it is made when the registrar is first started", c.pki())
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, pin.Of(ca))
	fmt.Fprintf(s.err, "SHA-256 fingerprint of the authority's certificate (ca.crt), for phones and browsers:\n%s\n", fingerprint(ca))
	return nil
}

// fingerprint is the SHA-256 of a certificate as openssl and browsers write it.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}
