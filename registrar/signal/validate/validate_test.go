package validate

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"ewindow/scripts/bench/hostile"
)

// sound is a request without fault; %s is the method.
const sound = "%s sip:munich@window.example SIP/2.0\r\n" +
	"Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: \"Milano\" <sip:milano@window.example>;tag=1\r\n" +
	"To: <sip:munich@window.example>\r\n" +
	"Call-ID: abc\r\n" +
	"CSeq: 1 %s\r\n" +
	"Contact: <sip:milano@abc.invalid;transport=tls>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n" +
	"Content-Length: 0\r\n\r\n"

const answer = "SIP/2.0 200 OK\r\n" +
	"Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1\r\n" +
	"From: <sip:milano@window.example>;tag=1\r\n" +
	"To: <sip:munich@window.example>;tag=2\r\n" +
	"Call-ID: abc\r\n" +
	"CSeq: 1 INVITE\r\n" +
	"Content-Length: 0\r\n\r\n"

func message1(method string) string { return fmt.Sprintf(sound, method, method) }

// verdict is what becomes of a message: "ok", "refused" by the parser, or status and reason.
func verdict(t testing.TB, raw string) string {
	t.Helper()
	head, _, _ := strings.Cut(raw, "\r\n\r\n")
	if p := Head([]byte(head + "\r\n\r\n")); p != nil {
		return fmt.Sprintf("%d %s", p.Status, p)
	}
	m, err := Parser().ParseSIP([]byte(raw))
	if err != nil {
		return "refused"
	}
	var p *Problem
	switch m := m.(type) {
	case *sip.Request:
		p = Request(m)
	case *sip.Response:
		p = Response(m)
	}
	if p == nil {
		return "ok"
	}
	return fmt.Sprintf("%d %s", p.Status, p)
}

