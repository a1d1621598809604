package relay

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the scheme's own
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pion/turn/v5"

	"ewindow/registrar/signal/relays"
)

// A Secret is what the passwords of an account are made of, and whether it may have any.
type Secret func(account string) (secret string, ok bool)

// Shared is the secret of a server elsewhere (coturn's static-auth-secret), which knows no accounts.
func Shared(secret string) Secret { return func(string) (string, bool) { return secret, true } }

// Own is the secret of this registrar's server, another one for each account. proof is something that changes with the
// account's own secret, and ok whether the account may relay: so credentials end with what they were given for, also over a
// restart, and nothing has to be remembered.
func Own(key []byte, proof func(account string) (proof string, ok bool)) Secret {
	return func(account string) (string, bool) {
		text, ok := proof(account)
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%d:%s%s", len(account), account, text)
		return hex.EncodeToString(mac.Sum(nil)), ok
	}
}

// An Issuer makes credentials for servers (draft-uberti-behave-turn-rest-00): the username is when they expire and whose they
// are, the password its MAC. Whoever has the secret can check them without having heard of them before.
type Issuer struct {
	Secret Secret
	URIs   []string // of the servers; see relays.Relays
}

// Relays are the servers with new credentials for an account; nil if it may have none.
func (i *Issuer) Relays(account string, now time.Time) *relays.Relays {
	secret, ok := i.Secret(account)
	if !ok {
		return nil
	}
	expires := now.Add(relays.Lifetime).Truncate(time.Second)
	name := username(account, expires)
	return &relays.Relays{
		Version: relays.Version, URIs: i.URIs, Username: name, Password: password(secret, name), Expires: expires.UTC(),
	}
}

func username(account string, expires time.Time) string {
	return strconv.FormatInt(expires.Unix(), 10) + ":" + account
}

func password(secret, username string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Why credentials are refused.
var (
	errMalformed = errors.New("the username is not of this registrar")
	errExpired   = errors.New("the credentials have expired")
	errAccount   = errors.New("the account may not relay, or is no more")
	errRealm     = errors.New("the credentials are for another realm")
)

// key finds out whose credentials a username is of, and what a request with it is signed with (RFC 8489 §9.2.2).
func (s Secret) key(name, realm string, now time.Time) (account string, key []byte, err error) {
	stamp, account, found := strings.Cut(name, ":")
	until, err := strconv.ParseInt(stamp, 10, 64)
	switch {
	case !found || account == "" || err != nil || stamp != strconv.FormatInt(until, 10):
		return "", nil, errMalformed
	case now.Unix() >= until:
		return account, nil, errExpired
	}
	secret, ok := s(account)
	if !ok {
		return account, nil, errAccount
	}
	return account, turn.GenerateAuthKey(name, realm, password(secret, name)), nil
}
