package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
)

const realm = "window.example"

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func accounts(name string) (Credentials, bool) {
	switch name {
	case "milano":
		return Credentials{SHA256, HA1(SHA256, name, realm, "secret of milano")}, true
	case "reception":
		return Credentials{MD5, HA1(MD5, name, realm, "secret of reception")}, true
	case "planned": // in the plan, without an account yet
		return Credentials{Algorithm: SHA256}, false
	case "damaged":
		return Credentials{MD5, ""}, true
	}
	return Credentials{}, false
}

func newAuth(t *testing.T) *Auth {
	t.Helper()
	a, err := New(Config{Realm: realm, Secret: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func register(name string, values ...string) Request {
	return Request{Method: "REGISTER", URI: "sip:" + realm, From: name, Values: values}
}

// answer is what a client sends after a challenge.
func answer(t *testing.T, challenge, name, secret string, nc int, change ...func(*digest.Credentials)) string {
	t.Helper()
	c, err := digest.ParseChallenge(challenge)
	if err != nil {
		t.Fatal(err)
	}
	cred, err := digest.Digest(c, digest.Options{Method: "REGISTER", URI: "sip:" + realm, Username: name, Password: secret, Count: nc})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(cred)
	}
	return cred.String()
}

// The examples of RFC 7616 §3.9.1 and RFC 2617 §3.5.
func TestResponseVectors(t *testing.T) {
	rfc7616 := credentials{
		username: "Mufasa", realm: "http-auth@example.org", uri: "/dir/index.html", qop: "auth", count: "00000001",
		nonce:  "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	}
	rfc2617 := credentials{
		username: "Mufasa", realm: "testrealm@host.com", uri: "/dir/index.html", qop: "auth", count: "00000001",
		nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", cnonce: "0a4f113b",
	}
	rfc2069 := credentials{
		username: "Mufasa", realm: "testrealm@host.com", uri: "/dir/index.html", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
	}
	for _, c := range []struct {
		cred   credentials
		alg    Algorithm
		secret string
		want   string
	}{
		{rfc2069, MD5, "CircleOfLife", "1949323746fe6a43ef61f9606e7febea"}, // with RFC 2069's erratum 749
		{rfc7616, MD5, "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"},
		{rfc7616, SHA256, "Circle of Life", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{rfc2617, MD5, "Circle Of Life", "6629fae49393a05397450978507c4ef1"},
	} {
		got := response(&c.cred, c.cred.uri, c.alg, HA1(c.alg, c.cred.username, c.cred.realm, c.secret), "GET")
		if got != c.want {
			t.Errorf("%s for %s: got %s, want %s", c.alg, c.cred.realm, got, c.want)
		}
	}
}

// RFC 8760: the algorithm is named in the challenge, and is the account's.
func TestChallengeByAccount(t *testing.T) {
	a := newAuth(t)
	for name, want := range map[string]string{
		"milano": "SHA-256", "planned": "SHA-256", "reception": "MD5", "nobody": "MD5", "": "MD5",
	} {
		r := a.Check(register(name), accounts, start)
		if !errors.Is(r.Err, ErrMissing) || r.Account != "" {
			t.Fatalf("%s: %+v", name, r)
		}
		c, err := digest.ParseChallenge(r.Challenge)
		if err != nil {
			t.Fatal(err)
		}
		if c.Algorithm != want || c.Realm != realm || c.Stale || len(c.QOP) != 1 || c.QOP[0] != "auth" || c.Nonce == "" {
			t.Errorf("%s is challenged with %s", name, r.Challenge)
		}
	}
}

func TestGoodAnswers(t *testing.T) {
	a := newAuth(t)
	for name, secret := range map[string]string{"milano": "secret of milano", "reception": "secret of reception"} {
		ch := a.Check(register(name), accounts, start).Challenge
		for nc := 1; nc <= 3; nc++ {
			r := a.Check(register(name, answer(t, ch, name, secret, nc)), accounts, start.Add(time.Duration(nc)*time.Second))
			if r.Err != nil || r.Account != name || r.Challenge != "" {
				t.Errorf("%s, nc %d: %+v", name, nc, r)
			}
		}
	}
}

// As baresip 1.0 writes it: no comma rules broken, algorithm last, qop without quotes.
func TestForeignSpelling(t *testing.T) {
	a := newAuth(t)
	c, _ := digest.ParseChallenge(a.Challenge(MD5, false, start))
	cred := credentials{username: "reception", realm: realm, nonce: c.Nonce, uri: "sip:" + realm + ";transport=tls", cnonce: "ab12", qop: "auth", count: "00000001"}
	resp := response(&cred, cred.uri, MD5, HA1(MD5, "reception", realm, "secret of reception"), "REGISTER")
	v := fmt.Sprintf("digest\tUsername=\"reception\",REALM=\"%s\", nonce=\"%s\" , uri=\"%s\",\tresponse=\"%s\",,cnonce = \"ab12\", qop=auth, nc=00000001,algorithm=md5, x_y=\"a\\\"b,c=d\"",
		realm, c.Nonce, cred.uri, strings.ToUpper(resp))
	r := a.Check(register("reception", "Basic Zm9v", `Digest realm="elsewhere", username="x"`, v), accounts, start)
	if r.Err != nil {
		t.Errorf("%s: %v", v, r.Err)
	}
}

// What phones write, and old ones leave out, where the response proves the secret.
func TestOldSpellings(t *testing.T) {
	for name, c := range map[string]struct {
		qop, count, cnonce, uri, before string
		want                            error
	}{
		"as it should be":            {"auth", "00000001", "x", "", "", nil},
		"capital count":              {"auth", "0000000A", "x", "", "", nil},
		"short count":                {"auth", "1", "x", "", "", nil},
		"long count":                 {"auth", "000000001", "x", "", "", ErrMalformed},
		"no qop (RFC 2069)":          {"", "", "", "", "", nil},
		"no qop but a cnonce":        {"", "", "x", "", "", nil},
		"qop auth-int":               {"auth-int", "00000001", "x", "", "", ErrMalformed},
		"own address in REGISTER":    {"auth", "00000001", "x", "sip:reception@" + realm, "", nil},
		"a name with its last dot":   {"auth", "00000001", "x", "sip:" + realm + ".", "", nil},
		"unreadable ones of another": {"auth", "00000001", "x", "", `Digest realm="elsewhere", nonce="x`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuth(t)
			challenge, _ := digest.ParseChallenge(a.Challenge(MD5, false, start))
			cred := credentials{qop: c.qop, count: c.count, cnonce: c.cnonce, nonce: challenge.Nonce, uri: "sip:" + realm}
			if c.uri != "" {
				cred.uri = c.uri
			}
			v := fmt.Sprintf(`Digest username="reception", realm="%s", nonce="%s", uri="%s", response="%s"`, realm, cred.nonce, cred.uri,
				response(&cred, cred.uri, MD5, HA1(MD5, "reception", realm, "secret of reception"), "REGISTER"))
			for _, p := range [][2]string{{"qop", c.qop}, {"nc", c.count}, {"cnonce", c.cnonce}} {
				if p[1] != "" {
					v += ", " + p[0] + "=" + p[1]
				}
			}
			values := []string{v}
			if c.before != "" {
				values = []string{c.before, v}
			}
			if r := a.Check(register("reception", values...), accounts, start); !errors.Is(r.Err, c.want) {
				t.Errorf("%s: %v, want %v", v, r.Err, c.want)
			}
			if r := a.Check(register("reception", values...), accounts, start); c.want == nil && !errors.Is(r.Err, ErrStale) {
				t.Errorf("%s again: %v, want %v", v, r.Err, ErrStale)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	good := func(c *digest.Credentials) {}
	for name, c := range map[string]struct {
		account, secret string
		change          func(*digest.Credentials)
		want            error
		text            string
	}{
		"wrong secret":    {"milano", "guess", good, ErrRefused, "unknown account or wrong secret"},
		"unknown account": {"nobody", "guess", good, ErrRefused, "unknown account or wrong secret"},
		"no account yet":  {"planned", "guess", good, ErrRefused, "unknown account or wrong secret"},
		"no hash kept":    {"damaged", "guess", good, ErrRefused, "unknown account or wrong secret"},
		"other name":      {"milano", "secret of milano", func(c *digest.Credentials) { c.Username = "reception" }, ErrRefused, "unknown"},
		"no username":     {"milano", "secret of milano", func(c *digest.Credentials) { c.Username = "" }, ErrMalformed, "username"},
		"no qop":          {"milano", "secret of milano", func(c *digest.Credentials) { c.QOP = "" }, ErrMalformed, "qop is missing"},
		"qop auth-int":    {"milano", "secret of milano", func(c *digest.Credentials) { c.QOP = "auth-int" }, ErrMalformed, `qop is "auth-int"`},
		"no cnonce":       {"milano", "secret of milano", func(c *digest.Credentials) { c.Cnonce = "" }, ErrMalformed, "cnonce or nc"},
		"nc zero":         {"milano", "secret of milano", func(c *digest.Credentials) { c.Nc = 0 }, ErrMalformed, "cnonce or nc"},
		"nc too long":     {"milano", "secret of milano", func(c *digest.Credentials) { c.Nc = 1 << 33 }, ErrMalformed, "eight hex digits"},
		"hashed username": {"milano", "secret of milano", func(c *digest.Credentials) { c.Userhash = true }, ErrMalformed, "userhash"},
		"other realm":     {"milano", "secret of milano", func(c *digest.Credentials) { c.Realm = "elsewhere" }, ErrMissing, "no credentials"},
		"endless":         {"milano", "secret of milano", func(c *digest.Credentials) { c.Opaque = strings.Repeat("x", MaxHeader) }, ErrMalformed, "at most 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAuth(t)
			alg, _ := accounts(c.account)
			ch := a.Challenge(alg.Algorithm, false, start)
			r := a.Check(register(c.account, answer(t, ch, c.account, c.secret, 1, c.change)), accounts, start)
			if !errors.Is(r.Err, c.want) || !strings.Contains(r.Err.Error(), c.text) || r.Account != "" {
				t.Errorf("got %+v, want %v (%s)", r, c.want, c.text)
			}
			if malformed := errors.Is(r.Err, ErrMalformed); malformed != (r.Challenge == "") {
				t.Errorf("challenge %q with %v", r.Challenge, r.Err)
			}
			if len(a.used.accounts) != 0 {
				t.Error("something was remembered of a request that proved nothing")
			}
		})
	}
}

// The URI of the digest may be another than that of the request, where it is another way to say the same, or where it
// names this server as some do (SIPp), or where the response was made for the right one all the same.
func TestDigestURI(t *testing.T) {
	a := newAuth(t)
	here := func(host string) bool { return host == "192.0.2.1" || host == "[2001:db8::1]" }
	for _, c := range []struct {
		hashed, named, asked string // named empty: hashed
		fits                 bool
	}{
		{"sip:" + realm, "", "sip:" + strings.ToUpper(realm) + ";transport=tls", true},
		{"sip:" + realm, "", "sip:" + realm + ":5060", true},
		{"sip:" + realm + ":5060", "", "sip:" + realm, true},
		{"sips:" + realm + ":5061", "", "sip:" + realm, true},
		{"sip:" + realm, "", "sip:" + realm + "?a=b", true},
		{"sip:192.0.2.1:5060", "", "sip:" + realm, true},
		{"sip:192.0.2.1", "", "sip:munich@" + realm, true},
		{"sip:192.0.2.1:5060", "", "sip:phone@198.51.100.9:5062", true}, // within a dialog
		{"sip:munich@192.0.2.1", "", "sip:munich@" + realm, true},
		{"sip:munich@" + realm, "", "sip:munich@192.0.2.1:5060", true},
		{"sip:[2001:db8::1]:5060", "", "sip:" + realm, true},
		{"sip:munich@" + realm, "sip:192.0.2.77", "sip:munich@" + realm, true}, // hashed what it asked for

		{"sip:potsdam@" + realm, "", "sip:munich@" + realm, false},
		{"sip:potsdam@192.0.2.1", "", "sip:munich@" + realm, false},
		{"sip:munich@" + realm, "", "sip:" + realm, false},
		{"sip:192.0.2.2", "", "sip:" + realm, false},
		{"sip:munich@elsewhere.example", "", "sip:munich@" + realm, false},
	} {
		ch, err := digest.ParseChallenge(a.Challenge(SHA256, false, start))
		if err != nil {
			t.Fatal(err)
		}
		cred, err := digest.Digest(ch, digest.Options{Method: "INVITE", URI: c.hashed, Username: "milano", Password: "secret of milano", Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		if c.named != "" {
			cred.URI = c.named
		}
		r := Request{Method: "INVITE", URI: c.asked, From: "milano", Values: []string{cred.String()}, Here: here}
		got := a.Check(r, accounts, start)
		if c.fits && got.Err != nil || !c.fits && !errors.Is(got.Err, ErrOtherURI) {
			t.Errorf("the digest is for %s, the request for %s: %v", c.hashed, c.asked, got.Err)
		}
		r.Method = "BYE"
		if got := a.Check(r, accounts, start); !errors.Is(got.Err, ErrRefused) {
			t.Errorf("a digest for another method: %+v", got)
		}
	}
}

// An account challenged with SHA-256 may not answer with MD5, though whoever does knows the secret.
func TestDowngrade(t *testing.T) {
	a := newAuth(t)
	ch := a.Challenge(MD5, false, start) // forged on the way
	r := a.Check(register("milano", answer(t, ch, "milano", "secret of milano", 1)), accounts, start)
	if !errors.Is(r.Err, ErrRefused) || !strings.Contains(r.Challenge, "SHA-256") {
		t.Errorf("MD5 for a SHA-256 account: %+v", r)
	}
	ch = a.Challenge(SHA256, false, start)
	lie := func(c *digest.Credentials) { c.Algorithm = "MD5" }
	r = a.Check(register("milano", answer(t, ch, "milano", "secret of milano", 1, lie)), accounts, start)
	if !errors.Is(r.Err, ErrRefused) || !strings.Contains(r.Err.Error(), "answered with MD5, was asked for SHA-256") {
		t.Errorf("SHA-256 called MD5: %+v", r)
	}
}

func TestStale(t *testing.T) {
	a, other := newAuth(t), newAuthWith(t, "another process's secret")
	for name, c := range map[string]struct {
		challenge string
		at        time.Duration
		fresh     bool
	}{
		"in time":             {a.Challenge(SHA256, false, start), 119 * time.Second, true},
		"too old":             {a.Challenge(SHA256, false, start), 120 * time.Second, false},
		"clock a bit back":    {a.Challenge(SHA256, false, start), -10 * time.Second, true},
		"clock far back":      {a.Challenge(SHA256, false, start), -time.Hour, false},
		"from before restart": {other.Challenge(SHA256, false, start), 0, false},
		"not ours":            {`Digest realm="` + realm + `", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", algorithm=SHA-256, qop="auth"`, 0, false},
	} {
		now := start.Add(c.at)
		r := a.Check(register("milano", answer(t, c.challenge, "milano", "secret of milano", 1)), accounts, now)
		if c.fresh {
			if r.Err != nil {
				t.Errorf("%s: %v", name, r.Err)
			}
			continue
		}
		ch, err := digest.ParseChallenge(r.Challenge)
		if !errors.Is(r.Err, ErrStale) || err != nil || !ch.Stale {
			t.Fatalf("%s: %+v", name, r)
		}
		if r = a.Check(register("milano", answer(t, r.Challenge, "milano", "secret of milano", 1)), accounts, now); r.Err != nil {
			t.Errorf("%s: the new nonce is refused: %v", name, r.Err)
		}
		// Whoever does not know the secret learns nothing about the nonce.
		r = a.Check(register("milano", answer(t, c.challenge, "milano", "guess", 1)), accounts, now)
		if !errors.Is(r.Err, ErrRefused) || strings.Contains(r.Challenge, "stale") {
			t.Errorf("%s: a wrong secret is told %v, %s", name, r.Err, r.Challenge)
		}
	}
}

// The answer to an unknown account differs from that to a wrong secret in nothing but the nonce, which is random.
func TestUnknownLooksLikeWrong(t *testing.T) {
	a := newAuth(t)
	shape := func(name string) string {
		ch := a.Challenge(MD5, false, start)
		r := a.Check(register(name, answer(t, ch, name, "guess", 1)), accounts, start)
		c, err := digest.ParseChallenge(r.Challenge)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := base64.RawURLEncoding.DecodeString(c.Nonce); err != nil || len(b) != nonceSize {
			t.Fatalf("nonce %q: %v", c.Nonce, err)
		}
		return r.Err.Error() + strings.Replace(r.Challenge, c.Nonce, "", 1)
	}
	if known, unknown := shape("reception"), shape("nobody"); known != unknown {
		t.Errorf("known: %s\nunknown: %s", known, unknown)
	}
	if a.dummy[MD5] == newAuthWith(t, "another secret, also long").dummy[MD5] {
		t.Error("the hash of unknown accounts can be known beforehand")
	}
	if _, err := New(Config{Realm: realm, Secret: []byte("0123456789abcdef"), Lifetime: time.Minute}); err != nil {
		t.Error(err)
	}
}

func newAuthWith(t *testing.T, secret string) *Auth {
	t.Helper()
	a, err := New(Config{Realm: realm, Secret: []byte(secret)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNewRefuses(t *testing.T) {
	key := []byte("0123456789abcdef")
	for want, c := range map[string]Config{
		`digest realm "" is not usable`:     {Secret: key},
		`digest realm "a\"b" is not usable`: {Realm: `a"b`, Secret: key},
		"has 3 bytes":                       {Realm: realm, Secret: []byte("abc")},
		"nonces that live 10s":              {Realm: realm, Secret: key, Lifetime: 10 * time.Second},
		"nonces that live 1h0m0s":           {Realm: realm, Secret: key, Lifetime: time.Hour},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestMalformed(t *testing.T) {
	a := newAuth(t)
	for v, want := range map[string]string{
		`Digest username`:                   "no name=value",
		`Digest username="a`:                "no closing quote",
		`Digest username="a\`:               "no closing quote",
		`Digest ="a"`:                       "no name=value",
		`Digest a b="a"`:                    "no name=value",
		`Digest uri="a", URI="b"`:           `"uri" comes twice`,
		`Digest nc=000000001`:               "eight hex digits",
		`Digest nc=-0000001`:                "eight hex digits",
		`Digest nc=ffffffff`:                "eight hex digits",
		`Digest realm="window.example"`:     "username, nonce, uri or response is missing",
		`Digest ` + strings.Repeat("a", 90): "no name=value",
	} {
		r := a.Check(register("milano", v), accounts, start)
		if !errors.Is(r.Err, ErrMalformed) || !strings.Contains(r.Err.Error(), want) || len(r.Err.Error()) > 200 {
			t.Errorf("%s: %v, want %s", v, r.Err, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(`Digest username="milano", realm="window.example", nonce="x", uri="sip:x", response="y", qop=auth, nc=00000001, cnonce="z"`)
	f.Add(`Digest a="\"`)
	f.Add(`Digest ,,,`)
	a, err := New(Config{Realm: realm, Secret: make([]byte, 16)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if r := a.Check(register("milano", v), accounts, start); r.Err == nil {
			t.Fatalf("%q was accepted", v)
		}
	})
}
