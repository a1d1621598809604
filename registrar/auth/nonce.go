package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

// A nonce is, in base64url:
//
//	| time, ms since 1970 (8) | random (12) | HMAC-SHA-256 over both, realm, flow, cut to 16 |
const (
	nonceRandom = 12
	nonceMAC    = 16
	nonceSize   = 8 + nonceRandom + nonceMAC
)

// A minter makes nonces and knows them again without having kept them.
type minter struct {
	key   []byte
	realm string
	life  time.Duration
}

func (m minter) mint(flow string, now time.Time) string {
	b := make([]byte, 8+nonceRandom, nonceSize)
	binary.BigEndian.PutUint64(b, uint64(now.UnixMilli()))
	rand.Read(b[8:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(append(b, m.mac(b, flow)...))
}

// check returns when a nonce was made; ErrStale if it is not one of ours, not of this flow, or too old.
func (m minter) check(nonce, flow string, now time.Time) (time.Time, error) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != nonceSize || !hmac.Equal(b[nonceSize-nonceMAC:], m.mac(b[:nonceSize-nonceMAC], flow)) {
		return time.Time{}, fmt.Errorf("%w: not made here for this connection", ErrStale)
	}
	minted := time.UnixMilli(int64(binary.BigEndian.Uint64(b)))
	age := now.Sub(minted)
	if age >= m.life || age < -m.life { // made in the future: the clock was set back
		return time.Time{}, fmt.Errorf("%w: made %s ago", ErrStale, age.Round(time.Second))
	}
	return minted, nil
}

func (m minter) mac(b []byte, flow string) []byte {
	h := hmac.New(sha256.New, m.key)
	h.Write(b)
	for _, s := range []string{m.realm, flow} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) // so that no two pairs look the same
		h.Write([]byte(s))
	}
	return h.Sum(nil)[:nonceMAC]
}
