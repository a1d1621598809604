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
//	| time, ns since 1970 (8) | random (8) | HMAC-SHA-256 over both and the realm, cut to 12 |
//
// It is bound to no address: phones behind one NAT share an address, some use another port for each request, and a
// window may have moved to another network since it was challenged. What keeps a nonce from being used twice is
// usage, not where it comes from.
const (
	nonceStamp = 16
	nonceMAC   = 12
	nonceSize  = nonceStamp + nonceMAC
)

// A stamp is a nonce without its MAC. Stamps are ordered by when they were made, and no two are the same.
type stamp struct {
	ns     int64
	random uint64
}

func (s stamp) made() time.Time { return time.Unix(0, s.ns) }

func (s stamp) before(t stamp) bool { return s.ns < t.ns || s.ns == t.ns && s.random < t.random }

// A minter makes nonces and knows them again without having kept them.
type minter struct {
	key   []byte
	realm string
	life  time.Duration
}

func (m minter) mint(now time.Time) string {
	b := make([]byte, nonceStamp, nonceSize)
	binary.BigEndian.PutUint64(b, uint64(now.UnixNano()))
	rand.Read(b[8:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(append(b, m.mac(b)...))
}

// check reads a nonce; ErrStale if it is not one of ours, or too old.
func (m minter) check(nonce string, now time.Time) (stamp, error) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != nonceSize || !hmac.Equal(b[nonceStamp:], m.mac(b[:nonceStamp])) {
		return stamp{}, fmt.Errorf("%w: not made here", ErrStale)
	}
	s := stamp{ns: int64(binary.BigEndian.Uint64(b)), random: binary.BigEndian.Uint64(b[8:])}
	age := now.Sub(s.made())
	if age >= m.life || age < -m.life { // made in the future: the clock was set back
		return stamp{}, fmt.Errorf("%w: made %s ago", ErrStale, age.Round(time.Second))
	}
	return s, nil
}

func (m minter) mac(b []byte) []byte {
	h := hmac.New(sha256.New, m.key)
	h.Write(b)
	h.Write([]byte(m.realm))
	return h.Sum(nil)[:nonceMAC]
}
