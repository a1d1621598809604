package frame

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/validate"
)

const options = "OPTIONS sip:reg.example.org SIP/2.0\r\n" +
	"Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: <sip:a@reg.example.org>;tag=1\r\n" +
	"To: <sip:a@reg.example.org>\r\n" +
	"Call-ID: abc\r\n" +
	"CSeq: 1 OPTIONS\r\n"

func with(extra, body string) string { return options + extra + "\r\n" + body }

var sound = with("Content-Length: 0\r\n", "")

// read hands on everything that src has: what was handed on, and "<reason>" for each refusal.
func read(src io.Reader, limit, size int) (out []string) {
	r := NewReader(src, func() int { return limit })
	b := make([]byte, size)
	part := ""
	for {
		n, err := r.Read(b)
		part += string(b[:n])
		if r.Ended() || len(part) > 0 && strings.Trim(part, "\r\n") == "" {
			out, part = append(out, part), ""
		}
		var refusal *Refusal
		switch {
		case errors.As(err, &refusal):
			out = append(out, "<"+refusal.Error()+">")
			if refusal.Lost {
				return out
			}
		case err != nil:
			if part != "" {
				out = append(out, "part: "+part)
			}
			return out
		}
	}
}

func TestReader(t *testing.T) {
	body := with("Content-Length: 5\r\n", "hello")
	folded := with("Subject: a\r\n b\r\n\tc\r\nl : 2\r\n", "hi")
	large := with("Content-Length: 15000\r\n", strings.Repeat("x", 15000))
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"one", sound, []string{sound}},
		{"with a body", body, []string{body}},
		{"folded, compact", folded, []string{folded}},
		{"several at once", sound + body + sound, []string{sound, body, sound}},
		{"larger than the reader's room", large + sound, []string{large, sound}},
		{"pings", "\r\n\r\n" + sound + "\r\n\r\n\r\n" + body, []string{"\r\n\r\n", sound, "\r\n\r\n", "\r\n", body}},
		{"noise between", "\x00\x00\n\r\r\n" + sound, []string{"\r\n", sound}},
		{"half a head", options, nil},
		{"answers without a reason", "SIP/2.0 180\r\nl: 0\r\n\r\nsip/2.0 200 \r\nl: 2\r\n\r\nhiSIP/2.0 200\r\nl: 0\r\n\r\n",
			[]string{"SIP/2.0 180 \r\nl: 0\r\n\r\n", "SIP/2.0 200 \r\nl: 2\r\n\r\nhi", "SIP/2.0 200 \r\nl: 0\r\n\r\n"}},
		{"half a body", with("Content-Length: 5\r\n", "hell"), nil},
		{"no length", with("", "") + sound, []string{"<Content-Length is missing>"}},
		{"two lengths", with("Content-Length: 0\r\nl: 0\r\n", "") + sound, []string{"<Content-Length comes twice>"}},
		{"a length that is none", with("Content-Length: -1\r\n", "") + sound, []string{"<Content-Length is malformed>"}},
		{"a body that is too long", with("Content-Length: 4294967295\r\n", ""), []string{"<Content-Length is malformed>"}},
		{"a message that is too long", with("Content-Length: 60000\r\n", ""), []string{"<message is too long>"}},
		{"a line without end", options + "X: " + strings.Repeat("a", 60_000), []string{"<message is too long>"}},
		{"a head without end", options + strings.Repeat("X: a\r\n", 10_000), []string{"<message is too long>"}},
		{"too many headers, then one that is sound", with("Content-Length: 2\r\n"+strings.Repeat("X: a\r\n", 200), "hi") + sound,
			[]string{"<more than 128 headers>", sound}},
		{"too long a list, in a message that goes on", with("Content-Length: 9000\r\nAllow: A"+strings.Repeat(",A", 200)+"\r\n", strings.Repeat("\r\n", 4500)) + sound,
			[]string{"<a header has more than 128 elements>", sound}},
	} {
		for feed, src := range map[string]io.Reader{
			"at once": strings.NewReader(test.in), "by the byte": iotest.OneByteReader(strings.NewReader(test.in)),
			"by halves": iotest.HalfReader(strings.NewReader(test.in)), "with the end": iotest.DataErrReader(strings.NewReader(test.in)),
		} {
			got, want := read(src, 16_384, 4096), test.want
			if feed != "at once" { // where a ping is cut is up to the network
				got, want = pings(got), pings(want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s: %d pieces %.200q, want %d %.200q", test.name, feed, len(got), got, len(want), want)
			}
		}
	}
}

// pings takes them out.
func pings(in []string) (out []string) {
	for _, s := range in {
		if strings.Trim(s, "\r\n") != "" {
			out = append(out, s)
		}
	}
	return out
}

// Between messages nothing is held, and what a message has begun with says so.
func TestPartial(t *testing.T) {
	in, out := io.Pipe()
	r := NewReader(in, func() int { return 1000 })
	send := func(s string) {
		go func() { _, _ = out.Write([]byte(s)) }()
	}
	b := make([]byte, 1000)
	send(sound + "OPT")
	if n, err := r.Read(b); err != nil || string(b[:n]) != sound || !r.Ended() || !r.Partial() {
		t.Errorf("%q %v, ended %v, partial %v", b[:n], err, r.Ended(), r.Partial())
	}
	send(sound[3:])
	if n, err := r.Read(b); err != nil || string(b[:n]) != sound || r.Partial() || r.buf != nil {
		t.Errorf("%q %v, partial %v, held %d", b[:n], err, r.Partial(), len(r.buf))
	}
}

