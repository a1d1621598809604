package echo

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/rtcp"
)

// A socket has an address and nothing else: what is read is given to packet by the tests.
type socket struct {
	net.PacketConn
	port   int
	closed bool
}

func (s *socket) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: s.port} }
func (s *socket) Close() error        { s.closed = true; return nil }

var caller = Caller{Peer: netip.MustParseAddr("10.0.1.1"), Local: netip.MustParseAddr("10.0.0.1")}

func testEcho() (*Echo, *[]*socket) {
	var all []*socket
	return New(Config{Listen: func(netip.Addr) (rtp, rtcp net.PacketConn, err error) {
		a, b := &socket{port: 20000 + len(all)}, &socket{port: 20001 + len(all)}
		all = append(all, a, b)
		return a, b, nil
	}}), &all
}

var (
	gcmKey = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef" + "salt-of-12--"))
	cmKey  = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef" + "salt-of-14-by-"))
)

// offered is an offer with some lines after v=, o=, s= and t=.
func offered(lines ...string) []byte {
	return []byte("v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n")
}

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		offer []string
		plain bool
		want  string // lines of the answer after t=, without the key; or the reason for refusing
	}{
		"GCM": {[]string{"m=audio 4000 RTP/SAVP 0 8", "a=crypto:1 AEAD_AES_128_GCM inline:" + gcmKey}, false,
			"m=audio 20000 RTP/SAVP 0|a=rtcp:20001|a=crypto:1 AEAD_AES_128_GCM|a=sendrecv"},
		"CM in another spelling, second": {[]string{"m=audio 4000 RTP/SAVPF 96", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 useinbandfec=1",
			"a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:x", "a=crypto:2 AES_128_CM_HMAC_SHA1_80 inline:" + cmKey + "|2^31", "a=rtcp-mux"}, false,
			"m=audio 20000 RTP/SAVPF 96|a=rtpmap:96 opus/48000/2|a=fmtp:96 useinbandfec=1|a=rtcp-mux|a=rtcp:20000|a=crypto:2 AES_128_CM_HMAC_SHA1_80|a=sendrecv"},
		"a key in an AVP line": {[]string{"m=audio 4000 RTP/AVP 8", "a=crypto:1 AEAD_AES_128_GCM inline:" + gcmKey}, false,
			"m=audio 20000 RTP/AVP 8|a=rtcp:20001|a=crypto:1 AEAD_AES_128_GCM|a=sendrecv"},
		"telephone-event and CN before": {[]string{"m=audio 4000 RTP/AVP 101 13 9", "a=rtpmap:101 telephone-event/8000"}, true,
			"m=audio 20000 RTP/AVP 9|a=rtcp:20001|a=sendrecv"},
		"picture too, and something else": {[]string{"a=sendonly", "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 96 97", "a=rtpmap:96 rtx/90000",
			"a=rtpmap:97 H264/90000", "a=fmtp:97 profile-level-id=42e01f", "a=rtcp-fb:* nack pli", "a=rtcp-fb:97 nack", "a=inactive", "m=application 9 TCP/BFCP *"}, true,
			"m=audio 20000 RTP/AVP 0|a=rtcp:20001|a=recvonly|m=video 20002 RTP/AVP 97|a=rtpmap:97 H264/90000|a=fmtp:97 profile-level-id=42e01f|" +
				"a=rtcp-fb:* nack pli|a=rtcp:20003|a=inactive|m=application 0 TCP/BFCP *"},
		"a picture that is switched off": {[]string{"m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 97"}, true,
			"m=audio 20000 RTP/AVP 0|a=rtcp:20001|a=sendrecv|m=video 0 RTP/AVP 97"},
		"no key":               {[]string{"m=audio 4000 RTP/AVP 0"}, false, "turn on SRTP"},
		"no key though secure": {[]string{"m=audio 4000 RTP/SAVP 0"}, true, "turn on SRTP"},
		"a short key":          {[]string{"m=audio 4000 RTP/SAVP 0", "a=crypto:1 AEAD_AES_128_GCM inline:abcd"}, false, "28 bytes"},
		"MKI":                  {[]string{"m=audio 4000 RTP/SAVP 0", "a=crypto:1 AEAD_AES_128_GCM inline:" + gcmKey + "|2^31|1:4"}, false, "master key identifiers"},
		"unencrypted":          {[]string{"m=audio 4000 RTP/SAVP 0", "a=crypto:1 AEAD_AES_128_GCM inline:" + gcmKey + " UNENCRYPTED_SRTP"}, false, "UNENCRYPTED_SRTP"},
		"DTLS":                 {[]string{"m=audio 4000 UDP/TLS/RTP/SAVPF 0"}, true, "transport"},
		"only events":          {[]string{"m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"}, true, "no format"},
		"a control character":  {[]string{"m=audio 4000 RTP/AVP 0", "a=fmtp:0 x\ry"}, true, "control character"},
		"nothing":              {nil, true, "no m-line"},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := testEcho()
			c := caller
			c.Plain = test.plain
			call, answer, err := e.Answer(offered(test.offer...), c)
			if err != nil {
				if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("refused: %v, want %q", err, test.want)
				}
				if strings.Contains(err.Error(), "0123") || strings.Contains(err.Error(), gcmKey) {
					t.Errorf("the error shows the key: %v", err)
				}
				if n := e.taken.Load(); n != 0 {
					t.Errorf("%d places are taken", n)
				}
				return
			}
			defer call.Close()
			_, got, _ := strings.Cut(string(answer), "t=0 0\r\n")
			var lines []string
			for l := range strings.Lines(got) {
				l, _, _ = strings.Cut(strings.TrimSpace(l), " inline:")
				lines = append(lines, l)
			}
			if got := strings.Join(lines, "|"); got != test.want {
				t.Errorf("answer\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	e, sockets := testEcho()
	c := caller
	c.Plain = true
	offer := offered("m=audio 4000 RTP/AVP 0")
	var calls []*Call
	for range Places {
		call, _, err := e.Answer(offer, c)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, call)
	}
	if _, _, err := e.Answer(offer, c); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	calls[0].Close()
	calls[0].Close() // gives back one place, not two
	if call, _, err := e.Answer(offer, c); err != nil {
		t.Errorf("after one ended: %v", err)
	} else {
		calls = append(calls, call)
	}
	if _, _, err := e.Answer(offer, c); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many again: %v", err)
	}
	for _, c := range calls {
		c.Close()
	}
	for _, s := range *sockets {
		if !s.closed {
			t.Errorf("socket %d is open", s.port)
		}
	}
}

