// Package trust says whose key it is: the window's own media key, and the keys by which it knows its partners.
//
//	media.key  the window's key, made at its first start and never again: partners know the window by it
//	pins.json  the keys of partners: since when, and who confirmed them
//
//	plan ──────▶ Told ─┐                       ┌─▶ screen, status: words, "not yet confirmed", "changed"
//	                   ├─▶ Pins ─▶ pins.json ──┤
//	handshake ─▶ Meet ─┘     ▲                 └─▶ nil, or *Changed: no picture
//	                         └─ Confirm, Forget ◀── somebody at this window: `ewindow trust`
//
// A key that is seen for the first time is pinned: from then on nobody can put another one in its place. That is not trust yet: who was in
// the middle at first sight is the one who was pinned. So people compare six words of each key, and say here that they are the same.
package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"ewindow/dialplan/wholefile"
	"ewindow/registrar/signal/mediakey"
)

const (
	KeyFile = "media.key"
	maxKey  = 16 << 10 // bytes of its file
	block   = "PRIVATE KEY"
)

// A Key is the window's own media key, ECDSA on P-256.
type Key struct {
	private *ecdsa.PrivateKey
	public  mediakey.Public
	words   mediakey.Words
}

// LoadKey reads the key in the state directory dir, and makes it where there is none at all. One that is there and cannot be used is an
// error: with a new one every partner would refuse this window until somebody confirms it there.
func LoadKey(dir string, log *slog.Logger) (*Key, error) {
	path := filepath.Join(dir, KeyFile)
	data, err := wholefile.Read(path, maxKey)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return makeKey(path, log)
	case err != nil:
		return nil, fmt.Errorf("the window's media key cannot be read (%w); let the window's user (uid %d) read it, and do not remove it: partners know this window by it",
			err, os.Geteuid())
	}
	k, err := parseKey(data)
	if err != nil {
		return nil, fmt.Errorf("the window's media key in %s is damaged (%w); put back a copy of it; if there is none, remove it, start again, and have every partner confirm the new key with `ewindow trust`",
			path, err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			log.Warn("others on this machine can read the window's media key", "file", path, "err", err)
		} else {
			log.Warn("others on this machine could read the window's media key until now", "file", path)
		}
	}
	return k, nil
}

func makeKey(path string, log *slog.Logger) (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the window's media key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("make the window's media key: %w", err)
	}
	// Not one that is in memory alone: it would be another one after each start.
	if err := wholefile.Write(path, pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der}), 0o600); err != nil {
		return nil, fmt.Errorf("keep the window's media key: %w; see to it that the state directory can be written, or name another one with --state", err)
	}
	log.Info("made the window's media key; keep a copy of it", "file", path)
	return newKey(private)
}

func parseKey(data []byte) (*Key, error) {
	b, _ := pem.Decode(data)
	if b == nil || b.Type != block {
		return nil, fmt.Errorf("it holds no PEM block %q", block)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("its key is none of ECDSA")
	}
	return newKey(private)
}

func newKey(private *ecdsa.PrivateKey) (*Key, error) {
	public, err := mediakey.Of(&private.PublicKey)
	if err != nil {
		return nil, err
	}
	return &Key{private, public, mediakey.WordsOf(public)}, nil
}

// Signer is what signs with the key: for the certificate of a handshake.
func (k *Key) Signer() crypto.Signer { return k.private }

// Public is the half of it that partners know.
func (k *Key) Public() mediakey.Public { return k.public }

// Words are the six words of it.
func (k *Key) Words() mediakey.Words { return k.words }
