package stack

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// one gives a single connection to the stack.
type one struct {
	net.Listener
	conn chan net.Conn
}

func (l one) Accept() (net.Conn, error) {
	c, ok := <-l.conn
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l one) Addr() net.Addr { return address("10.0.0.1:5061") }

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// ends is a pipe with addresses.
type ends struct {
	net.Conn
	local, remote address
}

func (e ends) LocalAddr() net.Addr  { return e.local }
func (e ends) RemoteAddr() net.Addr { return e.remote }

// connect gives the stack a TLS connection and returns the peer's end, which is read, and what comes there.
func connect(t *testing.T, s *Stack) (peer net.Conn, inbox chan string) {
	return connectFrom(t, s, "10.0.0.2:40000")
}

func connectFrom(t *testing.T, s *Stack, remote address) (peer net.Conn, inbox chan string) {
	t.Helper()
	ours, theirs := net.Pipe()
	l := one{conn: make(chan net.Conn, 1)}
	l.conn <- ends{ours, "10.0.0.1:5061", remote}
	close(l.conn)
	_ = s.ServeTLS(l)
	inbox = make(chan string, 100)
	go func() {
		defer close(inbox)
		stream := sip.NewParser().NewSIPStream()
		buf := make([]byte, 65536)
		for {
			n, err := theirs.Read(buf)
			if err != nil {
				return
			}
			_ = stream.ParseSIPStream(buf[:n], func(m sip.Message) {
				line, _, _ := strings.Cut(m.String(), "\r\n")
				inbox <- line
			})
		}
	}()
	t.Cleanup(func() {
		theirs.Close()
		if err := s.Close(); err != nil {
			t.Log(err)
		}
		synctest.Wait()
	})
	return theirs, inbox
}

func text(transport, method, id string, seq int) string {
	of := method
	if method == "CANCEL" {
		of = "INVITE"
	}
	return fmt.Sprintf("%s sip:a@b SIP/2.0\r\nVia: SIP/2.0/%s 10.0.0.2:5062;branch=z9hG4bK%s%s%d\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\n"+
		"Call-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", method, transport, id, of, seq, id, seq, method)
}

// A note is what was handled, and when.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, fmt.Sprintf(format, args...))
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.list, " ")
}

// Each message waits for the one before: until its handler returns, says Taken, or has taken too long.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		begun := time.Now()
		never := make(chan struct{})
		t.Cleanup(func() { close(never) })
		var s *Stack
		s = New(Config{Request: func(req *sip.Request, _ *sip.ServerTx) {
			n.add("%s@%v", req.Method, time.Since(begun))
			switch req.Method {
			case sip.INFO:
				time.Sleep(time.Second)
			case sip.OPTIONS:
				time.Sleep(100 * time.Millisecond)
				s.Taken(req)
				s.Taken(req)
				<-never
			case sip.MESSAGE:
				<-never
			}
		}})
		peer, _ := connect(t, s)
		var all string
		for i, method := range []string{"INFO", "OPTIONS", "MESSAGE", "ACK", "BYE"} {
			all += text("TLS", method, "x", i+1)
		}
		fmt.Fprint(peer, all)
		time.Sleep(time.Minute)
		want := fmt.Sprint("INFO@0s OPTIONS@1s MESSAGE@1.1s ACK@", 1100*time.Millisecond+patience, " BYE@", 1100*time.Millisecond+patience)
		if n.String() != want {
			t.Errorf("%s, want %s", &n, want)
		}
	})
}

// A CANCEL finds the INVITE that came right before it, whatever its handler does meanwhile.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *Stack
		cancelled := make(chan struct{})
		s = New(Config{Request: func(req *sip.Request, tx *sip.ServerTx) {
			if req.Method != sip.INVITE || !tx.OnCancel(func(*sip.Request) { close(cancelled) }) {
				t.Errorf("%s comes to the handler", req.Method)
				return
			}
			s.Taken(req)
			<-cancelled
		}})
		peer, inbox := connect(t, s)
		fmt.Fprint(peer, text("TLS", "INVITE", "x", 1)+text("TLS", "CANCEL", "x", 1))
		<-cancelled
		if a, b := <-inbox, <-inbox; a != "SIP/2.0 200 OK" || b != "SIP/2.0 487 Request Terminated" {
			t.Errorf("%s, %s", a, b)
		}
	})
}

