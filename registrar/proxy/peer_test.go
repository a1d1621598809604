package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"ewindow/registrar/signal/validate"
)

// A peer speaks SIP by hand.
type peer struct {
	l         *lab
	name      string
	transport string
	host      netip.Addr
	conn      net.Conn       // TCP and "TLS"
	packets   net.PacketConn // UDP
	gone      chan struct{}  // closed when the server has closed conn
	inbox     chan sip.Message
	contact   string
	callID    string // of its REGISTERs
	seq       int
	gather    *strings.Builder // takes what is written while together runs
}

// join puts a peer on the network, on a host of its own.
func (l *lab) join(name, transport string) *peer {
	l.t.Helper()
	l.hosts++
	p := &peer{l: l, name: name, transport: transport, host: netip.AddrFrom4([4]byte{10, 0, 1 + byte(l.hosts>>8), byte(l.hosts)})}
	p.callID = fmt.Sprintf("reg-%s-%d", name, l.hosts)
	p.contact = l.contactOf(name, transport)
	p.connect()
	return p
}

func (l *lab) contactOf(name, transport string) string {
	return fmt.Sprintf("sip:%s@%s.invalid;transport=%s", name, name, strings.ToLower(transport))
}

// connect opens the way to the server, anew if there was one.
func (p *peer) connect() {
	p.l.t.Helper()
	inbox := make(chan sip.Message, 100)
	p.inbox = inbox
	if p.transport == "UDP" {
		c, err := p.l.net.ListenPacket(net.JoinHostPort(p.host.String(), "5060"))
		if err != nil {
			p.l.t.Fatal(err)
		}
		p.packets = c
		p.contact = fmt.Sprintf("sip:%s@%s:5060", p.name, p.host)
		go func() {
			buf := make([]byte, 65535)
			for {
				n, _, err := c.ReadFrom(buf)
				if err != nil {
					close(inbox)
					return
				}
				p.overhear(buf[:n])
				if m, err := sip.ParseMessage(buf[:n]); err == nil {
					inbox <- m
				}
			}
		}()
		p.l.t.Cleanup(func() { _ = c.Close() })
		return
	}
	port := map[string]string{"TLS": "5061", "TCP": "5060"}[p.transport]
	c, err := p.l.net.Dial(p.l.t.Context(), p.host, net.JoinHostPort(serverHost.String(), port))
	if err != nil {
		p.l.t.Fatal(err)
	}
	if p.transport == "TLS" && p.l.tls != nil {
		secure := tls.Client(c, p.l.tls)
		if err := secure.HandshakeContext(p.l.t.Context()); err != nil { // before anybody else: its lock is no wait in simulated time
			p.l.t.Fatal(err)
		}
		c = secure
	}
	p.conn = c
	gone := make(chan struct{})
	p.gone = gone
	go func() {
		defer close(gone)
		p.readStream(c, inbox)
	}()
	p.l.t.Cleanup(func() { _ = c.Close() })
}

// overhear is anybody on the way of a peer without TLS.
func (p *peer) overhear(b []byte) {
	if p.transport != "TLS" && (bytes.Contains(b, []byte("inline:")) || bytes.Contains(b, []byte("a=crypto"))) {
		p.l.t.Errorf("%s: keys came over %s: %s", p.name, p.transport, b)
	}
}

func (p *peer) readStream(c net.Conn, inbox chan<- sip.Message) {
	defer close(inbox)
	stream := validate.Parser().NewSIPStream()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		p.overhear(buf[:n])
		_ = stream.ParseSIPStream(buf[:n], func(m sip.Message) { inbox <- m })
	}
}

// hangUp closes the connection without a word.
func (p *peer) hangUp() { _ = p.conn.Close() }

