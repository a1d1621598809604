package joining

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

const somePin = "sha256:6f1c000000000000000000000000000000000000000000000000000000000abc"

var places = []Code{
	{Host: "reg.example.org"}, {Host: "reg.example.org", Port: 5061}, {Host: "192.0.2.7"},
	{Host: "2001:db8::7"}, {Host: "2001:db8::7", Port: 443}, {Host: "localhost", Port: 1},
}

func TestCode(t *testing.T) {
	for _, c := range places {
		for range 200 {
			c.Token, c.Pin = NewToken(), ""
			typed := c.Typed()
			for _, way := range []string{
				typed, strings.ToLower(typed), " " + strings.ReplaceAll(typed, "-", " ") + "\n", strings.ReplaceAll(typed, "-", ""),
				strings.NewReplacer("0", "o").Replace(typed[strings.LastIndexByte(typed, '/'):]),
			} {
				if way[0] == '/' {
					way = strings.TrimSuffix(typed, typed[strings.LastIndexByte(typed, '/'):]) + way
				}
				if got, err := Parse(way); err != nil || got != c {
					t.Fatalf("%q is read as %+v, %v; want %+v", way, got, err, c)
				}
			}
			c.Pin = somePin
			if got, err := Parse(c.URI()); err != nil || got != c {
				t.Fatalf("%q is read as %+v, %v", c.URI(), got, err)
			}
			if got, err := Parse(strings.ToUpper(c.URI())); err != nil || got.Token != c.Token {
				t.Fatalf("in capitals: %v", err)
			}
		}
	}
}

func TestLength(t *testing.T) {
	if n := len(Code{Host: "reg.eu"}.Typed()); n > 41 {
		t.Errorf("%d characters are too many to type", n)
	}
}

// One wrong letter is found, and in its group.
func TestOneWrongLetter(t *testing.T) {
	for _, c := range places {
		c.Token = NewToken()
		typed := []byte(c.Typed())
		start := bytes.LastIndexByte(typed, '/') + 1
		group := 1
		for i := start; i < len(typed); i++ {
			if typed[i] == '-' {
				group++
				continue
			}
			for _, other := range []byte(alphabet) {
				if other == typed[i] {
					continue
				}
				wrong := bytes.Clone(typed)
				wrong[i] = other
				var m *Mistyped
				if _, err := Parse(string(wrong)); !errors.As(err, &m) || m.Group != group {
					t.Fatalf("%c for %c in group %d: %v", other, typed[i], group, err)
				}
			}
		}
	}
}

// Two wrong letters, two that changed places, a letter too few or too many: never taken for another code.
func TestMoreWrongLetters(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		c := Code{Host: "reg.example.org", Token: Token{byte(random.Uint32()), byte(random.Uint32()), 15: byte(random.Uint32())}}
		symbols := append(spell(c.Token), 0, 0)
		protect(symbols, c.place())
		a, b := random.IntN(letters), random.IntN(letters)
		wrong := bytes.Clone(symbols)
		if random.IntN(2) == 0 {
			wrong[a], wrong[b] = wrong[b], wrong[a]
		} else {
			wrong[a], wrong[b] = byte(random.IntN(32)), byte(random.IntN(32))
		}
		if !bytes.Equal(wrong, symbols) && examine(wrong, c.place()) == sound {
			t.Fatalf("%v is taken for %v", wrong, symbols)
		}
	}
	typed := Code{Host: "reg.example.org", Token: NewToken()}.Typed()
	for _, s := range []string{typed[:len(typed)-1], typed + "0"} {
		var m *Mistyped
		if _, err := Parse(s); !errors.As(err, &m) {
			t.Errorf("a letter too few or too many: %v", err)
		}
	}
}

