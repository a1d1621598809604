package mediakey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// The keys of P-256 whose secrets are 1 and 2; the words were computed by Python's hashlib.scrypt and six slices of eleven bits.
var vectors = []struct{ key, words string }{
	{"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==",
		"brand deer unhappy orbit throw glow"},
	{"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfPJ7GI0DT36KUjgDBLUaw8CJaeJ38hs1pgtI/EdmmXgHd1UQ247QQCk9msafdDDbun2t5jzpgimeBLedInhz0Q==",
		"stairs web squirrel cloud grass catch"},
}

func TestWordsOfKnownKeys(t *testing.T) {
	for _, v := range vectors {
		p, err := Parse(v.key)
		if err != nil {
			t.Fatal(err)
		}
		if got := WordsOf(p).String(); got != v.words {
			t.Errorf("words of %s: %s; another implementation says %s", v.key, got, v.words)
		}
		if p.Text() != v.key {
			t.Errorf("%s became %s", v.key, p.Text())
		}
	}
}

// The list is BIP 39's, of exactly 2,048 words, each known by its first four letters.
func TestTheListIsTheWellKnownOne(t *testing.T) {
	sum := sha256.Sum256([]byte(english))
	if got := hex.EncodeToString(sum[:]); got != "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda" {
		t.Errorf("SHA-256 of the list is %s", got)
	}
	list, heads := strings.Fields(english), map[string]string{}
	if len(list) != 1<<bits {
		t.Fatalf("%d words", len(list))
	}
	for i, w := range list {
		head := w[:min(4, len(w))]
		if heads[head] != "" || i > 0 && list[i-1] >= w {
			t.Errorf("%s stands beside %s", w, heads[head])
		}
		heads[head] = w
	}
}

func TestOnlyKeysOfP256AreTaken(t *testing.T) {
	good, _ := Parse(vectors[0].key)
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := x509.MarshalPKIXPublicKey(&other.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	off := []byte(good)
	off[len(off)-1] ^= 1 // no point of the curve
	for name, der := range map[string][]byte{
		"nothing": nil, "cut short": []byte(good[:90]), "with more behind": []byte(good + "x"), "P-384": p384, "off the curve": off,
		"a megabyte": make([]byte, 1<<20), "no DER": []byte("key"),
	} {
		if _, err := Check(der); err == nil {
			t.Errorf("%s was taken for a key", name)
		}
	}
	for _, text := range []string{"", "!", vectors[0].key + "=", vectors[0].key[:40] + "\n" + vectors[0].key[40:], " " + vectors[0].key} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q was taken for a key", text)
		}
	}
}

func TestWordsAsSomebodyTypesThem(t *testing.T) {
	want := "brand deer unhappy orbit throw glow"
	for _, typed := range []string{want, " Brand, deer - UNHAPPY\norbit throw glow. "} {
		if got, err := ParseWords(typed); err != nil || got.String() != want {
			t.Errorf("%q: %s, %v", typed, got, err)
		}
	}
	for typed, names := range map[string]string{"": "0 words", "brand deer": "2 words", strings.Replace(want, "throw", "zzyzx", 1): `"zzyzx"`} {
		if _, err := ParseWords(typed); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%q: %v does not name %s", typed, err, names)
		}
	}
}

func TestAKeyInJSON(t *testing.T) {
	var in struct {
		A, B Public
	}
	if err := json.Unmarshal([]byte(`{"A":"`+vectors[0].key+`","B":""}`), &in); err != nil || in.A.Text() != vectors[0].key || in.B != "" {
		t.Errorf("%v, %v", in, err)
	}
	if out, err := json.Marshal(in); err != nil || string(out) != `{"A":"`+vectors[0].key+`","B":""}` {
		t.Errorf("%s, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"MFkw"}`), &in); err == nil {
		t.Error("four letters were taken for a key")
	}
}

func BenchmarkWords(b *testing.B) {
	p, err := Parse(vectors[0].key)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		WordsOf(p)
	}
}
