// Package hostile is what strangers send to make a SIP program remember or compute more than it was sent: one table, for
// the tests that watch the heap and for the bench that watches the real program.
package hostile

import (
	"bytes"
	"fmt"
	"strings"
)

// A Kind is one way to attack over a connection or by datagrams.
type Kind struct {
	Name    string
	Message func(n int) []byte // the n-th that is sent; all differ
	Cut     int                // bytes at its end that never come: the connection is held open with what has come
	Deaf    bool               // answers are not read
	Piece   int                // it is written in pieces of so many bytes; 0: at once
	Stream  bool               // makes no sense as a datagram
	Raw     bool               // goes to a TLS port without TLS
}

// listed are headers whose values may be a list, with a short element of each (RFC 3261 §7.3.1, §20).
var listed = []struct{ name, element string }{
	{"Via", "SIP/2.0/UDP a;branch=z9hG4bKa"}, {"v", "SIP/2.0/UDP a"}, {"Route", "<sip:a;lr>"}, {"Record-Route", "<sip:a;lr>"},
	{"Contact", "<sip:a>"}, {"m", "sip:a"}, {"Supported", "a"}, {"k", "a"}, {"Require", "a"}, {"Proxy-Require", "a"},
	{"Unsupported", "a"}, {"Allow", "A"}, {"Allow-Events", "a"}, {"u", "a"}, {"Accept", "a/b"}, {"Accept-Encoding", "a"},
	{"Accept-Language", "a"}, {"Accept-Contact", "*"}, {"Alert-Info", "<a:>"}, {"Call-Info", "<a:>"}, {"Error-Info", "<a:>"},
	{"Content-Encoding", "a"}, {"Content-Language", "a"}, {"In-Reply-To", "a"}, {"Warning", `399 a "b"`},
	{"Authorization", `a="b"`}, {"Proxy-Authorization", `a="b"`}, {"WWW-Authenticate", `a="b"`},
	{"Proxy-Authenticate", `a="b"`}, {"Path", "<sip:a>"}, {"Service-Route", "<sip:a>"}, {"History-Info", "<sip:a>;index=1"},
	{"Diversion", "<sip:a>"}, {"P-Asserted-Identity", "<sip:a>"}, {"Refer-To", "<sip:a>"}, {"Referred-By", "<sip:a>"},
	{"From", "<sip:a>"}, {"To", "<sip:a>"}, {"CSeq", "1 A"}, {"Call-ID", "a"}, {"Max-Forwards", "1"}, {"Event", "a"},
	{"Reason", "a"}, {"Subject", "a"}, {"X-Unheard-Of", "a"},
}

// Lists is a message for each header that may be a list, of so many elements, or as many as go into size bytes.
func Lists(elements, size int) map[string][]byte {
	out := map[string][]byte{}
	for _, l := range listed {
		out[l.name] = list(l.name, l.element, elements, size, 0)
	}
	return out
}

func list(name, element string, elements, size, n int) []byte {
	elements = max(1, min(elements, (size-600)/(len(element)+1)))
	return request("OPTIONS", n, name+": "+strings.TrimSuffix(strings.Repeat(element+",", elements), ",")+"\r\n", "")
}

// request is a message that nobody authenticated.
func request(method string, n int, extra, body string) []byte {
	return fmt.Appendf(nil, "%s sip:reg.test SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5070;rport;branch=z9hG4bK%x\r\nMax-Forwards: 70\r\n"+
		"From: <sip:u%d@reg.test>;tag=1\r\nTo: <sip:u%d@reg.test>\r\nCall-ID: hostile-%d\r\nCSeq: 1 %s\r\nContact: <sip:u%d@127.0.0.1:5070>\r\n"+
		"%sContent-Length: %d\r\n\r\n%s", method, n, n, n, n, method, n, extra, len(body), body)
}

// in makes a kind of one header or more.
func in(name, text string) Kind {
	return Kind{Name: name, Message: func(n int) []byte { return request("OPTIONS", n, text, "") }}
}

func plain(name, method string) Kind {
	return Kind{Name: name, Message: func(n int) []byte { return request(method, n, "", "") }}
}

func params(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ";p%d", i)
	}
	return b.String()
}