// write sends text; "\n" becomes CRLF, and a Content-Length is added if there is none.
func (p *peer) write(text string) {
	p.l.t.Helper()
	head, body, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n\n")
	head = strings.TrimRight(head, "\n")
	if !strings.Contains(head, "Content-Length") {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	p.raw(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)
}

func (p *peer) raw(text string) {
	p.l.t.Helper()
	var err error
	if p.gather != nil {
		p.gather.WriteString(text)
		return
	}
	if p.transport == "UDP" {
		_, err = p.packets.WriteTo([]byte(text), net.UDPAddrFromAddrPort(netip.AddrPortFrom(serverHost, 5060)))
	} else {
		_, err = p.conn.Write([]byte(text))
	}
	if err != nil {
		p.l.t.Fatalf("%s: write: %v", p.name, err)
	}
}

// next is the next message, nil if none comes within a minute or the connection has ended.
func (p *peer) next() sip.Message {
	select {
	case m := <-p.inbox:
		return m
	case <-time.After(time.Minute):
		return nil
	}
}

// request waits for a request.
func (p *peer) request(method sip.RequestMethod) *sip.Request {
	p.l.t.Helper()
	m := p.next()
	req, ok := m.(*sip.Request)
	if !ok || req.Method != method {
		p.l.t.Fatalf("%s: got %v, want %s", p.name, m, method)
	}
	return req
}

// response waits for a response, past 100.
func (p *peer) response(status int) *sip.Response {
	p.l.t.Helper()
	for {
		m := p.next()
		res, ok := m.(*sip.Response)
		if ok && res.StatusCode == 100 && status != 100 {
			continue
		}
		if !ok || res.StatusCode != status {
			p.l.t.Fatalf("%s: got %v, want a %d", p.name, m, status)
		}
		return res
	}
}

// silent fails if something arrives within d.
func (p *peer) silent(d time.Duration) {
	p.l.t.Helper()
	select {
	case m := <-p.inbox:
		p.l.t.Fatalf("%s: got %v, want nothing", p.name, m)
	case <-time.After(d):
	}
}

// A msg is a request to be written. Empty fields take what is usual.
type msg struct {
	method, uri, from, to, callID, branch, extra, body string
	seq, maxForwards                                   int
	edit                                               *strings.Replacer // of the finished head
}

func (p *peer) text(m msg) string {
	or := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	or(&m.from, fmt.Sprintf("<sip:%s@%s>;tag=%s-tag", p.name, domain, p.name))
	or(&m.to, "<"+strings.Split(m.uri, ";")[0]+">")
	if m.seq == 0 {
		p.seq++
		m.seq = p.seq
	}
	or(&m.branch, fmt.Sprintf("z9hG4bK-%s-%s-%d", p.name, m.method, m.seq))
	or(&m.callID, p.callID)
	if m.maxForwards == 0 {
		m.maxForwards = 70
	}
	local := p.host.String() + ":5060"
	s := fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/%s %s;branch=%s;rport\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\n"+
		"Max-Forwards: %d\nContact: <%s>\n", m.method, m.uri, p.transport, local, m.branch, m.from, m.to, m.callID,
		m.seq, m.method, m.maxForwards, p.contact)
	if m.extra != "" {
		s += strings.TrimSpace(m.extra) + "\n"
	}
	if m.edit != nil {
		s = m.edit.Replace(s)
	}
	return s + "\n" + m.body
}

// ask sends a request and, once, the answer to the challenge that comes for it.
func (p *peer) ask(m msg) { p.askAmid(m, nil) }

// askAmid is ask; meanwhile happens when the server looks up who has answered the challenge.
func (p *peer) askAmid(m msg, meanwhile func()) {
	p.l.t.Helper()
	p.write(p.text(m))
	for {
		got := p.next()
		res, ok := got.(*sip.Response)
		if !ok {
			p.l.t.Fatalf("%s: got %v, want a challenge", p.name, got)
		}
		if res.StatusCode == 100 {
			continue
		}
		if res.StatusCode != 401 && res.StatusCode != 407 {
			p.l.t.Fatalf("%s: got %v, want a challenge", p.name, got)
		}
		m.extra += "\n" + p.credentials(m, res, p.name+"-secret")
		if m.method == "INVITE" {
			p.write(p.text(msg{method: "ACK", uri: m.uri, from: m.from, to: res.To().Value(), callID: m.callID, seq: int(res.CSeq().SeqNo),
				branch: res.Via().Params.GetOr("branch", "")}))
		}
		if meanwhile != nil {
			p.l.accounts.set(func() { p.l.accounts.asked = meanwhile })
		}
		p.write(p.text(m))
		return
	}
}

