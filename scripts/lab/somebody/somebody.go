// Package somebody has, for tests, what others bring: a window's public media key of which the private half is nobody's.
package somebody

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"

	"ewindow/registrar/signal/mediakey"
)

// Key is another one each time.
func Key(t testing.TB) mediakey.Public {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := mediakey.Of(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