// A later offer with the same keys leaves the echo's own key, index and rollover counter alone; a new key of the
// caller is taken, and m-lines cannot come or go.
func TestLaterOffer(t *testing.T) {
	e, _ := testEcho()
	one := offered("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AEAD_AES_128_GCM inline:"+gcmKey)
	call, first, err := e.Answer(one, caller)
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	s := call.streams[0]
	in, out, key := s.in, s.out, s.ours.raw
	again, err := call.Answer(one)
	if err != nil || s.in != in || s.out != out || s.ours.raw != key {
		t.Errorf("the same keys: %v, contexts kept: %v %v", err, s.in == in, s.out == out)
	}
	if a, b := version(first), version(again); a == b {
		t.Errorf("both answers have the version %s", a)
	}
	other := base64.StdEncoding.EncodeToString([]byte("fedcba9876543210" + "salt-of-12--"))
	if _, err := call.Answer(offered("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AEAD_AES_128_GCM inline:"+other)); err != nil || s.in == in || s.out != out {
		t.Errorf("another key: %v, contexts kept: %v %v", err, s.in == in, s.out == out)
	}
	if _, err := call.Answer(offered("m=audio 4000 RTP/SAVP 0", "m=video 4002 RTP/AVP 97")); !errors.Is(err, ErrRefused) {
		t.Errorf("an m-line more: %v", err)
	}
}

func version(sdp []byte) string {
	_, rest, _ := strings.Cut(string(sdp), "o=- ")
	return strings.Fields(rest)[1]
}

