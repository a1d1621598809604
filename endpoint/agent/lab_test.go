package agent

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/relays"
	"github.com/icholy/digest"

	"ewindow/dialplan/programme"
	"ewindow/scripts/lab/memnet"
)

const (
	domain  = "reg.example.org"
	secret  = "correct horse"
	offer1  = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nt=0 0\r\n"
	answer1 = "v=0\r\no=- 7 1 IN IP4 10.0.0.3\r\ns=-\r\nt=0 0\r\n"
	offer2  = "v=0\r\no=- 1 2 IN IP4 10.0.0.2\r\ns=-\r\nt=0 0\r\n"
	answer2 = "v=0\r\no=- 7 2 IN IP4 10.0.0.3\r\ns=-\r\nt=0 0\r\n"
)

var (
	registrarAddr = netip.MustParseAddrPort("10.0.0.1:5061")
	windowAddr    = netip.MustParseAddr("10.0.0.2")
)

// lab is a registrar of a few lines, and the agent of a window that meets it. The registrar registers and
// subscribes whoever knows the secret; whatever else the window sends is for the test to read.
type lab struct {
	t      *testing.T
	net    *memnet.Network
	agent  *Agent
	cancel context.CancelFunc
	done   chan error
	inbox  chan sip.Message // what the registrar does not deal with itself
	events chan Event

	listener net.Listener
	wrap     func(net.Conn) net.Conn // the registrar's side of TLS

	mu       sync.Mutex
	line     *line // the latest connection
	lines    int
	conns    []net.Conn
	seen     map[sip.RequestMethod]int
	override func(*line, *sip.Request) bool // a test's own answer
	mute     bool                           // no pongs
	expires  int                            // granted to REGISTER
	secret   string                         // of milano's account
	sub      *sip.Request                   // the latest SUBSCRIBE to the plan that was accepted
	relays   func(*line, *sip.Request)      // takes SUBSCRIBEs to relays; nil: the registrar does not know them
}

// line is one connection, seen from the registrar.
type line struct {
	l    *lab
	conn net.Conn
}

// simulate runs a test in simulated time with an agent that is registered.
func simulate(t *testing.T, test func(t *testing.T, l *lab)) {
	simulateWith(t, func(*Config) {}, test)
}

// simulateWith is simulate with another configuration.
func simulateWith(t *testing.T, change func(*Config), test func(t *testing.T, l *lab)) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.start(change)
		l.online()
		test(t, l)
	})
}

func newLab(t *testing.T) *lab {
	l := &lab{
		t: t, net: memnet.New(1), done: make(chan error, 1), seen: map[sip.RequestMethod]int{}, expires: 300, secret: secret,
		inbox: make(chan sip.Message, 1000), events: make(chan Event, 100_000),
	}
	l.net.Default(memnet.Conditions{Latency: time.Millisecond})
	l.listen()
	return l
}

func (l *lab) listen() {
	listener, err := l.net.Listen(registrarAddr.String())
	if err != nil {
		l.t.Fatal(err)
	}
	l.listener = listener
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if l.wrap != nil {
				conn = l.wrap(conn)
			}
			ln := &line{l: l, conn: conn}
			l.mu.Lock()
			l.line = ln
			l.lines++
			l.conns = append(l.conns, conn)
			l.mu.Unlock()
			go ln.read()
		}
	}()
}

