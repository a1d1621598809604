// Package mediakey is what both programs know of a window's media key: what a public key looks like on the wire, and the six words by
// which people compare it. It knows no private keys.
package mediakey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// MaxSize bounds an encoded public key, in bytes. One of P-256 has 91.
const MaxSize = 128

// A Public key is the DER of a SubjectPublicKeyInfo (RFC 5280 §4.1) with a key of ECDSA on P-256, and nothing after it.
type Public string

// Of is the public key as it travels.
func Of(key *ecdsa.PublicKey) (Public, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("encode the public key: %w", err)
	}
	return Check(der)
}

// Check says what is wrong with a public key that came from elsewhere. There is one spelling of each key.
func Check(der []byte) (Public, error) {
	if len(der) > MaxSize {
		return "", fmt.Errorf("a public key of %d bytes; at most %d", len(der), MaxSize)
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return "", fmt.Errorf("no public key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return "", errors.New("the public key is none of ECDSA on P-256")
	}
	again, err := x509.MarshalPKIXPublicKey(key)
	if err != nil || string(again) != string(der) {
		return "", errors.New("the public key is not written as it ought to be (DER)")
	}
	return Public(der), nil
}

// Parse reads what Text wrote.
func Parse(text string) (Public, error) {
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("the public key is no base64: %w", err)
	}
	p, err := Check(der)
	if err == nil && p.Text() != text { // line breaks are passed over
		err = errors.New("the public key is not in one piece")
	}
	return p, err
}

// Text is the key in base64, for headers and files.
func (p Public) Text() string { return base64.StdEncoding.EncodeToString([]byte(p)) }

// MarshalText is Text.
func (p Public) MarshalText() ([]byte, error) { return []byte(p.Text()), nil }

// UnmarshalText is Parse; nothing is no key.
func (p *Public) UnmarshalText(text []byte) (err error) {
	*p = ""
	if len(text) > 0 {
		*p, err = Parse(string(text))
	}
	return err
}

// Words are the six words of a key: 66 bits.
type Words [6]string

// How a key becomes words. Whoever wants another key with the same words has to try 2^66, or 2^65 on average; scrypt (RFC 7914) makes each
// try cost a tenth of a second and 16 MiB instead of a microsecond. The salt keeps these words apart from every other use of the key.
const (
	salt     = "E-Window six words of a media key 1"
	cost     = 1 << 14
	block    = 8
	parallel = 1
	bits     = 11 // of a word
)

// english is the English list of BIP 39: 2,048 words, the first four letters of each its own.
//
//go:embed english.txt
var english string

// WordsOf computes the six words of a key, of that alone. It takes about a tenth of a second: keep them.
func WordsOf(p Public) (w Words) {
	sum, err := scrypt.Key([]byte(p), []byte(salt), cost, block, parallel, (len(w)*bits+7)/8)
	if err != nil {
		panic(err) // the parameters are constants
	}
	debug.FreeOSMemory() // it is as much as all else that a window keeps, and is not needed again for long
	list := strings.Fields(english)
	n := new(big.Int).SetBytes(sum)
	n.Rsh(n, uint(len(sum)*8-len(w)*bits)) // the first 66 bits, the first word first
	for i := len(w) - 1; i >= 0; i-- {
		w[i] = list[n.Uint64()%(1<<bits)]
		n.Rsh(n, bits)
	}
	return w
}

// String is the words as people read them.
func (w Words) String() string { return strings.Join(w[:], " ") }

// ParseWords reads six words as somebody typed them: case, commas and hyphens do not matter. An error names the word that is none.
func ParseWords(text string) (w Words, err error) {
	typed := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' })
	if len(typed) != len(w) {
		return w, fmt.Errorf("%d words; a key has six", len(typed))
	}
	list := strings.Fields(english)
	for _, word := range typed {
		if _, known := slices.BinarySearch(list, word); !known {
			return w, fmt.Errorf("%q is none of the words that a key can have; read it again", word)
		}
	}
	return Words(typed), nil
}