// Whatever comes, no number is given twice, and gaps stay gaps.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		x := index{highest: int64(random.IntN(1 << 14))}
		given := map[int64]bool{}
		seq, source := uint16(random.IntN(1<<16)), 0
		for range 2000 {
			switch n := random.IntN(100); {
			case n < 1:
				x.restart()
				seq, source = uint16(random.IntN(1<<16)), source+1
			case n < 80:
				seq++
			case n < 85:
				seq += uint16(random.IntN(200))
			case n < 95:
				seq -= uint16(random.IntN(100))
			}
			before := x.highest
			ours, fresh := x.next(seq)
			if !fresh {
				continue
			}
			at := before + int64(int16(ours-uint16(before)))
			if given[at] {
				t.Fatalf("%d was given twice", at)
			}
			given[at] = true
		}
	}
	x := index{highest: 100}
	var got []uint16
	for _, seq := range []uint16{65534, 65535, 2, 1, 1, 2, 65533} { // 0 is lost, 1 late and repeated, 65533 from before
		if ours, fresh := x.next(seq); fresh {
			got = append(got, ours)
		}
	}
	if want := []uint16{101, 102, 105, 104}; !equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func equal(a, b []uint16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Whoever asks for a new picture is asked for it; other RTCP gets an empty report, one a second at most.
func TestPictureRequest(t *testing.T) {
	e, _ := testEcho()
	c := caller
	c.Plain = true
	call, _, err := e.Answer(offered("m=video 4000 RTP/AVP 97", "a=rtpmap:97 H264/90000"), c)
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	s, from := call.streams[0], &net.UDPAddr{IP: net.IPv4(10, 0, 1, 1), Port: 4000}
	media := []byte{0x80, 97, 0, 1, 0, 0, 0, 0, 0, 0, 0, 77, 'x'}
	if back := s.packet(media, from); len(back) != 13 || back[12] != 'x' {
		t.Fatalf("media came back as %x", back)
	}
	pli, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 77}, &rtcp.PictureLossIndication{SenderSSRC: 77, MediaSSRC: s.ssrc}})
	if err != nil {
		t.Fatal(err)
	}
	packets, err := rtcp.Unmarshal(s.packet(pli, from))
	if err != nil || len(packets) != 3 {
		t.Fatalf("%v %v", packets, err)
	}
	if p, ok := packets[2].(*rtcp.PictureLossIndication); !ok || p.MediaSSRC != 77 || p.SenderSSRC != s.ssrc {
		t.Errorf("asked %v", packets[2])
	}
	report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 77}})
	if err != nil {
		t.Fatal(err)
	}
	if again := s.packet(report, from); again != nil {
		t.Errorf("a second report within a second: %x", again)
	}
	if other := s.packet(media, &net.UDPAddr{IP: net.IPv4(10, 0, 1, 2), Port: 4000}); other != nil {
		t.Errorf("media of somebody else came back as %x", other)
	}
}

// Nothing that a stranger sends stops the echo or comes back.
func TestRubbish(t *testing.T) {
	e, _ := testEcho()
	call, _, err := e.Answer(offered("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AEAD_AES_128_GCM inline:"+gcmKey), caller)
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	random := rand.New(rand.NewPCG(3, 4))
	from := &net.UDPAddr{IP: net.IPv4(10, 0, 1, 1), Port: 4000}
	for range 20_000 {
		b := make([]byte, random.IntN(100))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if len(b) > 1 {
			b[0] = 0x80 | b[0]&0x3f
		}
		if back := call.streams[0].packet(b, from); back != nil {
			t.Fatalf("%x came back as %x", b, back)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(offered("m=audio 4000 RTP/SAVP 0 8", "a=crypto:1 AEAD_AES_128_GCM inline:"+gcmKey))
	f.Add(offered("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 x", "m=video 2 RTP/AVP 97", "a=rtpmap:97 H264/90000"))
	f.Fuzz(func(t *testing.T, offer []byte) {
		e, _ := testEcho()
		c := caller
		c.Plain = true
		call, answer, err := e.Answer(offer, c)
		if err != nil {
			return
		}
		defer call.Close()
		if strings.Count(string(answer), "\r\nm=") != len(call.streams) {
			t.Errorf("%d m-lines were offered, answer %q", len(call.streams), answer)
		}
		for l := range strings.Lines(string(answer)) {
			if len(l) < 4 || l[1] != '=' || !strings.HasSuffix(l, "\r\n") || strings.ContainsAny(l[:len(l)-2], "\r\n") {
				t.Errorf("line %q", l)
			}
		}
	})
}
