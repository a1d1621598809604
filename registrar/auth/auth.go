// Package auth is the server's side of digest authentication (RFC 7616, RFC 8760, RFC 3261 §22): it writes
// challenges and judges answers. It opens nothing and sends nothing, and the time is a parameter.
//
//	request without credentials ──▶ Check ──▶ ErrMissing, challenge ──▶ 401 or 407
//	request with credentials    ──▶ Check ──▶ nil, account        ──▶ go on
//	                                      ├─▶ ErrStale, challenge (stale=true: the same secret will do)
//	                                      ├─▶ ErrRefused, challenge
//	                                      └─▶ ErrMalformed        ──▶ 400
//
// Nonces are stateless: when, at random, and a MAC over both, the realm and the flow. What is kept is only, per
// account, which counts of its last nonces were used, and that only for those who proved to know the secret: a
// stranger can make the process neither remember nor forget anything.
package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
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
// not exist; the Algorithm beside it counts all the same, so that a name of the plan without an account is
// challenged like one that has it.
type Lookup func(name string) (c Credentials, ok bool)

// A Request is what of a SIP request goes into its authentication.
type Request struct {
	Method string
	URI    string   // the Request-URI
	From   string   // user part of From (To in a REGISTER): whom to challenge while nobody has answered
	Flow   string   // what the request came over, such as "UDP 192.0.2.7:5060": a nonce is good on its flow alone
	Values []string // of all the Authorization or Proxy-Authorization headers
}

// A Result says who sent the request, or what to answer.
type Result struct {
	Account   string // proved to be its sender; empty unless Err is nil
	Err       error  // nil, or one that is ErrMissing, ErrStale, ErrRefused or ErrMalformed
	Challenge string // value of WWW-Authenticate (401) or Proxy-Authenticate (407); empty for ErrMalformed
}

// What Check finds. ErrRefused says the same of a wrong secret and of an unknown account.
var (
	ErrMissing   = errors.New("no credentials for this realm")
	ErrStale     = errors.New("nonce too old, used before, or of another connection")
	ErrRefused   = errors.New("unknown account or wrong secret")
	ErrMalformed = errors.New("malformed credentials")
)

// MaxHeader is the longest value of an Authorization header that is looked at, in bytes.
const MaxHeader = 4096

// HA1 is what is kept of a secret: useless in any other realm or for any other name, but as good as the secret here.
func HA1(a Algorithm, name, realm, secret string) (string, error) {
	cred, err := digest.Digest(&digest.Challenge{Realm: realm, Algorithm: string(a)}, digest.Options{})
	if err != nil || cred == nil || (a != MD5 && a != SHA256) {
		return "", fmt.Errorf("digest algorithm %q is not supported; use MD5 or SHA-256", a)
	}
	return hexHash(a, name+":"+realm+":"+secret), nil
}

// Check judges a request at the time now. It does the same work whether or not the account exists.
func (a *Auth) Check(r Request, lookup Lookup, now time.Time) Result {
	panic("skeleton")
}

func hexHash(a Algorithm, s string) string { return "" }

var _ = hmac.New
var _ = sha256.New
var _ = subtle.ConstantTimeCompare
var _ = hex.EncodeToString

// Config is what an Auth is made from.
type Config struct {
	Realm    string        // the domain
	Secret   []byte        // of the nonces' MAC, at least 16 random bytes; a new one makes all nonces stale, no more
	Lifetime time.Duration // of a nonce, 60–300 s; 0 means 120 s
}

// Auth judges the requests of one realm. It may be used from several goroutines.
type Auth struct{}

// New checks c and makes an Auth.
func New(c Config) (*Auth, error) { return nil, nil }

// Challenge is the value of a WWW-Authenticate or Proxy-Authenticate header for an account that is to answer with alg.
func (a *Auth) Challenge(alg Algorithm, flow string, stale bool, now time.Time) string { return "" }