func (p *peer) credentials(m msg, res *sip.Response, secret string) string {
	p.l.t.Helper()
	name, answer := "WWW-Authenticate", "Authorization"
	if res.StatusCode == 407 {
		name, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	challenge, err := digest.ParseChallenge(res.GetHeader(name).Value())
	if err != nil {
		p.l.t.Fatal(err)
	}
	c, err := digest.Digest(challenge, digest.Options{Method: m.method, URI: m.uri, Username: p.name, Password: secret})
	if err != nil {
		p.l.t.Fatal(err)
	}
	return answer + ": " + c.String()
}

// register registers the peer and returns the 200.
func (p *peer) register() *sip.Response {
	p.l.t.Helper()
	p.ask(msg{method: "REGISTER", uri: "sip:" + domain, to: fmt.Sprintf("<sip:%s@%s>", p.name, domain), extra: "Expires: 600"})
	return p.response(200)
}

// answer writes a response to a request that came in.
func (p *peer) answer(req *sip.Request, status int, extra string) {
	p.l.t.Helper()
	var s strings.Builder
	fmt.Fprintf(&s, "SIP/2.0 %d Whatever\n", status)
	for _, h := range req.Headers() {
		switch h.Name() {
		case "Via", "From", "Call-ID", "CSeq", "Record-Route":
			fmt.Fprintf(&s, "%s: %s\n", h.Name(), h.Value())
		case "To":
			to := h.Value()
			if !strings.Contains(to, ";tag=") && status > 100 {
				to += ";tag=" + p.name + "-tag"
			}
			fmt.Fprintf(&s, "To: %s\n", to)
		}
	}
	fmt.Fprintf(&s, "Contact: <%s>\n", p.contact)
	if extra != "" {
		s.WriteString(extra + "\n")
	}
	p.write(s.String())
}

// A call is the caller's or the callee's view of a dialog.
type call struct {
	p        *peer
	callID   string
	from, to string // of our requests
	target   string // the other side's contact
	route    string // Route headers, one a line
}

// call sets up a call and returns both sides' views of it, before the ACK.
func (p *peer) call(callee *peer, uri string) (caller, called call) {
	p.l.t.Helper()
	callID := fmt.Sprintf("call-%s-%d", p.name, p.seq)
	p.ask(msg{method: "INVITE", uri: uri, callID: callID, body: "v=0\n", extra: "Content-Type: application/sdp"})
	req := callee.request(sip.INVITE)
	callee.answer(req, 180, "")
	p.response(180)
	callee.answer(req, 200, "")
	res := p.response(200)

	var up, down []string
	for _, h := range res.GetHeaders("Record-Route") {
		up = append([]string{"Route: " + h.Value()}, up...)
	}
	for _, h := range req.GetHeaders("Record-Route") {
		down = append(down, "Route: "+h.Value())
	}
	caller = call{p: p, callID: callID, from: res.From().Value(), to: res.To().Value(),
		target: res.Contact().Address.String(), route: strings.Join(up, "\n")}
	called = call{p: callee, callID: callID, from: res.To().Value(), to: res.From().Value(),
		target: req.Contact().Address.String(), route: strings.Join(down, "\n")}
	return caller, called
}

// in is a request within the dialog.
func (c call) in(method string) msg {
	return msg{method: method, uri: c.target, from: c.from, to: c.to, callID: c.callID, extra: c.route}
}

// ack sends the ACK to a 2xx. Its number is that of the INVITE, which is the last request that was sent.
func (c call) ack() {
	c.p.l.t.Helper()
	m := c.in("ACK")
	m.seq = c.p.seq
	c.p.write(c.p.text(m))
}

func itoa(n int) string { return fmt.Sprint(n) }