// A wrong host shows, and is what is named; one in 32 does not.
func TestWrongHost(t *testing.T) {
	missed := 0
	for i := range 1000 {
		c := Code{Host: "reg.example.org", Token: NewToken()}
		_, letters, _ := strings.Cut(c.Typed(), "/")
		_, err := Parse("reg" + strings.Repeat("x", i%50+1) + ".example.org/" + letters)
		var m *Mistyped
		switch {
		case err == nil:
			missed++
		case !errors.As(err, &m) || m.Group != 0:
			t.Fatalf("a wrong host: %v", err)
		}
	}
	if missed > 120 {
		t.Errorf("%d of 1000 wrong hosts were not seen", missed)
	}
}

func TestNoCode(t *testing.T) {
	good := Code{Host: "reg.example.org", Token: NewToken()}.Typed()
	_, letters, _ := strings.Cut(good, "/")
	for _, s := range []string{
		"", "/", "hello", "/" + letters, "reg example/" + "", "a b:99999/" + letters, "reg.example.org:0/" + letters, "[::1/" + letters, "rég/" + letters,
		"ewindow:" + good + "?pin=sha256:12", "ewindow:" + good + "?pin=%zz", strings.Repeat("a", 700) + "/" + letters, "-x/" + letters, "user@host/" + letters,
	} {
		c, err := Parse(s)
		if err == nil {
			t.Errorf("%q is read as %+v", s, c)
			continue
		}
		if strings.Contains(err.Error(), letters) {
			t.Errorf("the error repeats the code: %v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	c := Code{Host: "reg.example.org", Port: 443, Token: Token{1, 2, 3}, Pin: somePin}
	f.Add(c.Typed())
	f.Add(c.URI())
	f.Add("ewindow:[::1]:5061/00000-00000-00000-00000-00000-000")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(c.URI()); err != nil || again != c {
			t.Fatalf("%q: %+v, and written again %q: %+v, %v", s, c, c.URI(), again, err)
		}
	})
}

func TestProof(t *testing.T) {
	token := NewToken()
	key := token.Key()
	statement, err := json.Marshal(Statement{Domain: "reg.example.org", Space: "potsdam", State: Open, Rules: Rules{"v3", "Be kind."}})
	if err != nil {
		t.Fatal(err)
	}
	a := Proven{Statement: statement, Proof: key.Prove("nonce", somePin, statement)}
	if s, err := key.Check("nonce", somePin, a); err != nil || s.Space != "potsdam" {
		t.Fatalf("the proof is not believed: %v", err)
	}
	for what, check := range map[string]func() error{
		"another token":     func() error { _, err := NewToken().Key().Check("nonce", somePin, a); return err },
		"another nonce":     func() error { _, err := key.Check("nonce2", somePin, a); return err },
		"another authority": func() error { _, err := key.Check("nonce", "sha256:00", a); return err },
		"moved bytes":       func() error { _, err := key.Check("nonces", somePin[1:], a); return err },
		"another statement": func() error {
			b := a
			b.Statement = bytes.Replace(a.Statement, []byte("potsdam"), []byte("dresden"), 1)
			_, err := key.Check("nonce", somePin, b)
			return err
		},
		"no proof": func() error { _, err := key.Check("nonce", somePin, Proven{Statement: statement}); return err },
	} {
		if err := check(); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if key.Of(NewToken()) || !key.Of(token) {
		t.Error("a key does not know its token")
	}
	if again, err := TokenOf(token.Text()); err != nil || again != token {
		t.Errorf("the token comes back as %v, %v", again, err)
	}
	if _, err := TokenOf("12"); err == nil {
		t.Error("a short token is taken")
	}
}

func TestRead(t *testing.T) {
	var p Prove
	if err := Read(strings.NewReader(`{"id":"1","new":2}`), 100, &p); err != nil || p.ID != "1" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, s := range []string{"", "{", "[]", `{} {}`, strings.Repeat(" ", 101) + "{}"} {
		if err := Read(strings.NewReader(s), 100, &p); err == nil {
			t.Errorf("%.20q is read", s)
		}
	}
}