// Somebody else, who has read the INVITE's branch, cannot cancel it.
func TestCancelOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		var s *Stack
		s = New(Config{Request: func(req *sip.Request, tx *sip.ServerTx) {
			n.add("%s", req.Method)
			tx.OnCancel(func(*sip.Request) { n.add("cancelled") })
			s.Taken(req)
			if req.IsInvite() {
				time.Sleep(time.Minute)
			}
		}})
		caller, _ := connect(t, s)
		other, _ := connectFrom(t, s, "10.0.0.3:40000")
		fmt.Fprint(caller, text("TLS", "INVITE", "x", 1))
		synctest.Wait()
		fmt.Fprint(other, text("TLS", "CANCEL", "x", 1))
		time.Sleep(time.Hour)
		if n.String() != "INVITE CANCEL" {
			t.Error(&n)
		}
	})
}

// Responses come out one after the other: the next when the last is taken. Repetitions hold up nothing.
func TestResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		s := New(Config{
			Request: func(req *sip.Request, _ *sip.ServerTx) { n.add("%s", req.Method) },
			Stray:   func(res *sip.Response) { n.add("stray-%d", res.StatusCode) },
		})
		peer, inbox := connect(t, s)
		tx := invite(t, s)
		tx.OnRetransmission(func(res *sip.Response) { n.add("again-%d", res.StatusCode) })
		<-inbox
		respond := func(status int) string { return answer(tx.Origin(), status) }
		fmt.Fprint(peer, respond(180)+respond(183)+respond(200)+respond(200)+text("TLS", "BYE", "x", 1))
		for range 3 {
			res := <-tx.Responses()
			time.Sleep(100 * time.Millisecond)
			n.add("%d", res.StatusCode)
			s.Taken(res)
		}
		synctest.Wait()
		if got := n.String(); got != "180 183 200 again-200 BYE" && got != "180 183 200 BYE again-200" {
			t.Error(got)
		}
		begun := time.Now()
		tx.Terminate()
		fmt.Fprint(peer, respond(200)+text("TLS", "BYE", "x", 2))
		synctest.Wait()
		if got := n.String(); !strings.HasSuffix(got, "stray-200 BYE") || time.Since(begun) > 0 {
			t.Error(got, time.Since(begun))
		}
	})
}

// A user that leaves its transaction holds up nothing either.
func TestLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := make(chan time.Time, 1)
		s := New(Config{Request: func(*sip.Request, *sip.ServerTx) { handled <- time.Now() }})
		peer, inbox := connect(t, s)
		tx := invite(t, s)
		<-inbox
		fmt.Fprint(peer, answer(tx.Origin(), 180)+text("TLS", "OPTIONS", "x", 1))
		<-tx.Responses()
		begun := time.Now()
		tx.Terminate()
		if took := (<-handled).Sub(begun); took > 0 {
			t.Errorf("the next message waited %v", took)
		}
	})
}

// A connection's end is the end of its transactions, but of an accepted INVITE's.
func TestConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := make(chan struct{})
		s := New(Config{Request: func(_ *sip.Request, tx *sip.ServerTx) {
			<-tx.Done()
			close(served)
		}})
		peer, inbox := connect(t, s)
		ringing, accepted := invite(t, s), invite(t, s)
		<-inbox
		<-inbox
		fmt.Fprint(peer, answer(accepted.Origin(), 200))
		s.Taken(<-accepted.Responses())
		fmt.Fprint(peer, text("TLS", "INFO", "x", 1))
		begun := time.Now()
		peer.Close()
		<-ringing.Done()
		<-served
		synctest.Wait()
		if took := time.Since(begun); took > patience { // the INFO is being taken in
			t.Errorf("took %v", took)
		}
		select {
		case <-accepted.Done():
			t.Error("the accepted INVITE's transaction has ended: a repeated 2xx would be lost")
		default:
		}
		if _, err := s.Request(ringing.Origin().Clone()); err == nil {
			t.Error("something was sent over a connection that has ended")
		}
	})
}