func TestDatagram(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"sound", sound, ""},
		{"without a length", with("", "hello"), ""},
		{"no head's end", options, "the headers have no end"},
		{"bytes behind the body", with("Content-Length: 1\r\n", "hello"), ""},
		{"a length that lies", with("Content-Length: 65000\r\n", "hello"), "body is shorter than Content-Length"},
		{"two lengths", with("Content-Length: 1\r\nl: 1\r\n", "h"), "Content-Length comes twice"},
		{"a long list", with("v: "+strings.Repeat("SIP/2.0/UDP a,", 69)+"SIP/2.0/UDP a\r\n", ""), "more than 70 Via"},
		{"a long head", with("X: "+strings.Repeat("a", 40_000)+"\r\n", ""), "headers are too long"},
	} {
		got := ""
		if r := Datagram([]byte(test.in)); r != nil {
			got = r.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// The answer to what was never parsed is one that its sender understands.
func TestAnswer(t *testing.T) {
	tooMany := strings.Repeat("Via: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bK7\r\n", 70)
	r := Datagram([]byte(with("f: <sip:b@b>;tag=2\r\n"+tooMany, "")))
	if r.Answer("192.0.2.9:5070") != nil {
		t.Errorf("answered to two From: %q", r.Answer("192.0.2.9:5070"))
	}
	r = Datagram([]byte(with(tooMany, "")))
	m, err := validate.Parser().ParseSIP(r.Answer("192.0.2.9:5070"))
	if err != nil {
		t.Fatal(err)
	}
	res, ok := m.(*sip.Response)
	if !ok || res.StatusCode != 400 || validate.Response(res) != nil && len(res.GetHeaders("Via")) <= validate.MaxVias {
		t.Errorf("answered %v: %v", m, validate.Response(res))
	}
	if tag, _ := res.To().Params.Get("tag"); tag == "" || res.CallID().Value() != "abc" || res.Via().Host != "192.0.2.1" {
		t.Errorf("answered %q", r.Answer("192.0.2.9:5070"))
	}
	if got := Datagram([]byte(with(tooMany, ""))).Answer("198.51.100.7:5070"); !bytes.Contains(got, []byte("Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1;received=198.51.100.7\r\n")) {
		t.Errorf("it does not say where it came from: %q", got)
	}
	for _, to := range []string{`"tag=1" <sip:a@b>`, `<sip:a@b;tag=1>`, `<sip:a@b>;x="tag=1"`, `<sip:a@b>;mytag=1`} {
		m, err := validate.Parser().ParseSIP(Datagram([]byte(strings.Replace(with(tooMany, ""), "To: ", "To: "+to+"\r\nX: ", 1))).Answer("192.0.2.9:5070"))
		if err != nil || !m.(*sip.Response).To().Params.Has("tag") {
			t.Errorf("%s: answered %v without a tag", to, m)
		}
	}
	quoted := strings.Replace(with(tooMany, ""), "To: ", "To: \"a\\\x00\" ", 1)
	if r := Datagram([]byte(quoted)); !bytes.Contains(r.Answer("192.0.2.9:5070"), []byte("a\\\x00")) {
		t.Errorf("answered %q to a name with a quoted zero in it", r.Answer("192.0.2.9:5070"))
	}
	for name, head := range map[string]string{
		"a zero in a name":  strings.Replace(with(tooMany, ""), "To: ", "To: \"a\x00\" ", 1),
		"an ACK":            strings.ReplaceAll(with(tooMany, ""), "OPTIONS", "ACK"),
		"a response":        strings.Replace(with(tooMany, ""), "OPTIONS sip:reg.example.org SIP/2.0", "SIP/2.0 200 OK", 1),
		"another protocol":  strings.Replace(with(tooMany, ""), "SIP/2.0", "HTTP/1.1", 1),
		"no Call-ID":        strings.Replace(with(tooMany, ""), "Call-ID", "X", 1),
		"an endless To":     strings.Replace(with(tooMany, ""), "To: ", "To: "+strings.Repeat("a", 5000), 1),
		"a header in a To":  strings.Replace(with(tooMany, ""), "To: ", "To: \nEvil: 1", 1),
		"nothing but noise": strings.Repeat("noise\r\n", 200),
	} {
		if r := Datagram([]byte(head)); r == nil || r.Answer("192.0.2.9:5070") != nil {
			t.Errorf("%s: %v is answered", name, r)
		}
	}
	long := NewReader(strings.NewReader(with("X: "+strings.Repeat("a", 40_000)+"\r\n", "")), func() int { return 16_384 })
	_, err = long.Read(make([]byte, 32_768))
	if !errors.As(err, &r) || !r.Lost || !bytes.HasPrefix(r.Answer("192.0.2.9:5070"), []byte("SIP/2.0 513 ")) {
		t.Errorf("a long message: %v, answered %q", err, r.Answer("192.0.2.9:5070"))
	}
}

// However its bytes are cut, a stream is the same messages; and what is handed on is within the bounds.
func FuzzReader(f *testing.F) {
	f.Add([]byte(sound+"\r\n\r\n"+sound), uint16(7))
	f.Add([]byte(with("Content-Length: 5\r\n", "hello")+options), uint16(1))
	f.Add([]byte(with("l: 2\r\n"+strings.Repeat("X: a\r\n", 200), "hi")+sound), uint16(100))
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		at := min(int(cut), len(in))
		whole := pings(read(bytes.NewReader(in), 4096, 512))
		parts := pings(read(io.MultiReader(bytes.NewReader(in[:at]), bytes.NewReader(in[at:])), 4096, 512))
		if len(whole) != len(parts) {
			t.Fatalf("%d and %d messages: %q, %q", len(whole), len(parts), whole, parts)
		}
		for i, m := range whole {
			if m != parts[i] {
				t.Fatalf("%q and %q", m, parts[i])
			}
			if len(m) > 4096 {
				t.Fatalf("%d bytes", len(m))
			}
		}
	})
}
