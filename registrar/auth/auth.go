// Package auth is the server's side of digest authentication (RFC 7616, RFC 8760, RFC 3261 §22): it writes
// challenges and judges answers. It opens nothing and sends nothing, and the time is a parameter.
//
//	request without credentials ──▶ Check ──▶ ErrMissing, challenge ──▶ 401 or 407
//	request with credentials    ──▶ Check ──▶ nil, account        ──▶ go on
//	                                      ├─▶ ErrStale, challenge (stale=true: the same secret will do)
//	                                      ├─▶ ErrRefused, challenge
//	                                      ├─▶ ErrOtherURI, challenge
//	                                      └─▶ ErrMalformed        ──▶ 400
//
// Nonces are stateless: a time, random bytes, and a MAC over both and the realm. All that is kept is which counts of its
// last nonces an account has used, and only once it has proved that it knows its secret: a stranger can make the process
// neither remember nor forget anything.
package auth

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/icholy/digest"
)

// Algorithm is the hash of a challenge, as it is written there.
type Algorithm string

const (
	SHA256 Algorithm = "SHA-256" // accounts of spaces
	MD5    Algorithm = "MD5"     // everybody else: many phones give up at the sight of SHA-256
)

// Credentials is what is known of an account.
type Credentials struct {
	Algorithm Algorithm // the only one the account is challenged with and may answer with; empty means MD5
	HA1       string    // H(name ":" realm ":" secret) by that algorithm, in lower-case hex; see HA1
}

// Lookup finds an account by its name, the user part of the address-of-record. With ok = false the account does
// not exist; its Algorithm counts all the same, so that a name of the plan that has no account is
// challenged like one that has.
type Lookup func(name string) (c Credentials, ok bool)

// A Request is what of a SIP request goes into its authentication.
type Request struct {
	Method string
	URI    string                 // the Request-URI
	From   string                 // user part of From (To in a REGISTER): whom to challenge while nobody has answered
	Here   func(host string) bool // whether a host names this server, besides the realm; nil: none does
	Values []string               // of all the Authorization or Proxy-Authorization headers
}

// A Result says who sent the request, or what to answer.
type Result struct {
	Account   string // proved to be its sender; empty unless Err is nil
	Err       error  // nil, or one that is ErrMissing, ErrStale, ErrRefused, ErrOtherURI or ErrMalformed
	Challenge string // value of WWW-Authenticate (401) or Proxy-Authenticate (407); empty for ErrMalformed
}

// What Check finds. ErrRefused says the same of a wrong secret and of an unknown account.
var (
	ErrMissing   = errors.New("no credentials for this realm")
	ErrStale     = errors.New("nonce too old, or used before")
	ErrRefused   = errors.New("unknown account or wrong secret")
	ErrOtherURI  = errors.New("the digest is for another URI") // whoever sent it knows the secret
	ErrMalformed = errors.New("malformed credentials")
)

// MaxHeader is the longest value of an Authorization header that is looked at, in bytes.
const MaxHeader = 4096

// HA1 is what is kept of a secret: useless for any other name or in any other realm, but here as good as the secret.
func HA1(a Algorithm, name, realm, secret string) string {
	return a.hash(name + ":" + realm + ":" + secret)
}

func (a Algorithm) hash(s string) string {
	if a == SHA256 {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])
	}
	h := md5.Sum([]byte(s))
	return hex.EncodeToString(h[:])
}

// Config is what an Auth is made from.
type Config struct {
	Realm    string        // the domain
	Secret   []byte        // at least 16 random bytes; with new ones all nonces are stale, no more
	Lifetime time.Duration // of a nonce, 60–300 s; 0 means 120 s
}

// Auth judges the requests of one realm. It may be used from several goroutines.
type Auth struct {
	realm  string
	nonces minter
	dummy  map[Algorithm]string // HA1 of accounts that do not exist
	used   *usage
}

// New checks c and makes an Auth.
func New(c Config) (*Auth, error) {
	if c.Lifetime == 0 {
		c.Lifetime = 120 * time.Second
	}
	switch {
	case c.Realm == "" || strings.ContainsAny(c.Realm, "\"\\\r\n"):
		return nil, fmt.Errorf("digest realm %q is not usable; it is the registrar's domain", c.Realm)
	case len(c.Secret) < 16:
		return nil, fmt.Errorf("the secret for nonces has %d bytes; it needs 16 or more random ones", len(c.Secret))
	case c.Lifetime < time.Minute || c.Lifetime > 5*time.Minute:
		return nil, fmt.Errorf("nonces that live %s; between 1m and 5m is allowed", c.Lifetime)
	}
	return &Auth{
		realm:  c.Realm,
		nonces: minter{key: derive(c.Secret, "nonce"), realm: c.Realm, life: c.Lifetime},
		dummy: map[Algorithm]string{
			MD5:    hex.EncodeToString(derive(c.Secret, "dummy"))[:2*md5.Size],
			SHA256: hex.EncodeToString(derive(c.Secret, "dummy")),
		},
		used: newUsage(c.Lifetime),
	}, nil
}