// with replaces a line of a message by others, found by the name of its header; "" removes it.
func with(raw, name, lines string) string {
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	var out []string
	for _, l := range strings.Split(head, "\r\n") {
		if strings.HasPrefix(l, name+":") {
			l = lines
		}
		if l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\r\n") + "\r\n\r\n" + body
}

// The messages of RFC 4475, with its verdicts: its §3.1.1, most of §3.3 and §3.4 are no faults of syntax and are for
// those who act on them. sipgo keeps them in its tests.
func TestTorture(t *testing.T) {
	want := map[string]string{
		// §3.1.1: valid
		"wsinv": "ok", "intmeth": "ok", "esc01": "ok", "escnull": "ok", "esc02": "ok", "lwsdisp": "ok", "longreq": "ok",
		"dblreq": "ok", "semiuri": "ok", "transports": "ok", "mpart01": "ok", "unreason": "ok", "noreason": "ok",
		// §3.1.2: invalid
		"badinv01": "400 Via is malformed", "scalar02": "400 CSeq is malformed", "scalarlg": "400 CSeq is malformed",
		"clerr": "refused", "ncl": "refused", // by their length: package frame
		"quotbal": "400 To is malformed", "ltgtruri": "400 Request-URI is malformed", "lwsruri": "400 request line is malformed",
		"lwsstart": "400 request line is malformed", "trws": "400 request line is malformed",
		"escruri":  "400 Request-URI has headers in it",
		"baddate":  "ok", // "an element … can ignore" the Date
		"regbadct": "400 Contact is malformed", "badaspec": "400 To is malformed",
		"baddn":   "refused", // the file lacks its last line; see TestLiberal
		"badvers": "505 SIP version is not 2.0", "mismatch01": "400 CSeq is for another method",
		"mismatch02": "400 CSeq is for another method", "bigcode": "0 status is not between 100 and 699",
		// §3.2: transactions
		"badbranch": "400 Via has an empty branch",
		// §3.3: up to the application, but for what is missing, doubled, or has nowhere to go
		"insuf": "400 From is missing", "unkscm": "416 Request-URI is not sip:, sips: or tel:", "novelsc": "416 Request-URI is not sip:, sips: or tel:",
		"unksm2": "400 From or To is not a SIP URI", "bext01": "ok", "invut": "ok", "regaut01": "ok",
		"multi01": "400 From comes twice", "mcl01": "400 Content-Length comes twice",
		"bcast":  "0 Via is a broadcast or multicast address",
		"zeromf": "ok", "cparam01": "ok", "cparam02": "ok", "regescrt": "ok", "sdp01": "ok",
		// §3.4: only for elements "that want to maintain backwards compatibility" with RFC 2543, as far as an INVITE without
		// a Contact goes
		"inv2543": "400 Contact is missing",
		// in the archive, not in the RFC
		"test": "400 a line is no header",
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/emiago/sipgo").Output()
	if err != nil {
		t.Fatalf("where is sipgo's module? %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "sip", "testdata", "torture", "*", "*.dat"))
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %d verdicts, %v", len(files), len(want), err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".dat")
		if got := verdict(t, string(raw)); got != want[name] {
			t.Errorf("%s: %s, want %s", name, got, want[name])
		}
	}
}

// Every mandatory header missing or doubled, in every method: 400, or nothing for an ACK.
func TestMandatory(t *testing.T) {
	methods := []string{"INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY", "INFO", "MESSAGE",
		"REFER", "UPDATE", "PRACK", "PUBLISH", "NEWMETHOD"}
	for _, method := range methods {
		raw := message1(method)
		if got := verdict(t, raw); got != "ok" {
			t.Fatalf("%s: %s", method, got)
		}
		status := "400"
		if method == "ACK" {
			status = "0"
		}
		for _, name := range []string{"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq"} {
			want := status + " " + name + " is missing"
			if name == "Max-Forwards" { // a peer of RFC 2543
				want = "ok"
			}
			if got := verdict(t, with(raw, name, "")); got != want {
				t.Errorf("%s without %s: %s", method, name, got)
			}
			if name == "Via" {
				continue
			}
			line := raw[strings.Index(raw, "\r\n"+name+":")+2:]
			line, _, _ = strings.Cut(line, "\r\n")
			for _, second := range []string{line, strings.ToLower(name) + line[len(name):]} {
				if got, want := verdict(t, with(raw, name, line+"\r\n"+second)), status+" "+name+" comes twice"; got != want {
					t.Errorf("%s with a second %s: %s", method, second, got)
				}
			}
		}
	}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		if got, want := verdict(t, with(answer, name, "")), "0 "+name+" is missing"; got != want {
			t.Errorf("response without %s: %s", name, got)
		}
	}
}

func TestFaults(t *testing.T) {
	invite := message1("INVITE")
	for _, c := range []struct{ name, raw, want string }{
		{"Max-Forwards 256", with(invite, "Max-Forwards", "Max-Forwards: 256"), "400 Max-Forwards is above 255"},
		{"Max-Forwards 255", with(invite, "Max-Forwards", "Max-Forwards: 255"), "ok"},
		{"Max-Forwards 0", with(invite, "Max-Forwards", "Max-Forwards: 0"), "ok"},
		{"Max-Forwards no number", with(invite, "Max-Forwards", "Max-Forwards: many"), "400 Max-Forwards is malformed"},
		{"CSeq of another method", with(invite, "CSeq", "CSeq: 1 BYE"), "400 CSeq is for another method"},
		{"CSeq without number", with(invite, "CSeq", "CSeq: INVITE"), "400 CSeq is malformed"},
		{"no Contact", with(invite, "Contact", ""), "400 Contact is missing"},
		{"two Contacts", with(invite, "Contact", "Contact: <sip:a@b>, <sip:c@d>"), "400 Contact comes twice"},
		{"Contact *", with(invite, "Contact", "Contact: *"), "400 Contact is no SIP URI"},
		{"Contact * in REGISTER", with(message1("REGISTER"), "Contact", "Contact: *"), "ok"},
		{"Contacts in REGISTER", with(message1("REGISTER"), "Contact", "m: <sip:a@b>, \"x,y\" <sip:c@d>;q=1\r\nContact: sip:e@f"), "ok"},
		{"Contact of another scheme", with(invite, "Contact", "Contact: <mailto:a@b>"), "400 Contact is no SIP URI"},
		{"Contact without host", with(invite, "Contact", "Contact: <sip:a@>"), "400 Contact is no SIP URI"},
		{"Contact port", with(invite, "Contact", "Contact: <sip:a@b:65536>"), "400 Contact is no SIP URI"},
		{"From of another scheme", with(invite, "From", "From: <isbn:+39>;tag=1"), "400 From or To is not a SIP URI"},
		{"From without tag", with(invite, "From", "From: <sip:a@b>"), "ok"},
		{"From tag in capitals", with(invite, "From", "From: sip:a@b ; TAG = 1"), "ok"},
		{"From unreadable", with(invite, "From", "From: <sip:a@b;tag=1"), "400 From is malformed"},
		{"empty Call-ID", with(invite, "Call-ID", "Call-ID: "), "400 Call-ID is malformed"},
		{"long Call-ID", with(invite, "Call-ID", "Call-ID: "+strings.Repeat("a", 513)), "400 Call-ID is too long"},
		{"two lengths", with(invite, "Content-Length", "Content-Length: 0\r\nl: 0"), "400 Content-Length comes twice"},
		{"huge length", with(invite, "Content-Length", "Content-Length: 4294967295"), "refused"},
		{"two Expires", with(invite, "Contact", "Contact: <sip:a@b>\r\nExpires: 1\r\nexpires: 2"), "400 Expires comes twice"},
		{"two x:", with(invite, "Contact", "Contact: <sip:a@b>\r\nx: 90\r\nSession-Expires: 90"), "400 Session-Expires comes twice"},
		{"unreadable Route", with(invite, "Contact", "Contact: <sip:a@b>\r\nRoute: <sip:a"), "400 Route is malformed"},
		{"half a Route", with(invite, "Contact", "Contact: <sip:a@b>\r\nRoute: <sip:p;lr>, <sip:q"), "400 Route is malformed"},
		{"Via version", with(invite, "Via", "Via: SIP/7.0/UDP 192.0.2.1;branch=z9hG4bK1"), "400 Via is malformed"},
		{"Via protocol", with(invite, "Via", "Via: HTTP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"), "400 Via is malformed"},
		{"Via without host", with(invite, "Via", "Via: SIP/2.0/UDP ;branch=z9hG4bK1"), "400 Via is malformed"},
		{"Via with spaces", with(invite, "Via", "v: SIP / 2.0 / UDP 192.0.2.1 ; Branch = z9hG4bK1"), "ok"},
		{"Via IPv6", with(invite, "Via", "Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1"), "ok"},
		{"71 Vias", with(invite, "Via", strings.Repeat("Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", 70)+"v: SIP/2.0/UDP h"), "400 more than 70 Via"},
		{"line feed", with(invite, "Contact", "Contact: <sip:a@b>\r\nSubject: a\nEvil: 1"), "400 a header has control characters in it"},
		{"line feed in From", with(invite, "From", "From: \"a\nEvil: 1\" <sip:a@b>;tag=1"), "400 a header has control characters in it"},
		{"line feed in Call-ID", with(invite, "Call-ID", "Call-ID: a\nEvil: 1"), "400 a header has control characters in it"},
		{"line feed in a name", with(invite, "Contact", "Contact: <sip:a@b>\r\nX\nEvil: 1"), "400 a header's name is no token"},
		{"line feed in the URI", strings.Replace(invite, "sip:munich@window.example SIP", "sip:munich@window.example;a\nEvil:1 SIP", 1), "400 request line is malformed"},
		{"NUL", with(invite, "Contact", "Contact: <sip:a@b>\r\nSubject: a\x00b"), "400 a header has control characters in it"},
		{"carriage return", with(invite, "Contact", "Contact: <sip:a@b>\r\nSubject: a\rb"), "400 a header has control characters in it"},
		{"no host", strings.Replace(invite, "munich@window.example SIP", "munich@ SIP", 1), "400 Request-URI is malformed"},
		{"tel:", strings.Replace(invite, "sip:munich@window.example SIP", "tel:+39 SIP", 1), "ok"},
		{"long URI", strings.Replace(invite, "munich", strings.Repeat("m", MaxURI), 1), "414 Request-URI is too long"},
		{"version", strings.Replace(invite, "SIP/2.0\r\n", "SIP/3.0\r\n", 1), "505 SIP version is not 2.0"},
		{"method", strings.NewReplacer("INVITE sip", "IN(VITE sip", "1 INVITE", "1 IN(VITE").Replace(invite), "400 method is no token"},
		{"long header", with(invite, "Contact", "Contact: <sip:a@b>\r\nSubject: "+strings.Repeat("a", MaxHeaderSize+1)), "513 headers are too long"},
		{"long head", with(invite, "Contact", "Contact: <sip:a@b>"+strings.Repeat("\r\nSubject: "+strings.Repeat("a", 8000), 5)), "513 headers are too long"},
		{"many headers", with(invite, "Contact", "Contact: <sip:a@b>"+strings.Repeat("\r\nX: a", MaxHeaders)), "400 more than 128 headers"},
		{"status 99", strings.Replace(answer, "200", "99", 1), "0 status is not between 100 and 699"},
		{"status 700", strings.Replace(answer, "200", "700", 1), "0 status is not between 100 and 699"},
		{"reason", strings.Replace(answer, "OK", "O\nEvil: 1", 1), "0 reason phrase has control characters or no end"},
		{"response version", strings.Replace(answer, "SIP/2.0 200", "SIP/3.0 200", 1), "0 SIP version is not 2.0"},
		{"multicast", strings.Replace(answer, "TLS 192.0.2.1", "TLS 224.0.0.1", 1), "0 Via is a broadcast or multicast address"},
		{"good answer", answer, "ok"},
	} {
		if got := verdict(t, c.raw); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Liberal where RFC 4475 leaves the choice: a comma in an unquoted display name (§3.1.2.15).
func TestLiberal(t *testing.T) {
	if got := verdict(t, with(message1("OPTIONS"), "From", "From: Bell, Alexander <sip:a@b>;tag=43")); got != "ok" {
		t.Error(got)
	}
}

func TestCompactForms(t *testing.T) {
	raw := with(message1("INVITE"), "Contact", "m: <sip:a@b;TRANSPORT=tls>\r\nk: timer, outbound\r\nX: 1800\r\nu: presence\r\n"+
		"o: ua-profile\r\nSUPPORTED: path\r\nr: <sip:c@d>\r\nUnheard-of: y\r\nexpires: 60")
	for parsed, p := range map[string]*sip.Parser{"ours": Parser(), "sipgo's": sip.NewParser()} {
		m, err := p.ParseSIP([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		req := m.(*sip.Request)
		before := slices.Clone(req.Headers())
		if problem := Request(req); problem != nil {
			t.Fatal(problem)
		}
		for name, want := range map[string]string{
			"Supported": "timer, outbound", "Session-Expires": "1800", "Allow-Events": "presence", "Event": "ua-profile",
			"Refer-To": "<sip:c@d>", "Unheard-of": "y", "Expires": "60",
		} {
			h := req.GetHeader(name)
			if h == nil || h.Value() != want || h.Name() != name {
				t.Errorf("%s parser: %s is %v", parsed, name, h)
			}
		}
		if hs := req.GetHeaders("Supported"); len(hs) != 2 {
			t.Errorf("%s parser: %d Supported", parsed, len(hs))
		}
		if parsed == "ours" {
			if v, _ := req.Contact().Address.UriParams.Get("transport"); v != "tls" {
				t.Errorf("transport=%q", v)
			}
			if !slices.Equal(before, req.Headers()) { // sipgo's transaction reads it meanwhile
				t.Error("a message from our parser was changed")
			}
		}
	}
}

// Nothing crashes; and what is let through, sipgo writes as a message that says the same and is let through again.
func FuzzMessage(f *testing.F) {
	for _, m := range []string{"INVITE", "REGISTER", "ACK"} {
		f.Add(message1(m))
	}
	f.Add(answer)
	f.Add(with(message1("REGISTER"), "Contact", "m: <sip:a@b>, \"x,y\" <sip:c@d>;q=1\r\nk: x\r\nRoute: <sip:p;lr>, <sip:q;lr>"))
	f.Add(with(message1("INVITE"), "From", "From: \"a\\\"b\" <sip:a@b>;tag=1"))
	f.Fuzz(func(t *testing.T, raw string) {
		if verdict(t, raw) != "ok" {
			return
		}
		m, _ := Parser().ParseSIP([]byte(raw))
		again, err := Parser().ParseSIP([]byte(m.String()))
		if err != nil {
			t.Fatalf("written as %q, which does not parse: %v", m, err)
		}
		if a, b := len(m.(message).Headers()), len(again.(message).Headers()); a != b && a != b+1 && b != a+1 {
			t.Fatalf("%d headers became %d: %q", a, b, m)
		}
		if *m.CallID() != *again.CallID() || m.CSeq().SeqNo != again.CSeq().SeqNo {
			t.Fatalf("%q became %q", m, again)
		}
	})
}

// Whatever header is made a list of: the memory that it takes grows in proportion to its length, not faster; and one that
// is let through takes little for each element.
func TestListsAreLinear(t *testing.T) {
	parser := Parser()
	parse := func(raw []byte) int {
		return int(allocated(func() { _, _ = parser.ParseSIP(raw) }))
	}
	small, large := hostile.Lists(200, 1<<20), hostile.Lists(1600, 1<<20)
	for name, raw := range small {
		// sipgo's own reader of Via kept 62 MB of 60 KB.
		if a, b := parse(raw), parse(large[name]); b > 12*a {
			t.Errorf("%s: 200 elements take %d KB, 1,600 take %d KB", name, a>>10, b>>10)
		}
	}
	for _, elements := range []int{1, 10, 60, 100, 128} {
		for name, raw := range hostile.Lists(elements, 1<<20) {
			if n := parse(raw); Head(raw) == nil && n > 3_000+4*len(raw)+600*elements {
				t.Errorf("%s: a head of %d bytes with %d elements takes %d bytes", name, len(raw), elements, n)
			}
		}
	}
}

// allocated is what f allocates, in bytes, at best of three.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// What is counted before anybody parses it.
func TestHead(t *testing.T) {
	raw := message1("OPTIONS")
	add := func(lines string) string { return with(raw, "Max-Forwards", "Max-Forwards: 70\r\n"+lines) }
	params := func(n int) string { return strings.Repeat(";a", n) }
	list := func(element string, n int) string { return strings.TrimSuffix(strings.Repeat(element+",", n), ",") }
	for _, c := range []struct{ name, raw, want string }{
		{"sound", raw, "ok"},
		{"the largest", add("X: " + strings.Repeat("a", 8000)), "ok"},
		{"a long line", add("X: " + strings.Repeat("a", MaxHeaderSize)), "513 headers are too long"},
		{"a long line, folded", add("X: a" + strings.Repeat("\r\n a", 3000)), "513 headers are too long"},
		{"a long head", add(strings.TrimSuffix(strings.Repeat("X: "+strings.Repeat("a", 8000)+"\r\n", 5), "\r\n")), "513 headers are too long"},
		{"many lines", add(strings.TrimSuffix(strings.Repeat("X: a\r\n", 130), "\r\n")), "400 more than 128 headers"},
		{"many elements", add("Route: " + list("<sip:a>", 110) + "\r\nRecord-Route: " + list("<sip:a>", 110)), "400 more than 128 headers"},
		{"70 Via", add("Via: " + list("SIP/2.0/UDP a", 69)), "ok"},
		{"71 Via", add("v: " + list("SIP/2.0/UDP a", 70)), "400 more than 70 Via"},
		{"128 methods", add("Allow: " + list("A", 128)), "ok"},
		{"129 methods", add("Allow: " + list("A", 129)), "400 a header has more than 128 elements"},
		{"commas in quotes", add(`Warning: 399 a "` + list("a", 500) + `"`), "ok"},
		{"a quote without end", add(`Contact: "` + list("<sip:a>", 500)), "ok"}, // one element, and Request says what it is
		{"64 parameters", add("Contact: <sip:a>" + params(64)), "ok"},
		{"65 parameters", add("Contact: <sip:a>" + params(65)), "400 Contact has more than 64 parameters"},
		{"many parameters of many", add("Contact: " + list("<sip:a>"+params(60), 20)), "ok"},
		{"parameters of From in quotes", with(raw, "From", `From: "`+params(70)+`" <sip:a@b>;tag=1`), "400 From has more than 64 parameters"},
		{"parameters between the commas of a To", with(raw, "To", "To: <sip:a@b>"+list(params(30), 3)), "400 To has more than 64 parameters"},
		{"parameters of the Request-URI", strings.Replace(raw, "window.example SIP", "window.example"+params(65)+" SIP", 1), "414 Request-URI is too long"},
		{"a long Request-URI", strings.Replace(raw, "munich@", strings.Repeat("m", 9000)+"@", 1), "414 Request-URI is too long"},
		{"a header without a colon", add("X"), "400 a line is no header"},
		{"no end", "OPTIONS", "ok"},
	} {
		got := "ok"
		if p := Head([]byte(c.raw)); p != nil {
			got = fmt.Sprintf("%d %s", p.Status, p)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Elements of a list are read as if each stood in a line of its own.
func TestLists(t *testing.T) {
	raw := with(message1("OPTIONS"), "Via", "Via: SIP/2.0/TLS a;branch=z9hG4bK1 , SIP / 2.0 / UDP b ;branch=z9hG4bK2,SIP/2.0/TCP c")
	raw = with(raw, "Contact", `Contact: "a, \"b" <sip:a,b@c;x=1>;q=1, sip:d@e;q=0.5 ,<sip:f>`+"\r\nRoute: <sip:a;lr>,\"x\" <sip:b;lr>")
	m, err := Parser().ParseSIP([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"Via":     {"SIP/2.0/TLS a;branch=z9hG4bK1", "SIP/2.0/UDP b;branch=z9hG4bK2", "SIP/2.0/TCP c"},
		"Contact": {`"a, \"b" <sip:a,b@c;x=1>;q=1`, "<sip:d@e>;q=0.5", "<sip:f>"},
		"Route":   {"<sip:a;lr>", `"x" <sip:b;lr>`},
	} {
		var got []string
		for _, h := range m.GetHeaders(name) {
			got = append(got, h.Value())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
