package echo

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
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
)

// offered is an offer with some lines after v=, o=, s= and t=.
func offered(lines ...string) []byte {
	return []byte("v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n")
}

// Every offer that a window takes from a phone the echo takes too, with the same m-lines, formats and suites; what a
// window refuses it refuses for the same reason.
func TestTakesWhatAWindowTakes(t *testing.T) {
	const dir = "../../media/negotiate/testdata/phones"
	seen := 0
	for _, policy := range []negotiate.Policy{negotiate.SDES, negotiate.None} {
		files, err := filepath.Glob(filepath.Join(dir, string(policy), "*.sdp"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			seen++
			t.Run(string(policy)+"/"+filepath.Base(file), func(t *testing.T) {
				offer, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				session, err := negotiate.NewSession(negotiate.Local{
					Address: caller.Local, AudioRTP: 20000, AudioRTCP: 20001, VideoRTP: 20002, VideoRTCP: 20003,
					SessionID: 1, Width: 1280, Height: 720, FPS: 30, MaxKbps: 2000, NACK: true,
				}, policy)
				if err != nil {
					t.Fatal(err)
				}
				window, _, refused := session.Answer(offer)
				e, _ := testEcho()
				c := caller
				c.Plain = policy == negotiate.None
				call, answer, err := e.Answer(offer, c)
				if refused != nil {
					if err == nil || err.Error() != refused.Error() || !errors.Is(err, ErrRefused) || e.taken.Load() != 0 {
						t.Errorf("%v, %d places taken; a window says %v", err, e.taken.Load(), refused)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer call.Close()
				if got, want := mediaOf(answer), mediaOf(window); got != want {
					t.Errorf("the echo answers\n%s\na window\n%s", got, want)
				}
			})
		}
	}
	if seen < 14 {
		t.Errorf("%d offers in %s: this test proves little", seen, dir)
	}
}

// mediaOf is an answer from its first m-line on, without keys and without the promise to send packets again: the echo
// keeps none.
func mediaOf(sdp []byte) string {
	_, media, _ := strings.Cut(string(sdp), "t=0 0\r\n")
	return regexp.MustCompile(`inline:\S+|a=rtcp-fb:\d+ nack\r\n`).ReplaceAllString(media, "")
}

// An error never shows a key, and the address is the one by which the caller knows us.
func TestAnswer(t *testing.T) {
	e, _ := testEcho()
	for offer, want := range map[string]string{
		"m=audio 4000 RTP/AVP 0": "turn on SRTP",
		"m=audio 4000 RTP/SAVP 0\r\na=crypto:1 AEAD_AES_128_GCM inline:" + gcmKey + "|2^31|1:4": "MKI 1:4 is not supported",
	} {
		if _, _, err := e.Answer(offered(offer), caller); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), gcmKey) {
			t.Errorf("%s: %v, want %s", offer, err, want)
		}
	}
	c := caller
	c.Plain, c.Public = true, netip.MustParseAddr("203.0.113.5")
	call, answer, err := e.Answer(offered("m=audio 4000 RTP/AVP 0"), c)
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	if !strings.Contains(string(answer), "\r\nc=IN IP4 203.0.113.5\r\n") {
		t.Errorf("answer %s", answer)
	}
}

func TestPlaces(t *testing.T) {
	e, sockets := testEcho()
	c := caller
	c.Plain = true
	offer := offered("m=audio 4000 RTP/AVP 0")
	var calls []*Session
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

// A later offer with the same keys leaves the echo's own key, index and rollover counter alone, and gets the same
// answer, byte by byte: RFC 3264 §8 lets the version grow only with what is said. A new key of the caller is taken, and
// so is a picture that comes later.
func TestLaterOffer(t *testing.T) {
	e, _ := testEcho()
	sound := []string{"m=audio 4000 RTP/SAVP 0", "a=crypto:1 AEAD_AES_128_GCM inline:" + gcmKey}
	call, first, err := e.Answer(offered(sound...), caller)
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	s := call.audio
	in, out := s.in, s.out
	again, err := call.Answer(offered(sound...))
	if err != nil || s.in != in || s.out != out || !bytes.Equal(first, again) {
		t.Errorf("the same offer: %v, contexts kept: %v %v, answer\n%s", err, s.in == in, s.out == out, again)
	}
	other := base64.StdEncoding.EncodeToString([]byte("fedcba9876543210" + "salt-of-12--"))
	if _, err := call.Answer(offered(sound[0], "a=crypto:1 AEAD_AES_128_GCM inline:"+other)); err != nil || s.in == in || s.out != out {
		t.Errorf("another key: %v, contexts kept: %v %v", err, s.in == in, s.out == out)
	}
	picture := []string{"m=video 4002 RTP/SAVP 97", "a=rtpmap:97 H264/90000", "a=crypto:1 AEAD_AES_128_GCM inline:" + gcmKey}
	answer, err := call.Answer(offered(append(sound, picture...)...))
	if err != nil || !call.video.agreed || !strings.Contains(string(answer), "\r\nm=video 20002 ") {
		t.Errorf("a picture that comes later: %v\n%s", err, answer)
	}
	answer, err = call.Answer(offered(append(sound, "m=video 0 RTP/SAVP 97")...))
	if err != nil || call.video.agreed || !call.audio.agreed || !strings.Contains(string(answer), "\r\nm=video 0 ") {
		t.Errorf("a picture that is switched off: %v\n%s", err, answer)
	}
	if _, err := call.Answer(offered("m=audio 4000 RTP/SAVP 0")); !errors.Is(err, ErrRefused) || !call.audio.agreed || call.audio.in == nil {
		t.Errorf("an offer without a key: %v", err)
	}
}

// A caller may want to hear our offer (RFC 3264 §5); what it answers is what holds, with its own payload types.
func TestOffer(t *testing.T) {
	e, _ := testEcho()
	c := caller
	c.Plain = true
	call, offer, err := e.Offer(c)
	if err != nil || !strings.Contains(string(offer), "m=audio 20000 RTP/AVP 96 9 0 8 100 101\r\n") {
		t.Fatalf("%v\n%s", err, offer)
	}
	defer call.Close()
	from := &net.UDPAddr{IP: net.IPv4(10, 0, 1, 1), Port: 4000}
	sound := []byte{0x80, 0x80 | 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 77, 'x'}
	if back := call.audio.packet(sound, from); back != nil {
		t.Errorf("before anything was agreed %x came back", back)
	}
	if _, err := call.Answer(offered("m=audio 4000 RTP/AVP 0")); !errors.Is(err, ErrPending) {
		t.Errorf("an offer while ours is open: %v", err)
	}
	if err := call.Accept(offered("m=audio 0 RTP/AVP 0")); !errors.Is(err, ErrRefused) {
		t.Errorf("a refusal: %v", err)
	}
	if _, err := call.Offer(); err != nil {
		t.Fatal(err)
	}
	if err := call.Accept(offered("m=audio 4000 RTP/AVP 111", "a=rtpmap:111 opus/48000/2", "m=video 0 RTP/AVP 97")); err != nil {
		t.Fatal(err)
	}
	if back := call.audio.packet(sound, from); len(back) != 13 || back[1] != 0x80|111 || back[12] != 'x' {
		t.Errorf("%x came back", back)
	}
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
	s, from := call.video, &net.UDPAddr{IP: net.IPv4(10, 0, 1, 1), Port: 4000}
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
		if back := call.audio.packet(b, from); back != nil {
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
		if !call.audio.agreed && !call.video.agreed {
			t.Errorf("nothing was agreed on in %q", answer)
		}
		for l := range strings.Lines(string(answer)) {
			if len(l) < 4 || l[1] != '=' || !strings.HasSuffix(l, "\r\n") || strings.ContainsAny(l[:len(l)-2], "\r\n") {
				t.Errorf("line %q", l)
			}
		}
	})
}
