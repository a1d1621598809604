package negotiate

import (
	"embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// ours is a window at 10.0.0.1 whose keys are the same in every run.
func ours() Local {
	return Local{
		Address:  netip.MustParseAddr("10.0.0.1"),
		AudioRTP: 4000, AudioRTCP: 4001, VideoRTP: 4002, VideoRTCP: 4003,
		SessionID: 77, Width: 1280, Height: 720, FPS: 30, MaxKbps: 2000, NACK: true, RED: true, FEC: true,
		Rand: rand.NewChaCha8([32]byte{1}),
	}
}

// sentence tells a stream in one line: codec, payload types sent/received, events, direction, destination, RTCP, suite.
func sentence(s *Stream) string {
	if s == nil {
		return ""
	}
	text := fmt.Sprintf("%s/%d %d/%d", s.Codec, s.ClockRate, s.SendType, s.ReceiveType)
	if s.EventType != 0 {
		text += fmt.Sprintf(" events %d", s.EventType)
	}
	text += fmt.Sprintf(" %s %v", s.Direction, s.RTP)
	if s.Mux {
		text += " mux"
	} else {
		text += fmt.Sprintf("+%d", s.RTCP.Port())
	}
	if s.Send != nil {
		text += " " + string(s.Send.Suite)
	}
	if s.Codec == H264 {
		text += fmt.Sprintf(" mode %d %s", s.Mode, s.Profile)
	}
	if s.NACK {
		text += " nack"
	}
	if s.PLI {
		text += " pli"
	}
	if s.FIR {
		text += " fir"
	}
	if s.MaxKbps > 0 {
		text += fmt.Sprintf(" %d kbit/s", s.MaxKbps)
	}
	return text
}

// Keys of 30 and 28 bytes; the first two are those of RFC 4568 §9.2.
const (
	key30  = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
	key30b = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
	key28  = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHA=="
)

// Offers as phones wrote them, each in a folder named by the policy of its call. The echo's tests read them too.
//
//go:embed testdata/phones
var offers embed.FS

func phone(file string) string {
	b, err := offers.ReadFile("testdata/phones/" + file)
	if err != nil {
		panic(err)
	}
	return string(b)
}

var phones = []struct {
	name         string
	policy       Policy
	offer        string
	audio, video string
	err          string // of Answer, instead of streams
	refused      string // part of Description.Refused
}{
	{
		name: "baresip 1.0 with SRTP, payload type 96 twice", policy: SDES,
		offer: phone("sdes/baresip.sdp"),
		audio: "opus/48000 96/96 sendrecv 192.168.1.20:34512+34513 AES_CM_128_HMAC_SHA1_80",
		video: "H264/90000 97/97 sendrecv 192.168.1.20:46716+46717 AES_CM_128_HMAC_SHA1_80 mode 1 42801f pli 1000 kbit/s",
	},
	{
		name: "linphone: mux, a suite of 256 bits, video VP8 and H264 without mode", policy: SDES,
		offer: phone("sdes/linphone.sdp"),
		audio: "opus/48000 96/96 events 101 sendrecv 192.168.1.30:7078 mux AES_CM_128_HMAC_SHA1_80",
		video: "H264/90000 97/97 sendrecv 192.168.1.30:9078+9079 AEAD_AES_128_GCM mode 0 42801f pli fir",
	},
	{
		name: "Yealink: F8, High before Baseline, spaces in fmtp", policy: SDES,
		offer: phone("sdes/yealink.sdp"),
		audio: "G722/8000 9/9 events 101 sendrecv 192.168.0.22:12300+12301 AES_CM_128_HMAC_SHA1_80",
		video: "H264/90000 98/98 sendrecv 192.168.0.22:12302+12303 AES_CM_128_HMAC_SHA1_80 mode 1 42e01f fir 1536 kbit/s",
	},
	{
		name: "Snom: RTP/AVP with keys, the other spelling, a key with MKI first", policy: SDES,
		offer: phone("sdes/snom.sdp"),
		audio: "G722/8000 9/9 events 101 sendrecv 10.20.0.5:58642+58643 AES_CM_128_HMAC_SHA1_80",
	},
	{
		name: "Grandstream: no last newline, bare numbers, session-level direction", policy: None,
		offer: phone("none/grandstream.sdp"),
		audio: "PCMA/8000 8/8 recvonly 192.168.2.7:5004+5005",
	},
	{
		name: "Asterisk under None: crypto is used when it comes", policy: None,
		offer: phone("none/asterisk.sdp"),
		audio: "G722/8000 9/9 events 101 sendrecv 10.1.1.1:10562+10563 AES_CM_128_HMAC_SHA1_80",
	},
	{
		name: "FreeSWITCH: many suites, video with its own c=", policy: SDES,
		offer: phone("sdes/freeswitch.sdp"),
		audio: "opus/48000 102/102 events 103 sendrecv 203.0.113.9:26462+26463 AES_CM_128_HMAC_SHA1_80 30 kbit/s",
		video: "H264/90000 104/104 sendrecv 203.0.113.10:27344+27345 AES_CM_128_HMAC_SHA1_80 mode 0 42000a nack pli fir 768 kbit/s",
	},
	{
		name: "an old machine: no s=, no t=, a space in o=, a= before c=, fax", policy: None,
		offer:   phone("none/old-machine.sdp"),
		audio:   "PCMU/8000 0/0 sendrecv 192.168.3.3:4002+4003",
		refused: "image: not a kind of media that we have",
	},
	{
		name: "a GCM key without its =, which RFC 4568 §6.1 allows", policy: SDES,
		offer: phone("sdes/unpadded-key.sdp"),
		audio: "PCMU/8000 0/0 sendrecv 192.168.1.40:40000+40001 AEAD_AES_128_GCM",
	},
	{
		name: "INLINE in capitals", policy: SDES,
		offer: phone("sdes/inline-in-capitals.sdp"),
		audio: "PCMU/8000 0/0 sendrecv 192.168.1.40:40000+40001 AES_CM_128_HMAC_SHA1_80",
	},
	{
		name: "C's closing zero", policy: None,
		offer: phone("none/closing-zero.sdp"),
		audio: "PCMU/8000 0/0 sendrecv 192.168.1.40:40000+40001",
	},
	{
		name: "a picture in two layers, on two ports", policy: None,
		offer:   phone("none/two-video-ports.sdp"),
		audio:   "PCMU/8000 0/0 sendrecv 192.168.1.40:40000+40001",
		refused: "video: several ports (40002/2) for one stream",
	},
	{
		name: "held from the beginning by c=0.0.0.0", policy: None,
		offer: phone("none/held.sdp"),
		audio: "PCMU/8000 0/0 recvonly invalid AddrPort+0",
	},
	{
		name: "a browser, where there is no certificate", policy: SDES,
		offer: phone("sdes/browser.sdp"),
		err:   "session description not acceptable: audio: no acceptable key: keys by DTLS cannot be had here: turn on SRTP with SDES keys",
	},
}

func TestPhones(t *testing.T) {
	for _, test := range phones {
		t.Run(test.name, func(t *testing.T) {
			answer, d, err := Answer([]byte(test.offer), ours(), test.policy)
			if test.err != "" {
				if err == nil || err.Error() != test.err || !errors.Is(err, ErrNotAcceptable) {
					t.Fatalf("Answer: %v\nwant      %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := sentence(d.Audio); got != test.audio {
				t.Errorf("audio %s\nwant  %s", got, test.audio)
			}
			if got := sentence(d.Video); got != test.video {
				t.Errorf("video %s\nwant  %s", got, test.video)
			}
			if got := fmt.Sprint(errors.Join(d.Refused...)); test.refused != "" && !strings.Contains(got, test.refused) ||
				test.refused == "" && d.Refused != nil {
				t.Errorf("refused %q, want %q", got, test.refused)
			}
			checkAnswer(t, test.offer, answer)
		})
	}
}

// checkAnswer looks at an answer as the other side would: the same m-lines in the same order, transports echoed,
// one key for each accepted line.
func checkAnswer(t *testing.T, offer string, answer []byte) {
	t.Helper()
	theirs, err := read([]byte(offer))
	if err != nil {
		t.Fatal(err)
	}
	mine, err := read(answer)
	if err != nil {
		t.Fatalf("our answer cannot be read: %v\n%s", err, answer)
	}
	if len(mine.MediaDescriptions) != len(theirs.MediaDescriptions) {
		t.Fatalf("%d m-lines answer %d", len(mine.MediaDescriptions), len(theirs.MediaDescriptions))
	}
	for i, m := range mine.MediaDescriptions {
		o := theirs.MediaDescriptions[i]
		if m.MediaName.Media != o.MediaName.Media || strings.Join(m.MediaName.Protos, "/") != strings.Join(o.MediaName.Protos, "/") {
			t.Errorf("m=%v answers m=%v", m.MediaName, o.MediaName)
		}
		keys := 0
		for _, a := range m.Attributes {
			if a.Key == "crypto" {
				keys++
			}
		}
		if keys > 1 || keys > 0 && m.MediaName.Port.Value == 0 {
			t.Errorf("%d keys in %s", keys, m.MediaName.Media)
		}
		if _, muxed := m.Attribute("rtcp-mux"); muxed {
			if _, asked := o.Attribute("rtcp-mux"); !asked {
				t.Errorf("%s: rtcp-mux that was not offered", m.MediaName.Media)
			}
		}
	}
}