func invite(t *testing.T, s *Stack) *ClientTx {
	t.Helper()
	req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: "c", Host: "d"})
	id := sip.CallIDHeader(sip.GenerateTagN(8))
	from, to := &sip.FromHeader{Address: req.Recipient}, &sip.ToHeader{Address: req.Recipient}
	from.Params.Add("tag", "us")
	req.AppendHeader(&sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "TLS", Params: sip.HeaderParams{{K: "branch", V: sip.GenerateBranch()}}})
	req.AppendHeader(from)
	req.AppendHeader(to)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.INVITE})
	req.SetBody(nil)
	req.SetTransport("TLS")
	req.SetDestination("10.0.0.2:40000")
	tx, err := s.Request(req)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func answer(req *sip.Request, status int) string {
	res := sip.NewResponseFromRequest(req, status, "Whatever", nil)
	res.To().Params.Add("tag", "them")
	return res.String()
}

// Datagrams keep the order of their source, and nobody else's; what is too much of them is lost.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notes
		release := make(chan struct{})
		l := newLines(func(m sip.Message) {
			if m.Source() == "slow" {
				<-release
			}
			n.add("%s-%d", m.Source(), m.CSeq().SeqNo)
		})
		put := func(source string, seq int) {
			req := sip.NewRequest(sip.INFO, sip.Uri{})
			req.AppendHeader(&sip.CSeqHeader{SeqNo: uint32(seq), MethodName: sip.INFO})
			req.SetSource(source)
			l.put(req)
		}
		for i := range 1000 {
			put("slow", i)
		}
		put("other", 1)
		put("other", 2)
		synctest.Wait()
		if n.String() != "other-1 other-2" {
			t.Error(&n)
		}
		close(release)
		synctest.Wait()
		want := []string{"other-1", "other-2"}
		for i := range maxLine + 1 {
			want = append(want, fmt.Sprint("slow-", i))
		}
		if n.String() != strings.Join(want, " ") {
			t.Error(&n)
		}
		if len(l.waiting) != 0 || l.count != 0 {
			t.Errorf("left: %d lines, %d messages", len(l.waiting), l.count)
		}

		block := make(chan struct{})
		l = newLines(func(sip.Message) { <-block })
		for i := range 10 * maxLines {
			for range 10 {
				put(fmt.Sprint(i), 1)
			}
		}
		if len(l.waiting) != maxLines || l.count != maxWaiting {
			t.Errorf("%d lines and %d messages wait", len(l.waiting), l.count)
		}
		close(block)
		synctest.Wait()
	})
}

// An answer over UDP goes to the address it came from, and to the port in Via unless the sender wants its own (rport).
func TestWayBack(t *testing.T) {
	for via, want := range map[string]string{
		"10.0.0.9:5070;branch=z9hG4bK1":       "10.0.0.2:5070",
		"10.0.0.9;branch=z9hG4bK2":            "10.0.0.2:5060",
		"10.0.0.9:5070;rport;branch=z9hG4bK3": "10.0.0.2:40000",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Config{Request: func(req *sip.Request, tx *sip.ServerTx) {
				_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
			}})
			socket := &packets{in: make(chan string), out: make(chan string, 10)}
			go s.ServeUDP(socket)
			socket.in <- strings.Replace(text("UDP", "OPTIONS", "x", 1), "10.0.0.2:5062;", via+";x=", 1)
			if got := <-socket.out; got != want {
				t.Errorf("%s: answered to %s, want %s", via, got, want)
			}
			close(socket.in)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		})
	}
}

// packets is a UDP socket with one peer.
type packets struct {
	net.PacketConn
	in, out chan string
}

func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	text, ok := <-p.in
	if !ok {
		return 0, nil, net.ErrClosed
	}
	return copy(b, text), address("10.0.0.2:40000"), nil
}

func (p *packets) WriteTo(b []byte, to net.Addr) (int, error) {
	p.out <- to.String()
	return len(b), nil
}

func (p *packets) LocalAddr() net.Addr { return address("10.0.0.1:5060") }
func (p *packets) Close() error        { return nil }
