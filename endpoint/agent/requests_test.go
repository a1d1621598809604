package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

func TestRequestsOutsideDialogs(t *testing.T) {
	for _, test := range []struct {
		method  string
		headers map[string]string
		body    string
		code    int
		header  string // a header of the response
		want    string
	}{
		{method: "OPTIONS", code: 200, header: "Allow", want: allowed},
		{method: "OPTIONS", code: 200, header: "Accept", want: "application/sdp, application/media_control+xml"},
		{method: "MESSAGE", code: 405, header: "Allow", want: allowed},
		{method: "REFER", code: 405},
		{method: "SUBSCRIBE", code: 405},
		{method: "PUBLISH", code: 405},
		{method: "REGISTER", code: 405},
		{method: "NONSENSE", code: 405},
		{method: "BYE", code: 481},
		{method: "INFO", code: 481},
		{method: "UPDATE", code: 481},
		{method: "CANCEL", code: 481},
		{method: "NOTIFY", headers: map[string]string{"Event": "ua-profile", "Subscription-State": "active"}, code: 481},
		{method: "NOTIFY", headers: map[string]string{"Event": "presence", "Subscription-State": "active"}, code: 481},
		{method: "INVITE", headers: map[string]string{"Require": "timer, 100rel,gruu"}, body: offer1, code: 420, header: "Unsupported", want: "gruu"},
		{method: "INVITE", headers: map[string]string{"To": "<sip:milano@reg.example.org>;tag=unknown"}, body: offer1, code: 481},
		{method: "INVITE", headers: map[string]string{"Content-Type": "text/plain"}, body: "hello", code: 415, header: "Accept", want: sdpType},
		{method: "INVITE", headers: map[string]string{"Content-Encoding": "gzip"}, body: "hello", code: 415, header: "Accept-Encoding", want: "identity"},
		{method: "INVITE", headers: map[string]string{"Session-Expires": "60", "Supported": "timer"}, body: offer1, code: 422, header: "Min-SE", want: "90"},
		{method: "INVITE", headers: map[string]string{"x": "60", "k": "timer"}, body: offer1, code: 422, header: "Min-SE", want: "90"},
		{method: "INVITE", headers: map[string]string{"CSeq": "1 BYE"}, body: offer1, code: 400},
	} {
		t.Run(fmt.Sprint(test.method, test.headers), func(t *testing.T) {
			simulate(t, func(t *testing.T, l *lab) {
				l.send(request(test.method, l.agent.contact.String(), test.headers, test.body))
				res := l.answers(test.code)
				if test.header != "" && header.First(res, test.header) != test.want {
					t.Errorf("%s: %q, want %q", test.header, header.First(res, test.header), test.want)
				}
				l.quiet(time.Second)
				l.gone()
			})
		})
	}
}

// A refusal says why in its Warning, and has the phrase that people's screens know.
func TestRefusalsSayWhy(t *testing.T) {
	for _, test := range []struct {
		method  string
		headers map[string]string
		body    string
		line    string
		why     string
	}{
		{"MESSAGE", nil, "", "405 Method Not Allowed", "a window does nothing for MESSAGE"},
		{"INVITE", map[string]string{"Require": "gruu, x"}, offer1, "420 Bad Extension", "a window does not know gruu, x"},
		{"INVITE", map[string]string{"Require": `"`}, offer1, "420 Bad Extension", "a window does not know '"},
		{"INVITE", map[string]string{"Content-Type": "text/Plain;charset=utf-8"}, "hello", "415 Unsupported Media Type", "a window does not read text/plain"},
		{"INVITE", map[string]string{"Content-Type": "-"}, "hello", "415 Unsupported Media Type", "a window does not read a body without a Content-Type"},
		{"INVITE", map[string]string{"Content-Encoding": "gzip"}, "hello", "415 Unsupported Media Type", "a window does not read gzip"},
		{"INVITE", map[string]string{"Session-Expires": "60", "Supported": "timer"}, offer1, "422 Session Interval Too Small", "a session lasts 90 seconds or more"},
		{"INVITE", map[string]string{"To": "<sip:milano@reg.example.org>;tag=x"}, offer1, "481 Call/Transaction Does Not Exist", "there is no such call here any more"},
		{"BYE", nil, "", "481 Call/Transaction Does Not Exist", "there is no such call here any more"},
		{"CANCEL", nil, "", "481 Call/Transaction Does Not Exist", "there is no INVITE to cancel"},
		{"NOTIFY", nil, "", "481 Call/Transaction Does Not Exist", "there is no such subscription here any more"},
		{"INVITE", map[string]string{"CSeq": "1 BYE"}, offer1, "400 CSeq is for another method", "CSeq is for another method"},
	} {
		t.Run(test.method+" "+test.why, func(t *testing.T) {
			simulate(t, func(t *testing.T, l *lab) {
				l.send(request(test.method, l.agent.contact.String(), test.headers, test.body))
				code := 0
				_, _ = fmt.Sscan(test.line, &code)
				res := l.answers(code)
				if got, want := header.First(res, "Warning"), `399 milano "`+test.why+`"`; got != want || first(res) != "SIP/2.0 "+test.line {
					t.Errorf("%s, %s, want %s", first(res), got, want)
				}
			})
		})
	}
}

func TestMergedInvite(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		l.rings(offer1, "Call-ID", "one")
		l.send(request("INVITE", l.agent.contact.String(), map[string]string{"Call-ID": "one"}, offer1))
		for {
			if m := <-l.inbox; m.(*sip.Response).StatusCode != 100 {
				if m.(*sip.Response).StatusCode != 482 {
					t.Errorf("%s", first(m))
				}
				return
			}
		}
	})
}

