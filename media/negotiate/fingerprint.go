package negotiate

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/pion/sdp/v3"
)

// maxFingerprints bounds what is kept of an m-line's.
const maxFingerprints = 8

// Fingerprint is the hash of a certificate (RFC 8122 §5).
type Fingerprint struct {
	Hash string // its name in SDP, such as sha-256
	Sum  string // its bytes
}

// hashes by which a certificate is known, the strongest first. Others can be forged, or will be.
var hashes = []struct {
	name string
	of   func([]byte) string
}{
	{"sha-512", func(b []byte) string { s := sha512.Sum512(b); return string(s[:]) }},
	{"sha-384", func(b []byte) string { s := sha512.Sum384(b); return string(s[:]) }},
	{"sha-256", func(b []byte) string { s := sha256.Sum256(b); return string(s[:]) }},
}

// FingerprintOf is a certificate's, by SHA-256, which everybody knows.
func FingerprintOf(certificate []byte) Fingerprint {
	sum := sha256.Sum256(certificate)
	return Fingerprint{"sha-256", string(sum[:])}
}

// Of says whether the fingerprint is a certificate's.
func (f Fingerprint) Of(certificate []byte) bool {
	for _, h := range hashes {
		if h.name == f.Hash {
			return h.of(certificate) == f.Sum
		}
	}
	return false
}

// String is the value of a=fingerprint.
func (f Fingerprint) String() string {
	pairs := make([]string, len(f.Sum))
	for i := range len(f.Sum) {
		pairs[i] = strings.ToUpper(hex.EncodeToString([]byte{f.Sum[i]}))
	}
	return f.Hash + " " + strings.Join(pairs, ":")
}

// readFingerprint reads the value of a=fingerprint.
func readFingerprint(value string) (Fingerprint, error) {
	name, sum, _ := strings.Cut(value, " ")
	name = strings.ToLower(name)
	for _, h := range hashes {
		if h.name != name {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(sum), ":", ""))
		if want := len(h.of(nil)); err != nil || len(b) != want {
			return Fingerprint{}, fmt.Errorf("a=fingerprint: %s wants %d bytes in hexadecimal", name, want)
		}
		return Fingerprint{name, string(b)}, nil
	}
	return Fingerprint{}, fmt.Errorf("a=fingerprint: %s is not sha-256, sha-384 or sha-512", shorten(name))
}

// readFingerprints reads those of an m-line, or if it has none those of the session. Of several hashes the strongest counts alone,
// by which there may be several certificates (RFC 8122 §5).
func readFingerprints(session *description, m *sdp.MediaDescription) ([]Fingerprint, error) {
	var values []string
	for _, attributes := range [][]sdp.Attribute{m.Attributes, session.Attributes} {
		for _, a := range attributes {
			if a.Key == "fingerprint" && len(values) < maxFingerprints {
				values = append(values, a.Value)
			}
		}
		if len(values) > 0 {
			break
		}
	}
	if len(values) == 0 {
		return nil, errors.New("no a=fingerprint line")
	}
	known := map[string][]Fingerprint{}
	var why error
	for _, value := range values {
		f, err := readFingerprint(value)
		if err != nil {
			why = err
			continue
		}
		known[f.Hash] = append(known[f.Hash], f)
	}
	for _, h := range hashes {
		if fs := known[h.name]; fs != nil {
			return fs, nil
		}
	}
	return nil, why
}