// start makes the agent and runs it.
func (l *lab) start(change ...func(*Config)) {
	cfg := Config{
		Registrar: "sips:" + domain, Space: "milano", Secret: secret, UserAgent: "E-Window test",
		Dial: func(ctx context.Context) (net.Conn, error) {
			return l.net.Dial(ctx, windowAddr, registrarAddr.String())
		},
	}
	if testing.Verbose() {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if l.agent, err = New(cfg); err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.t.Cleanup(l.end) // inside the bubble
	go func() { l.done <- l.agent.Run(ctx) }()
	go func() {
		for e := range l.agent.Events() {
			l.events <- e
		}
		close(l.events)
	}()
}

// end stops the agent, which must not take longer than it may.
func (l *lab) end() {
	l.t.Helper()
	l.cancel()
	begun := time.Now()
	if err := <-l.done; err != nil {
		l.t.Errorf("Run: %v", err)
	}
	if took := time.Since(begun); took > farewell+time.Second {
		l.t.Errorf("the end took %v", took)
	}
	l.listener.Close()
	l.mu.Lock()
	for _, conn := range l.conns {
		conn.Close()
	}
	l.mu.Unlock()
	synctest.Wait()
}

// read deals with what comes over a connection.
func (ln *line) read() {
	defer ln.conn.Close()
	parser := sip.NewParser().NewSIPStream()
	buf := make([]byte, 65536)
	for {
		n, err := ln.conn.Read(buf)
		if err != nil {
			return
		}
		text := string(buf[:n])
		if text == "\r\n\r\n" || strings.HasSuffix(text, "\r\n\r\n\r\n\r\n") { // a ping, alone or behind a request
			ln.l.mu.Lock()
			mute := ln.l.mute
			ln.l.mu.Unlock()
			if !mute {
				ln.write("\r\n")
			}
		}
		err = parser.ParseSIPStream(buf[:n], ln.take)
		if err != nil && err != sip.ErrParseSipPartial {
			ln.l.t.Errorf("the window sent what is not SIP: %v", err)
			return
		}
	}
}

func (ln *line) write(text string) { io.WriteString(ln.conn, text) }

func (ln *line) take(m sip.Message) {
	l := ln.l
	req, ok := m.(*sip.Request)
	if !ok {
		if res := m.(*sip.Response); res.CSeq().MethodName != sip.NOTIFY || res.StatusCode != 200 {
			l.inbox <- m
		}
		return
	}
	l.mu.Lock()
	override, given := l.override, l.relays
	l.mu.Unlock()
	if req.Method == sip.SUBSCRIBE && header.First(req, "Event") == relays.Event {
		if given == nil {
			ln.write(sip.NewResponseFromRequest(req, 489, "Bad Event", nil).String())
			return
		}
		given(ln, req)
		return
	}
	if override != nil && override(ln, req) {
		return
	}
	switch req.Method {
	case sip.REGISTER, sip.SUBSCRIBE:
		l.mu.Lock()
		l.seen[req.Method]++
		l.mu.Unlock()
		ln.admit(req)
	default:
		l.inbox <- req
	}
}

// admit challenges, and registers or subscribes.
func (ln *line) admit(req *sip.Request) {
	l := ln.l
	if !l.knows(req) {
		ln.challenge(req, 401, domain, "SHA-256")
		return
	}
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	if req.Method == sip.REGISTER {
		want := header.First(req, "Expires")
		if want != "0" {
			want = fmt.Sprint(l.expires)
			res.AppendHeader(sip.NewHeader("Contact", header.First(req, "Contact")+";expires="+want))
		}
		ln.write(res.String())
		return
	}
	res.AppendHeader(sip.NewHeader("Expires", header.First(req, "Expires")))
	res.AppendHeader(sip.NewHeader("Contact", "<sip:10.0.0.1:5061;transport=tls>"))
	res.To().Params.Add("tag", "notifier")
	ln.write(res.String())
	l.mu.Lock()
	l.sub = req
	l.mu.Unlock()
	ln.notify(req, 1, "active;expires=3600", "the plan")
}

// notify sends a NOTIFY in the subscription of a SUBSCRIBE.
func (ln *line) notify(sub *sip.Request, seq int, state, text string) {
	ln.write(request("NOTIFY", ln.l.agent.contact.String(), map[string]string{
		"From": "<sip:milano@" + domain + ">;tag=notifier", "To": header.First(sub, "From"), "Call-ID": header.First(sub, "Call-ID"),
		"CSeq": fmt.Sprint(seq, " NOTIFY"), "Event": "ua-profile", "Subscription-State": state,
		"Content-Type": programme.ContentType,
	}, text))
}

// knows says whether the request's credentials are right.
func (l *lab) knows(req *sip.Request) bool {
	l.mu.Lock()
	secret := l.secret
	l.mu.Unlock()
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		cred, err := digest.ParseCredentials(header.First(req, name))
		if err != nil {
			continue
		}
		want, err := digest.Digest(&digest.Challenge{Realm: cred.Realm, Nonce: cred.Nonce, Algorithm: cred.Algorithm, QOP: []string{"auth"}},
			digest.Options{Method: req.Method.String(), URI: req.Recipient.String(), Username: "milano", Password: secret, Cnonce: cred.Cnonce, Count: cred.Nc})
		if err == nil && want.Response == cred.Response && cred.Username == "milano" && cred.URI == req.Recipient.String() {
			return true
		}
	}
	return false
}