func cyclic(name string, elements, size int) Kind {
	return Kind{Name: name, Message: func(n int) []byte {
		l := listed[n%len(listed)]
		return list(l.name, l.element, elements, size, n)
	}}
}

// Kinds are all of them.
func Kinds() []Kind {
	repeat := strings.Repeat
	kinds := []Kind{
		// What costs more than its bytes to parse.
		{Name: "2,000 Via in one line", Message: func(n int) []byte {
			return list("Via", "SIP/2.0/UDP a;branch=z9hG4bKa", 2000, 64_000, n)
		}},
		cyclic("lists of every header, as long as they are let through", 60, 8_000),
		cyclic("lists of every header, as long as a message", 1<<20, 15_900),
		cyclic("lists of every header, 60 KB", 1<<20, 60_000),
		in("every header a list", repeat("Contact: <sip:a>,<sip:b>\r\nRoute: <sip:c;lr>,<sip:d;lr>\r\n", 30)),
		in("short headers, as many as are let through", repeat("X:\r\n", 110)),
		in("2,600 short headers", repeat("X: a\r\n", 2600)),
		in("10,000 short headers", repeat("X: a\r\n", 10_000)),
		in("long headers", repeat("X: "+repeat("a", 7000)+"\r\n", 2)),
		in("one long header", "X: "+repeat("a", 15_000)+"\r\n"),
		in("parameters, as many as are let through", repeat("Contact: <sip:a>"+params(60)+"\r\n", 20)),
		in("2,000 parameters", "Contact: <sip:a>"+params(2000)+"\r\n"),
		in("2,000 parameters of a URI", "Route: <sip:a"+params(2000)+">\r\n"),
		in("2,000 headers of a URI", "Refer-To: <sip:a?"+repeat("a=b&", 2000)+">\r\n"),
		in("2,000 parameters in quotes", `Referred-By: <sip:a>;a="`+params(2000)+"\"\r\n"),
		in("a long display name", `Contact: "`+repeat("a", 8000)+"\" <sip:a>\r\n"),
		in("backslashes", `Contact: "`+repeat(`\"`, 4000)+"\" <sip:a>\r\n"),
		in("quotes", "Contact: "+repeat(`"`, 8000)+"<sip:a>\r\n"),
		in("a quote without end", `Contact: "`+repeat("<sip:a>,", 1000)+"\r\n"),
		in("angle brackets", "Route: "+repeat("<", 8000)+"\r\n"),
		in("folded lines", "Subject: a\r\n"+repeat(" a\r\n", 1500)),
		in("4,000 folded lines", "Subject: a\r\n"+repeat(" \r\n", 4000)),
		in("credentials", "Authorization: Digest "+repeat(`username="u",`, 600)+"realm=\"reg.test\"\r\n"),
		{Name: "a long Request-URI", Message: func(n int) []byte {
			return bytes.Replace(request("OPTIONS", n, "", ""), []byte("sip:reg.test SIP"), []byte("sip:a"+params(2000)+" SIP"), 1)
		}},

		// What is sound, or nearly, and many.
		plain("OPTIONS", "OPTIONS"), plain("REGISTER", "REGISTER"), plain("INVITE", "INVITE"), plain("ACK", "ACK"),
		plain("CANCEL", "CANCEL"), plain("BYE", "BYE"), plain("a method unheard of", "NONSENSE"),
		{Name: "SUBSCRIBE", Message: func(n int) []byte { return request("SUBSCRIBE", n, "Event: ua-profile\r\n", "") }},
		{Name: "INVITE with a body as large as may be", Message: func(n int) []byte { return request("INVITE", n, "", repeat("a=b\r\n", 3000)) }},
		{Name: "forged credentials", Message: func(n int) []byte {
			return request("REGISTER", n, fmt.Sprintf("Authorization: Digest username=\"milano\", realm=\"reg.test\", nonce=\"%d\", uri=\"sip:reg.test\", "+
				"response=\"%032x\", algorithm=SHA-256, cnonce=\"x\", qop=auth, nc=00000001\r\n", n, n), "")
		}},
		{Name: "stray answers", Message: func(n int) []byte {
			return bytes.Replace(request("INVITE", n, "", ""), []byte("INVITE sip:reg.test SIP/2.0"), []byte("SIP/2.0 200 OK"), 1)
		}},
		{Name: "requests whose answers are not read", Deaf: true, Stream: true, Message: func(n int) []byte { return request("OPTIONS", n, "", "") }},
		{Name: "large requests whose answers are not read", Deaf: true, Stream: true, Message: func(n int) []byte {
			return request("INVITE", n, "", repeat("a=b\r\n", 3000))
		}},

		// What is no message.
		{Name: "noise", Message: func(n int) []byte { return bytes.Repeat([]byte{byte(n), 'x', '\r', 0xff, ' '}, 300) }},
		{Name: "zeros", Message: func(int) []byte { return make([]byte, 4000) }},
		{Name: "pings", Stream: true, Message: func(int) []byte { return []byte(repeat("\r\n\r\n", 500)) }},
		{Name: "HTTP", Message: func(int) []byte { return []byte("GET / HTTP/1.1\r\nHost: reg.test\r\n\r\n") }},
		{Name: "no Content-Length", Stream: true, Message: func(n int) []byte {
			return bytes.Replace(request("OPTIONS", n, "", ""), []byte("Content-Length: 0\r\n"), nil, 1)
		}},
		lies("a length of 65,000", "65000"), lies("a length of 4 GB", "4294967295"), lies("a negative length", "-1"),
	}
	return append(kinds, halves()...)
}

