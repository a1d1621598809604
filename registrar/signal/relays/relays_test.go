package relays

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

var expires = time.Date(2027, 8, 16, 11, 0, 0, 0, time.UTC)

func example() *Relays {
	return &Relays{
		Version: Version, URIs: []string{"stun:registrar.invalid:3478", "turn:[2001:db8::1]:3478?transport=tcp", "turn:relay.example.org?transport=udp"},
		Username: "1818500400:milano", Password: "c2VjcmV0", Expires: expires,
	}
}

func TestEncodeDecode(t *testing.T) {
	b, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil || !reflect.DeepEqual(got, example()) {
		t.Errorf("%+v, %v\n%s", got, err, b)
	}
	if !got.Valid(expires.Add(-time.Second)) || got.Valid(expires) {
		t.Error("Valid does not go by Expires")
	}
}

func TestReached(t *testing.T) {
	r := example()
	for host, want := range map[string]string{
		"192.0.2.1": "stun:192.0.2.1:3478", "2001:db8::7": "stun:[2001:db8::7]:3478", "reg.example.org": "stun:reg.example.org:3478",
	} {
		if got := r.Reached(host); got.URIs[0] != want || got.URIs[1] != r.URIs[1] || got.Password != r.Password {
			t.Errorf("at %s: %q", host, got.URIs)
		}
	}
	if r.URIs[0] != "stun:registrar.invalid:3478" {
		t.Error("Reached changes what it is asked of")
	}
}

// What a later registrar adds within the version is left out, and nothing is wrong with the rest.
func TestDecodeLater(t *testing.T) {
	got, err := Decode([]byte(`{"version":1,"expires":"2027-08-16T11:00:00Z","username":"u","password":"p","weights":[1,2],
		"uris":["turn:a:1?transport=quic","masque:b","stun:c","turn:d?transport=tcp&x=1"]}`))
	if err != nil || !reflect.DeepEqual(got.URIs, []string{"stun:c"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{``, "not readable"},
		{`[]`, "not readable"},
		{`{"uris":[],"expires":"2027-08-16T11:00:00Z"}`, "version 0"},
		{`{"version":2,"expires":"2027-08-16T11:00:00Z"}`, "version 2, this program reads version 1"},
		{`{"version":1}`, "when they expire"},
		{`{"version":1,"expires":"yesterday"}`, "not readable"},
		{`{"version":1,"expires":"2027-08-16T11:00:00Z","uris":["turn:a"]}`, "uris[0] needs a username"},
		{`{"version":1,"expires":"2027-08-16T11:00:00Z","uris":["stun:a","stun:"]}`, "uris[1]: \"stun:\": there is no host"},
		{`{"version":1,"expires":"2027-08-16T11:00:00Z","uris":["stun:a:0"]}`, "port"},
		{`{"version":1,"expires":"2027-08-16T11:00:00Z","uris":["nothing"]}`, "no URI"},
		{`{"version":1,"expires":"2027-08-16T11:00:00Z","uris":["stun:` + strings.Repeat("a", 300) + `"]}`, "longer than 300"},
		{`{"version":1,"expires":"2027-08-16T11:00:00Z","uris":[` + strings.Repeat(`"stun:a",`, 16) + `"stun:a"]}`, "17 uris"},
		{`{"version":1,"expires":"2027-08-16T11:00:00Z","username":"` + strings.Repeat("u", 509) + `"}`, "longer than 508"},
		{`{"version":1,"expires":"2027-08-16T11:00:00Z","password":"a\nb"}`, "control characters"},
		{strings.Repeat(" ", MaxSize+1), "larger than"},
	} {
		if _, err := Decode([]byte(c.body)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %v, want %s", c.body, err, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]URI{
		"stun:a":                             {Scheme: "stun", Host: "a"},
		"STUN:192.0.2.1:19302":               {Scheme: "stun", Host: "192.0.2.1", Port: 19302},
		"turns:b.example:443":                {Scheme: "turns", Host: "b.example", Port: 443},
		"turn:[::1]?transport=UDP":           {Scheme: "turn", Host: "::1", Transport: "udp"},
		"turn:[2001:db8::1]:9?transport=tcp": {Scheme: "turn", Host: "2001:db8::1", Port: 9, Transport: "tcp"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%s: written %s, which is %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "stun", "stun://a", "stun:[a]", "stun:[192.0.2.1]", "stun:[::1]x", "stun:::1", "turn:a b", "stun:a:", "turn:u@a", "stun:a:65536"} {
		if got, err := Parse(text); err == nil || errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"http:a", "stun:a?transport=udp", "turn:a?transport=sctp", "turn:a?x=udp"} {
		if _, err := Parse(text); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever comes, what is taken is within the bounds and can be written and read again.
func FuzzDecode(f *testing.F) {
	b, _ := Encode(example())
	f.Add(b)
	f.Add([]byte(`{"version":1,"expires":"2027-08-16T11:00:00Z","uris":["turn:a:1?transport=quic","stun:[::1%25eth0]:1"],"username":"u","password":"p"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Encode(r.Reached("192.0.2.1"))
		if err != nil {
			t.Skip(err) // JSON may grow when it is written
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if len(back.URIs) != len(r.URIs) || back.Username != r.Username || !back.Expires.Equal(r.Expires) {
			t.Errorf("%+v became %+v", r, back)
		}
	})
}
