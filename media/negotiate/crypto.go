package negotiate

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// errUnprotected marks an m-line that lacks the protection which the policy asks for.
var errUnprotected = errors.New("no acceptable key")

// keyLength and saltLength of the suites, in bytes (RFC 7714 §12, RFC 4568 §6.2). Both take a key of 16 bytes.
const keyLength = 16

func (s Suite) saltLength() int {
	if s == AEAD_AES_128_GCM {
		return 12
	}
	return 14
}

// Lengths are those of the suite's key and salt, in bytes.
func (s Suite) Lengths() (key, salt int) { return keyLength, s.saltLength() }

// parseSuite knows the spellings that are in the field.
func parseSuite(name string) (Suite, bool) {
	switch strings.ToUpper(name) {
	case string(AEAD_AES_128_GCM):
		return AEAD_AES_128_GCM, true
	case string(AES_CM_128_HMAC_SHA1_80), "AES_128_CM_HMAC_SHA1_80":
		return AES_CM_128_HMAC_SHA1_80, true
	}
	return "", false
}

// suites that the policy allows, the best first.
func (p Policy) suites() []Suite {
	if p == DTLS {
		return []Suite{AEAD_AES_128_GCM}
	}
	return []Suite{AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80}
}

// newKeys draws a key and a salt.
func newKeys(s Suite, random io.Reader) (*Keys, error) {
	b := make([]byte, keyLength+s.saltLength())
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, fmt.Errorf("draw a key for %s: %w", s, err)
	}
	return &Keys{Suite: s, Key: b[:keyLength:keyLength], Salt: b[keyLength:]}, nil
}

func (k *Keys) equal(o *Keys) bool {
	return k.Suite == o.Suite && bytes.Equal(k.Key, o.Key) && bytes.Equal(k.Salt, o.Salt)
}

// attribute writes the keys as the value of a=crypto, with the tag and the spelling of the suite that were offered.
func (k *Keys) attribute(tag, suite string) string {
	b := append(append([]byte{}, k.Key...), k.Salt...)
	return tag + " " + suite + " inline:" + base64.StdEncoding.EncodeToString(b)
}

// crypto is one a=crypto line (RFC 4568 §9.1).
type crypto struct {
	tag, suite string // as written
	keys       *Keys
}

// parseCrypto reads the value of an a=crypto line. An error says why the line cannot be taken.
func parseCrypto(value string) (crypto, error) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return crypto{}, fmt.Errorf("a=crypto:%s: wants tag, suite and key", shorten(value))
	}
	c := crypto{tag: f[0], suite: f[1]}
	if _, err := strconv.ParseUint(c.tag, 10, 32); err != nil || len(c.tag) > 9 {
		return crypto{}, fmt.Errorf("a=crypto: tag %q is not a number of at most 9 digits", shorten(c.tag))
	}
	suite, known := parseSuite(c.suite)
	if !known {
		return crypto{}, fmt.Errorf("a=crypto tag %s: suite %s is not one of ours", c.tag, shorten(c.suite))
	}
	var err error
	if c.keys, err = parseInline(suite, f[2]); err != nil {
		return crypto{}, fmt.Errorf("a=crypto tag %s: %w", c.tag, err)
	}
	for _, parameter := range f[3:] {
		// A leading minus allows to ignore it (RFC 4568 §6.3.7); a window size is only a hint (§6.3.6).
		if !strings.HasPrefix(parameter, "-") && !strings.HasPrefix(parameter, "WSH=") {
			return crypto{}, fmt.Errorf("a=crypto tag %s: session parameter %s is not one of ours", c.tag, shorten(parameter))
		}
	}
	return c, nil
}

// parseInline reads inline:<key||salt>["|" lifetime]["|" MKI ":" length] (RFC 4568 §6.1). The key itself is never in an error.
func parseInline(suite Suite, text string) (*Keys, error) {
	const method = "inline:"
	if len(text) < len(method) || !strings.EqualFold(text[:len(method)], method) {
		return nil, errors.New("key method is not inline")
	}
	text = text[len(method):]
	if strings.Contains(text, ";") {
		return nil, errors.New("several keys, which need an MKI")
	}
	parts := strings.Split(text, "|")
	for _, p := range parts[1:] {
		if strings.Contains(p, ":") {
			return nil, fmt.Errorf("MKI %s is not supported", shorten(p))
		}
		if !validLifetime(p) {
			return nil, fmt.Errorf("lifetime %q is not 2^0 to 2^48 or a number of packets", shorten(p))
		}
	}
	if len(parts) > 2 {
		return nil, errors.New("two lifetimes")
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	if err != nil {
		return nil, errors.New("key is not base64")
	}
	if want := keyLength + suite.saltLength(); len(b) != want {
		return nil, fmt.Errorf("key is %d bytes, %s needs %d", len(b), suite, want)
	}
	return &Keys{Suite: suite, Key: b[:keyLength:keyLength], Salt: b[keyLength:]}, nil
}

// validLifetime takes what RFC 4568 §6.1 and RFC 3711 §9.2 allow. No call of ours lasts 2^48 packets; a shorter lifetime
// is the sender's own limit, and his to renew in time.
func validLifetime(text string) bool {
	const most = 48
	if power, found := strings.CutPrefix(text, "2^"); found {
		n, err := strconv.ParseUint(power, 10, 8)
		return err == nil && n <= most
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && n > 0 && n <= 1<<most
}