// lies is a body that never comes.
func lies(name, length string) Kind {
	return Kind{Name: name, Message: func(n int) []byte {
		return bytes.Replace(request("OPTIONS", n, "", ""), []byte("Length: 0"), []byte("Length: "+length), 1)
	}}
}

// halves begin, and do not end.
func halves() []Kind {
	half := func(name string, piece int, message func(n int) []byte) Kind {
		return Kind{Name: name, Cut: 2, Piece: piece, Stream: true, Message: message}
	}
	large := func(n int) []byte {
		return request("OPTIONS", n, "X: "+strings.Repeat("a", 8000)+"\r\nX: "+strings.Repeat("a", 7000)+"\r\n", "")
	}
	return []Kind{
		half("half a head", 0, large),
		half("half a head, in small pieces", 32, large),
		half("half a head of short headers", 0, func(n int) []byte { return request("OPTIONS", n, strings.Repeat("X:\r\n", 3700), "") }),
		half("half a head of folded lines, in small pieces", 64, func(n int) []byte {
			return request("OPTIONS", n, "Subject: a\r\n"+strings.Repeat(" a\r\n", 3500), "")
		}),
		half("half a list of Via", 0, func(n int) []byte { return list("Via", "SIP/2.0/UDP a", 1<<20, 16_000, n) }),
		half("half a body", 0, func(n int) []byte { return request("INVITE", n, "", strings.Repeat("a=b\r\n", 3000)) }),
		half("a line without end", 0, func(n int) []byte { return request("OPTIONS", n, "X: "+strings.Repeat("a", 60_000), "") }),
	}
}

// Handshakes are what comes to a TLS port and is no handshake, or not all of one.
func Handshakes() []Kind {
	record := func(kind byte, body []byte) []byte {
		return append([]byte{kind, 3, 1, byte(len(body) >> 8), byte(len(body))}, body...)
	}
	hello := func(claims int) []byte { // the beginning of a ClientHello that claims to be so long
		return record(22, append([]byte{1, byte(claims >> 16), byte(claims >> 8), byte(claims), 3, 3}, make([]byte, 500)...))
	}
	raw := func(name string, cut int, message func(n int) []byte) Kind {
		return Kind{Name: name, Raw: true, Stream: true, Cut: cut, Message: message}
	}
	return []Kind{
		raw("half a ClientHello", 1, func(int) []byte { return hello(512) }),
		raw("a ClientHello of 64 KB", 0, func(n int) []byte {
			if n == 1 {
				return hello(65_000)
			}
			return record(22, make([]byte, 16_000))
		}),
		raw("records of no kind", 0, func(n int) []byte { return record(byte(n), make([]byte, 16_000)) }),
		raw("SIP in clear to the TLS port", 0, func(n int) []byte { return request("OPTIONS", n, "", "") }),
	}
}