func (ln *line) challenge(req *sip.Request, code int, realm string, algorithms ...string) {
	name := map[int]string{401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[code]
	res := sip.NewResponseFromRequest(req, code, "Who are you", nil)
	for _, a := range algorithms {
		res.AppendHeader(sip.NewHeader(name, fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s, qop="auth"`, realm, rand.Text(), a)))
	}
	ln.write(res.String())
}

// request writes a request from the other side as text, so that it can be wrong.
func request(method, uri string, headers map[string]string, body string) string {
	h := map[string]string{
		"Via": "SIP/2.0/TLS 10.0.0.1:5061;branch=" + newBranch(), "Max-Forwards": "70",
		"From": "<sip:munich@" + domain + ">;tag=them", "To": "<sip:milano@" + domain + ">",
		"Call-ID": rand.Text(), "CSeq": "1 " + method, "Contact": "<sip:munich@far.invalid;transport=tls>",
		"Content-Length": fmt.Sprint(len(body)),
	}
	if body != "" {
		h["Content-Type"] = "application/sdp"
	}
	for k, v := range headers {
		h[k] = v
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", method, uri)
	names := make([]string, 0, len(h))
	for k := range h {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		if h[k] != "-" {
			fmt.Fprintf(&b, "%s: %s\r\n", k, h[k])
		}
	}
	return b.String() + "\r\n" + body
}

// online waits for Online and the first programme.
func (l *lab) online() {
	l.t.Helper()
	expect[Online](l)
	if p := expect[Programme](l); string(p.Body) != "the plan" {
		l.t.Fatalf("programme: %q", p.Body)
	}
}

// current is the connection of the moment.
func (l *lab) current() *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.line
}

func (l *lab) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// send writes text to the window.
func (l *lab) send(text string) { l.current().write(text) }

// reply answers a request of the window, within a dialog of which the other side's tag is given.
func (l *lab) reply(req *sip.Request, code int, tag, body string, headers ...string) {
	res := sip.NewResponseFromRequest(req, code, "Reason", []byte(body))
	if tag != "" {
		res.To().Params.Add("tag", tag)
	}
	if code/100 == 2 || code == 180 {
		res.AppendHeader(sip.NewHeader("Contact", "<sip:munich@far.invalid;transport=tls>"))
	}
	if body != "" {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		res.AppendHeader(sip.NewHeader(headers[i], headers[i+1]))
	}
	l.send(res.String())
}

const longest = 10 * time.Minute // of simulated time

// expect waits for the next event, which must be an E.
func expect[E Event](l *lab) E {
	l.t.Helper()
	var none E
	select {
	case e, ok := <-l.events:
		got, is := e.(E)
		if !is {
			l.t.Fatalf("event %T %+v (open: %v), want %T", e, e, ok, none)
		}
		return got
	case <-time.After(longest):
		l.t.Fatalf("no %T came", none)
	}
	return none
}

// quiet checks that no event comes for a while.
func (l *lab) quiet(d time.Duration) {
	l.t.Helper()
	select {
	case e := <-l.events:
		l.t.Fatalf("unexpected event %T %+v", e, e)
	case <-time.After(d):
	}
}

// gets waits for the next request of the window that the registrar does not deal with.
func (l *lab) gets(method sip.RequestMethod) *sip.Request {
	l.t.Helper()
	select {
	case m := <-l.inbox:
		req, ok := m.(*sip.Request)
		if !ok || req.Method != method {
			l.t.Fatalf("the window sent %v, want %s", first(m), method)
		}
		return req
	case <-time.After(longest):
		l.t.Fatalf("the window sent no %s", method)
	}
	return nil
}

// answers waits for the next response of the window.
func (l *lab) answers(code int) *sip.Response {
	l.t.Helper()
	for {
		select {
		case m := <-l.inbox:
			res, ok := m.(*sip.Response)
			if ok && res.StatusCode == 100 {
				continue
			}
			if !ok || res.StatusCode != code {
				l.t.Fatalf("the window sent %v, want %d", first(m), code)
			}
			if why := header.First(res, "Warning"); code >= 400 && code != sip.StatusRequestTerminated && !strings.HasPrefix(why, `399 milano "`) {
				l.t.Errorf("the window sent %v with Warning: %s", first(m), why) // a 487 is sipgo's
			}
			return res
		case <-time.After(longest):
			l.t.Fatalf("the window sent no %d", code)
		}
	}
}

// silent checks that the window sends nothing for a while.
func (l *lab) silent(d time.Duration) {
	l.t.Helper()
	select {
	case m := <-l.inbox:
		l.t.Fatalf("the window sent %v", first(m))
	case <-time.After(d):
	}
}

func first(m sip.Message) string {
	line, _, _ := strings.Cut(m.String(), "\r\n")
	return line
}

// async runs f, and gives its error to the channel.
func async(f func() error) chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}
