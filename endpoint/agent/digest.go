package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"ewindow/registrar/signal/header"
)

// algorithms are those we answer, the strongest first (RFC 8760 §2.4).
var algorithms = []string{"SHA-512-256", "SHA-256", "MD5"}

// errSecret says that the registrar does not accept our credentials.
var errSecret = errors.New("the registrar refuses this window's name or secret; make a new secret with `ewindow-registrar account rotate NAME` (`account add NAME` if there is no account of that name) and put it into the window's secret_file")

// foreignRealm is a challenge that is not our registrar's. No credentials are sent.
type foreignRealm struct{ asked, ours string }

func (e *foreignRealm) Error() string {
	return fmt.Sprintf("challenged for realm %q, not %q: no credentials were sent; correct `registrar` in the window's file, or the registrar's --domain", e.asked, e.ours)
}

// credentials answer digest challenges (RFC 3261 §22, RFC 8760) of one realm. The latest challenges are kept, so
// that most requests need no second try.
type credentials struct {
	realm, username string

	mu       sync.Mutex
	password string
	server   *nonce // of a 401
	proxy    *nonce // of a 407
}

// nonce is a challenge and how often it was answered.
type nonce struct {
	challenge *digest.Challenge
	count     int
}

// renew takes another password.
func (c *credentials) renew(password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.password = password
}

// learn takes the strongest challenge for us out of a 401 or 407.
func (c *credentials) learn(res *sip.Response) (stale bool, err error) {
	name := "WWW-Authenticate"
	if res.StatusCode == sip.StatusProxyAuthRequired {
		name = "Proxy-Authenticate"
	}
	best, rank, foreign := (*digest.Challenge)(nil), len(algorithms), ""
	for _, h := range res.GetHeaders(name) {
		ch, err := digest.ParseChallenge(h.Value())
		if err != nil {
			continue
		}
		if !strings.EqualFold(ch.Realm, c.realm) {
			foreign = ch.Realm
			continue
		}
		if ch.Algorithm == "" {
			ch.Algorithm = "MD5" // RFC 7616 §3.3
		}
		for i := range ch.QOP {
			ch.QOP[i] = strings.TrimSpace(ch.QOP[i])
		}
		i := slices.IndexFunc(algorithms, func(a string) bool { return strings.EqualFold(a, ch.Algorithm) })
		if i >= 0 && i < rank && digest.CanDigest(ch) {
			best, rank = ch, i
		}
	}
	switch {
	case best == nil && foreign != "":
		return false, &foreignRealm{asked: header.Text(foreign), ours: c.realm}
	case best == nil:
		return false, fmt.Errorf("%d without a digest challenge that we can answer (%s)", res.StatusCode, strings.Join(algorithms, ", "))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if res.StatusCode == sip.StatusProxyAuthRequired {
		c.proxy = &nonce{challenge: best}
	} else {
		c.server = &nonce{challenge: best}
	}
	return best.Stale, nil
}

// apply adds credentials for the challenges that are known. toServer says that the request is for the registrar
// itself. In one that it passes on it would leave the answer to a 401 for the other side to see: that answer goes only
// into a request that was itself challenged.
func (c *credentials) apply(req *sip.Request, toServer, challenged bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil && (toServer || challenged) {
		if err := c.add(req, "Authorization", c.server); err != nil {
			return err
		}
	}
	if c.proxy != nil {
		return c.add(req, "Proxy-Authorization", c.proxy)
	}
	return nil
}

func (c *credentials) add(req *sip.Request, header string, n *nonce) error {
	n.count++
	cred, err := digest.Digest(n.challenge, digest.Options{
		Method: req.Method.String(), URI: req.Recipient.String(), Count: n.count,
		Username: c.username, Password: c.password,
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body())), nil },
	})
	if err != nil {
		return fmt.Errorf("digest for %s: %w", req.Method, err)
	}
	req.AppendHeader(sip.NewHeader(header, cred.String()))
	return nil
}
