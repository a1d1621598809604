package proxy

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// heard is the status lines that come back to whoever sends text, and nothing more, over a transport. Answers over UDP go
// where the Via says, which is one of a few ports in all that is sent here.
func (l *lab) heard(transport, text string) string {
	l.t.Helper()
	p := l.join("bar", transport)
	var mu sync.Mutex
	var lines []string
	hear := func(read func([]byte) (int, error)) {
		b := make([]byte, 65_536)
		for n, err := read(b); err == nil; n, err = read(b) {
			line, _, _ := strings.Cut(string(b[:n]), "\r\n")
			mu.Lock()
			lines = append(lines, strings.TrimPrefix(line, "SIP/2.0 "))
			mu.Unlock()
		}
	}
	if transport == "UDP" {
		_ = p.packets.Close()
		for _, port := range []string{"5050", "6050", "19823", "5060"} {
			c, err := l.net.ListenPacket(net.JoinHostPort(p.host.String(), port))
			if err != nil {
				l.t.Fatal(err)
			}
			defer c.Close()
			go hear(func(b []byte) (int, error) { n, _, err := c.ReadFrom(b); return n, err })
			p.packets = c
		}
	} else {
		c, err := l.net.Dial(l.t.Context(), p.host, net.JoinHostPort(serverHost.String(), "5060"))
		if err != nil {
			l.t.Fatal(err)
		}
		defer c.Close()
		go hear(c.Read)
		p.conn = c
	}
	p.raw(text)
	time.Sleep(time.Second)
	mu.Lock()
	defer mu.Unlock()
	return strings.Join(lines, ", ")
}

// What a stranger hears who sends the messages of RFC 4475: each request has one answer, over whichever transport it comes;
// responses, which belong to no transaction here, have none.
func TestTortureIsAnswered(t *testing.T) {
	const (
		unknown   = "407 Proxy Authentication Required" // who sends this? Then it is looked at further
		notOurs   = "404 Not Found"
		badURI    = "400 Request-URI is malformed"
		badLine   = "400 request line is malformed"
		badScheme = "416 Request-URI is not sip:, sips: or tel:"
		badMethod = "405 Method Not Allowed"
		otherCSeq = "400 CSeq is for another method"
	)
	want := map[string]string{
		// §3.1.1: valid
		"wsinv": "403 No routing beyond this registrar", "intmeth": badMethod, "esc01": unknown, "escnull": notOurs,
		"esc02": badMethod, "lwsdisp": unknown, "longreq": unknown, "dblreq": notOurs, "semiuri": unknown,
		"transports": unknown,
		"mpart01":    "403 SDP of this phone carries keys: it calls over TLS only", // a body that is no text
		"unreason":   "", "noreason": "",
		// §3.1.2: invalid
		"badinv01": "400 Via is malformed", "clerr": "400 body is shorter than Content-Length", "ncl": "400 Content-Length is malformed",
		"scalar02": "400 CSeq is malformed", "scalarlg": "", "quotbal": "400 To is malformed", "ltgtruri": badURI,
		"lwsruri": badLine, "lwsstart": badLine, "trws": badLine, "escruri": "400 Request-URI has headers in it",
		"baddate": unknown, "regbadct": "400 Contact is malformed", "badaspec": "400 To is malformed",
		"baddn":   "400 the headers have no end", // the file lacks its last line
		"badvers": "505 SIP version is not 2.0", "mismatch01": otherCSeq, "mismatch02": otherCSeq, "bigcode": "",
		// §3.2 and later
		"badbranch": "400 Via has an empty branch", "insuf": "400 From is missing", "unkscm": badScheme, "novelsc": badScheme,
		"unksm2": "400 From or To is not a SIP URI", "bext01": "420 Bad Extension", "invut": unknown, "regaut01": notOurs,
		"multi01": "400 From comes twice", "mcl01": "400 Content-Length comes twice", "bcast": "", "zeromf": unknown,
		"cparam01": notOurs, "cparam02": notOurs, "regescrt": notOurs, "sdp01": unknown, "inv2543": "400 Contact is missing",
		"test": "", // a first line that is no SIP
	}
	onStreams := map[string]string{ // where what is missing may still come, and a wrong length hides the next message
		"clerr": "", "baddn": "", "inv2543": "400 Content-Length is missing",
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/emiago/sipgo").Output()
	if err != nil {
		t.Fatalf("where is sipgo's module? %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "sip", "testdata", "torture", "*", "*.dat"))
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %d answers, %v", len(files), len(want), err)
	}
	torture(t, files, want, onStreams)
}

// The same for RFC 5118, which is about IPv6. Nobody there is of this registrar.
func TestIPv6TortureIsAnswered(t *testing.T) {
	const unknown, notOurs, noDialog = "407 Proxy Authentication Required", "404 Not Found", "481 Call/Transaction Does Not Exist"
	want := map[string]string{
		"ipv6-good": notOurs, "ipv6-bad": "400 Request-URI is malformed", "port-ambiguous": notOurs, "port-unambiguous": notOurs,
		"via-received-param-with-delim": noDialog, "via-received-param-no-delim": unknown, "ipv6-in-sdp": unknown,
		"mult-ip-in-header": noDialog, "mult-ip-in-sdp": unknown, "ipv4-mapped-ipv6": unknown,
		"ipv6-bug-abnf-3-colons": unknown, "ipv6-correct-abnf-2-colons": unknown,
	}
	files, err := filepath.Glob(filepath.Join("..", "signal", "validate", "testdata", "rfc5118", "*.dat"))
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %d answers, %v", len(files), len(want), err)
	}
	torture(t, files, want, nil)
}

// torture sends files and compares what is heard; onStreams has what differs over TCP.
func torture(t *testing.T, files []string, want, onStreams map[string]string) {
	t.Helper()
	simulate(t, always, func(l *lab) {
		for _, f := range files {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(f), ".dat")
			for _, transport := range []string{"UDP", "TCP"} {
				want := want[name]
				if w, other := onStreams[name]; other && transport == "TCP" {
					want = w
				}
				if got := l.heard(transport, string(raw)); got != want {
					t.Errorf("%s over %s: %q, want %q", name, transport, got, want)
				}
			}
		}
	})
}