// derive makes independent keys from one secret.
func derive(secret []byte, purpose string) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(purpose))
	return m.Sum(nil)
}

// Challenge is the value of a WWW-Authenticate or Proxy-Authenticate header for an account that answers with alg.
func (a *Auth) Challenge(alg Algorithm, stale bool, now time.Time) string {
	c := digest.Challenge{
		Realm: a.realm, Nonce: a.nonces.mint(now), Stale: stale, Algorithm: string(alg.or()), QOP: []string{"auth"},
	}
	return c.String()
}

func (a Algorithm) or() Algorithm {
	if a == SHA256 {
		return SHA256
	}
	return MD5
}

// Check judges a request at the time now. It does the same work whether or not the account exists; lookup should, too.
func (a *Auth) Check(r Request, lookup Lookup, now time.Time) Result {
	cred, err := a.pick(r.Values)
	if err != nil {
		return Result{Err: err}
	}
	if cred == nil {
		known, _ := lookup(r.From)
		return Result{Err: ErrMissing, Challenge: a.Challenge(known.Algorithm, false, now)}
	}
	known, ok := lookup(cred.username)
	alg := known.Algorithm.or()
	switch err := a.judge(r, cred, alg, known.HA1, ok, now); {
	case errors.Is(err, ErrMalformed):
		return Result{Err: err}
	case err != nil:
		return Result{Err: err, Challenge: a.Challenge(alg, errors.Is(err, ErrStale), now)}
	}
	return Result{Account: cred.username}
}

// pick finds the credentials for our realm; nil if there are none. Those of other realms and schemes are not ours to
// judge (RFC 3261 §22.3), and what cannot be read may be theirs: it counts only if nothing else is ours.
func (a *Auth) pick(values []string) (*credentials, error) {
	var unreadable error
	for _, v := range values {
		if len(v) > MaxHeader {
			return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrMalformed, len(v), MaxHeader)
		}
		end := strings.IndexAny(v, " \t")
		if end < 0 || !strings.EqualFold(v[:end], "Digest") {
			continue
		}
		c, err := parse(v[end:])
		switch {
		case err != nil:
			unreadable = fmt.Errorf("%w: %w", ErrMalformed, err)
		case c.realm == a.realm:
			return c, c.check()
		}
	}
	return nil, unreadable
}

// judge looks at the digest first and at everything else after it: only who knows the secret learns more than
// ErrRefused, and only they change what is remembered.
func (a *Auth) judge(r Request, c *credentials, alg Algorithm, ha1 string, ok bool, now time.Time) error {
	if !ok || len(ha1) != len(a.dummy[alg]) {
		ok, ha1 = false, a.dummy[alg]
	}
	same, asked := proof(c, alg, ha1, r)
	switch {
	case c.qop == "" && alg != MD5:
		return fmt.Errorf("%w: qop is missing, which MD5 alone may do without", ErrMalformed)
	case !ok || !same && !asked:
		return ErrRefused
	case !strings.EqualFold(c.algorithm, string(alg)):
		return fmt.Errorf("%w: answered with %s, was asked for %s", ErrRefused, c.algorithm, alg)
	case !asked && !a.sameURI(c, r):
		return fmt.Errorf("%w: %.100q, and the request is for %.100q", ErrOtherURI, c.uri, r.URI)
	}
	nonce, err := a.nonces.check(c.nonce, now)
	if err != nil {
		return err
	}
	return a.used.use(c.username, nonce, c.nc, now)
}

// proof says whether the response was made with the secret: for the URI that it names, or for the one asked for, since some
// phones write another into uri= than they hashed.
func proof(c *credentials, alg Algorithm, ha1 string, r Request) (named, asked bool) {
	for _, way := range []struct {
		uri  string
		fits *bool
	}{{c.uri, &named}, {r.URI, &asked}} {
		want := response(c, way.uri, alg, ha1, r.Method)
		*way.fits = subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.response))) == 1
	}
	return named, asked
}

// response is what a client with this HA1 would have sent (RFC 7616 §3.4.1), or one that knows no qop (RFC 2069 §2.1.2). The
// algorithm is the account's, never the one the client names: no weaker one is even computed.
func response(c *credentials, uri string, alg Algorithm, ha1, method string) string {
	parts := []string{ha1, c.nonce}
	if c.qop != "" {
		parts = append(parts, c.count, c.cnonce, "auth")
	}
	return alg.hash(strings.Join(append(parts, alg.hash(method+":"+uri)), ":"))
}