func TestRequestsInDialog(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c, res := l.answered()
		l.send(l.within(res, "INFO", 2, "<media_control/>", "Content-Type", "Application/Media_Control+XML; charset=utf-8"))
		l.answers(200)
		if e := expect[Info](l); e.Call != c || e.ContentType != controlType || string(e.Body) != "<media_control/>" {
			t.Errorf("%+v", e)
		}
		l.send(l.within(res, "INFO", 3, "")) // a sign of life
		l.answers(200)
		l.send(l.within(res, "INFO", 4, "hello", "Content-Type", "text/plain"))
		if r := l.answers(415); header.First(r, "Accept") != controlType {
			t.Errorf("%s", r)
		}
		l.send(l.within(res, "OPTIONS", 5, ""))
		l.answers(200)
		l.send(l.within(res, "INFO", 3, ""))
		l.answers(500) // out of order
		l.send(l.within(res, "INFO", 6, "", "From", "<sip:munich@reg.example.org>;tag=somebody-else"))
		l.answers(481)
		l.send(l.within(res, "BYE", 1, "", "From", "<sip:munich@reg.example.org>;tag=somebody-else"))
		l.answers(481)
		l.quiet(time.Minute)
		l.send(l.within(res, "BYE", 1, "")) // whatever its number
		l.answers(200)
		expect[Ended](l)
		l.gone()
	})
}

// What is not SIP, or too long, costs the connection; the window comes back by itself, and its call lives.
func TestGarbage(t *testing.T) {
	for name, text := range map[string]string{
		"noise":             "\x00\x01\x02\xff\xfe garbage\r\n\r\n",
		"not SIP":           "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"bad length":        "OPTIONS sip:x SIP/2.0\r\nContent-Length: many\r\n\r\n",
		"no length":         "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TLS x;branch=z9hG4bK1\r\n\r\n",
		"huge length":       "OPTIONS sip:x SIP/2.0\r\nContent-Length: 4294967295\r\n\r\n",
		"endless header":    "OPTIONS sip:x SIP/2.0\r\nSubject: " + strings.Repeat("x", 100_000),
		"oversized body":    "OPTIONS sip:x SIP/2.0\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("x", 70_000),
		"bare CR":           "OPTIONS sip:x SIP/2.0\rVia: x\r\n\r\n",
		"lone colon header": "OPTIONS sip:x SIP/2.0\r\nnonsense\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, l *lab) {
				c := l.callUp()
				l.send(text)
				expect[Offline](l)
				expect[Online](l)
				expect[Programme](l)
				done := async(func() error { return c.Info(t.Context(), controlType, []byte("x")) })
				l.reply(l.gets(sip.INFO), 200, "", "")
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestTruncatedMessage(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		text := request("INVITE", l.agent.contact.String(), nil, offer1)
		for _, n := range []int{1, 10, 100, len(text) - 1} {
			l.send(text[:n])
			time.Sleep(time.Second)
			l.current().conn.Close()
			expect[Offline](l)
			expect[Online](l)
			expect[Programme](l)
		}
		l.send(text[:50]) // in two pieces it is whole
		time.Sleep(time.Second)
		l.send(text[50:])
		expect[Invitation](l)
	})
}

// Responses that nobody asked for, or that are not sound, do nothing.
func TestStrayResponses(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		for _, text := range []string{
			"SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS x;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
			"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
			"SIP/2.0 999 Odd\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		} {
			l.send(text)
		}
		l.silent(time.Minute)
		l.quiet(0)
		if c.phase != confirmed {
			t.Error("the call has gone")
		}
	})
}

// A flood of requests is answered or refused, and leaves nothing behind.
func TestFlood(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		var b strings.Builder
		for range 500 {
			b.WriteString(request("INVITE", l.agent.contact.String(), nil, offer1))
		}
		l.send(b.String())
		codes := map[int]int{}
		for final := 0; final < 500; {
			res := (<-l.inbox).(*sip.Response)
			if res.StatusCode != 100 {
				final++
				codes[res.StatusCode]++
			}
		}
		if codes[480] != maxCalls || codes[486]+codes[503] != 500-maxCalls {
			t.Errorf("%v", codes)
		}
		l.gone()
	})
}

func TestAccount(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		for from, want := range map[string]string{
			"<sip:munich@reg.example.org>":      "munich",
			"<sip:munich@REG.example.org:5061>": "munich",
			"<sip:munich@reg.example.org.>":     "munich",
			"<sip:reception@10.0.0.1>":          "reception",
			"<sip:reception@[fd00::1]>":         "reception",
			"<sip:reception@localhost>":         "reception",
			"<sip:munich@evil.example.com>":     "munich@evil.example.com",
		} {
			_, in := l.rings(offer1, "From", from+";tag=x", "Call-ID", from)
			if in.From != want {
				t.Errorf("%s: %q, want %q", from, in.From, want)
			}
			in.Call.Reject(486, "")
			expect[Ended](l)
			l.answers(486)
		}
	})
}

// A peer of RFC 2543, without a tag or Max-Forwards, calls as others do (RFC 3261 §12.1.1).
func TestOldCaller(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		call, res := l.answered("From", "<sip:munich@reg.example.org>", "Max-Forwards", "-")
		if res.From().Params.Has("tag") || call.Peer() != "munich" {
			t.Errorf("called by %q:\n%s", call.Peer(), res)
		}
		call.Bye("")
		bye := l.gets(sip.BYE)
		if bye.To().Params.Has("tag") {
			t.Errorf("the BYE is to %s", bye.To().Value())
		}
		l.reply(bye, 200, "", "")
	})
}
