package given

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxChain bounds the certificates of a chain: those of the public have three or four.
const maxChain = 10

// A fault is what is wrong with one of the two files.
type fault struct {
	inKey bool
	text  string
}

func (f *fault) Error() string { return f.text }

func inCert(format string, args ...any) error { return &fault{false, fmt.Sprintf(format, args...)} }
func inKey(format string, args ...any) error  { return &fault{true, fmt.Sprintf(format, args...)} }

// parse makes a certificate of what the two files hold, if it will do for a host now. roots are the authorities that this machine
// trusts; nil: it knows none.
func parse(certFile, keyFile []byte, host string, roots *x509.CertPool, now time.Time) (*tls.Certificate, error) {
	chain, err := certificates(certFile)
	if err != nil {
		return nil, err
	}
	key, err := privateKey(keyFile)
	if err != nil {
		return nil, err
	}
	leaf := chain[0]
	if public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(leaf.PublicKey) {
		return nil, inKey("this key does not belong to the certificate, which is of %q; both have to be of the same order", name(leaf))
	}
	switch {
	case now.After(leaf.NotAfter):
		return nil, inCert("it expired on %s; renew it (the clock here says %s)", day(leaf.NotAfter), day(now))
	case now.Before(leaf.NotBefore):
		return nil, inCert("it is valid from %s on; is the clock here right? It says %s", day(leaf.NotBefore), day(now))
	}
	if err := leaf.VerifyHostname(host); err != nil {
		return nil, inCert("it is not for %s, the registrar's domain, but for %s", host, names(leaf))
	}
	if err := complete(chain, roots, now); err != nil {
		return nil, err
	}
	out := &tls.Certificate{PrivateKey: key, Leaf: leaf}
	for _, c := range chain {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out, nil
}

// certificates are those of a file, the server's first.
func certificates(file []byte) (chain []*x509.Certificate, err error) {
	hasKey := false
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		hasKey = hasKey || strings.HasSuffix(block.Type, "PRIVATE KEY")
		if block.Type != "CERTIFICATE" {
			continue
		}
		if len(chain) == maxChain {
			return nil, inCert("it has more than %d certificates; the server's own and those of the authorities between are enough", maxChain)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, inCert("certificate %d in it is damaged: %v", len(chain)+1, err)
		}
		chain = append(chain, c)
	}
	switch {
	case len(chain) == 0 && hasKey:
		return nil, inCert("there is a key in it and no certificate; are --cert and --key the wrong way round?")
	case len(chain) == 0:
		return nil, inCert("there is no certificate in it; it has to be PEM, with -----BEGIN CERTIFICATE-----")
	case chain[0].IsCA && len(chain) > 1:
		return nil, inCert("the first certificate in it is of an authority, %q; the server's own has to come first", name(chain[0]))
	}
	return chain, nil
}

// privateKey is the first key of a file.
func privateKey(file []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return nil, inKey("the key is encrypted, and nobody can be asked for its passphrase; `openssl pkey -in FILE -out NEW` takes that away")
		}
		key, err := decode(block)
		if err != nil {
			return nil, inKey("the key is damaged: %v", err)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, inKey("a key of this kind cannot sign; one of ECDSA or RSA is needed")
		}
		return signer, nil
	}
	if bytes.Contains(file, []byte("BEGIN CERTIFICATE")) {
		return nil, inKey("there is a certificate in it and no key; are --cert and --key the wrong way round?")
	}
	return nil, inKey("there is no key in it; it has to be PEM, with -----BEGIN PRIVATE KEY-----")
}

func decode(block *pem.Block) (any, error) {
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}

// complete says what a peer would miss to get from the server's certificate to an authority that it may know.
func complete(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) error {
	for i, c := range chain[1:] {
		if err := chain[i].CheckSignatureFrom(c); err != nil {
			return inCert("the chain is broken: certificate %d, %q, is not signed by the next one, %q; each has to be signed by the one behind it", i+1, name(chain[i]), name(c))
		}
	}
	last := chain[len(chain)-1]
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	switch {
	case last.CheckSignatureFrom(last) == nil || bytes.Equal(last.RawIssuer, last.RawSubject): // of somebody's own authority, which phones are given
		options.Roots = x509.NewCertPool()
		options.Roots.AddCert(last)
	case roots == nil && len(chain) > 1:
		return nil // nothing here could tell
	case roots == nil:
		options.Roots = x509.NewCertPool()
	}
	_, err := chain[0].Verify(options)
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown):
		return inCert("the chain is incomplete: %q was signed by %q, which is neither in the file nor known to this machine; take the file with the whole chain "+
			"(certbot's fullchain.pem), or add the certificate of that authority", name(last), last.Issuer.String())
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return inCert("a certificate of its chain, %q, is not valid today: %v", name(invalid.Cert), err)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return inCert("it is no certificate for servers: %v", err)
	}
	return inCert("its chain will not do: %v", err)
}

func name(c *x509.Certificate) string {
	if s := c.Subject.String(); s != "" {
		return s
	}
	return names(c)
}

// names are for whom a certificate is.
func names(c *x509.Certificate) string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0:
		return "nobody: it has no name in subjectAltName"
	case len(all) > 5:
		all = append(all[:5], "…")
	}
	return strings.Join(all, ", ")
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
