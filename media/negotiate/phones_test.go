package negotiate

import (
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
		SessionID: 77, Width: 1280, Height: 720, FPS: 30, MaxKbps: 2000,
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
		offer: `v=0
o=- 3894013811 2046412210 IN IP4 192.168.1.20
s=-
c=IN IP4 192.168.1.20
t=0 0
a=tool:baresip 1.0.0
m=audio 34512 RTP/SAVP 96 9 0 8 101
b=AS:128
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=1;sprop-stereo=1
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:34513
a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:` + key30b + `
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:` + key30 + `
a=sendrecv
a=label:1
a=ssrc:1463371563 cname:sip:reception@example.org
a=ptime:20
m=video 46716 RTP/SAVP 96 97
b=AS:1000
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=0;profile-level-id=42801f
a=rtpmap:97 H264/90000
a=fmtp:97 packetization-mode=1;profile-level-id=42801f
a=rtcp:46717
a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:` + key30b + `
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:` + key30 + `
a=framerate:30.00
a=rtcp-fb:* nack pli
a=sendrecv
a=label:2
a=content:main
`,
		audio: "opus/48000 96/96 sendrecv 192.168.1.20:34512+34513 AES_CM_128_HMAC_SHA1_80",
		video: "H264/90000 97/97 sendrecv 192.168.1.20:46716+46717 AES_CM_128_HMAC_SHA1_80 mode 1 42801f pli 1000 kbit/s",
	},
	{
		name: "linphone: mux, a suite of 256 bits, video VP8 and H264 without mode", policy: SDES,
		offer: `v=0
o=lin 2113 1234 IN IP4 192.168.1.30
s=Talk
c=IN IP4 192.168.1.30
t=0 0
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
a=record:off
m=audio 7078 RTP/SAVPF 96 97 98 0 8 101 99 100
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=fmtp:97 vbr=on
a=rtpmap:98 speex/8000
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/16000
a=rtpmap:100 telephone-event/8000
a=rtcp:40321
a=rtcp-mux
a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:` + key30 + key28 + `
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:` + key30 + `|2^31
a=rtcp-fb:* trr-int 1000
a=rtcp-fb:* ccm tmmbr
m=video 9078 RTP/SAVPF 96 97
a=rtpmap:96 VP8/90000
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42801F
a=crypto:1 AEAD_AES_128_GCM inline:` + key28 + `
a=rtcp-fb:* trr-int 1000
a=rtcp-fb:96 nack pli
a=rtcp-fb:97 nack pli
a=rtcp-fb:97 ccm fir
`,
		audio: "opus/48000 96/96 events 101 sendrecv 192.168.1.30:7078 mux AES_CM_128_HMAC_SHA1_80",
		video: "H264/90000 97/97 sendrecv 192.168.1.30:9078+9079 AEAD_AES_128_GCM mode 0 42801f pli fir",
	},
	{
		name: "Yealink: F8, High before Baseline, spaces in fmtp", policy: SDES,
		offer: `v=0
o=- 20023 20023 IN IP4 192.168.0.22
s=SDP data
c=IN IP4 192.168.0.22
t=0 0
m=audio 12300 RTP/SAVP 0 8 18 9 101
a=crypto:1 F8_128_HMAC_SHA1_80 inline:` + key30 + `
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:` + key30b + `|2^48
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:9 G722/8000
a=fmtp:101 0-15
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv
m=video 12302 RTP/SAVP 97 98 99
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=64001F; packetization-mode=1; max-mbps=245000
a=rtpmap:98 H264/90000
a=fmtp:98 profile-level-id=42E01F; packetization-mode=1; level-asymmetry-allowed=1
a=rtpmap:99 H264/90000
a=fmtp:99 profile-level-id=42801F
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:` + key30 + `
b=TIAS:1536000
a=rtcp-fb:* ccm fir
a=sendrecv
`,
		audio: "G722/8000 9/9 events 101 sendrecv 192.168.0.22:12300+12301 AES_CM_128_HMAC_SHA1_80",
		video: "H264/90000 98/98 sendrecv 192.168.0.22:12302+12303 AES_CM_128_HMAC_SHA1_80 mode 1 42e01f fir 1536 kbit/s",
	},
	{
		name: "Snom: RTP/AVP with keys, the other spelling, a key with MKI first", policy: SDES,
		offer: `v=0
o=root 1433823519 1433823519 IN IP4 10.20.0.5
s=call
c=IN IP4 10.20.0.5
t=0 0
m=audio 58642 RTP/AVP 9 8 0 3 101
a=crypto:1 AES_128_CM_HMAC_SHA1_80 inline:` + key30 + `|2^20|1:4
a=crypto:2 AES_128_CM_HMAC_SHA1_80 inline:` + key30b + `
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:3 GSM/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
`,
		audio: "G722/8000 9/9 events 101 sendrecv 10.20.0.5:58642+58643 AES_CM_128_HMAC_SHA1_80",
	},
	{
		name: "Grandstream: no last newline, bare numbers, session-level direction", policy: None,
		offer: "v=0\r\no=201 8000 8000 IN IP4 192.168.2.7\r\ns=SIP Call\r\nc=IN IP4 192.168.2.7\r\nt=0 0\r\na=sendonly\r\n" +
			"m=audio 5004 RTP/AVP 8 0 18\r\na=ptime:20",
		audio: "PCMA/8000 8/8 recvonly 192.168.2.7:5004+5005",
	},
	{
		name: "Asterisk under None: crypto is used when it comes", policy: None,
		offer: `v=0
o=- 1215371870 1215371870 IN IP4 10.1.1.1
s=Asterisk
c=IN IP4 10.1.1.1
t=0 0
m=audio 10562 RTP/SAVP 0 8 9 101
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:` + key30 + `
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:9 G722/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:140
a=sendrecv
`,
		audio: "G722/8000 9/9 events 101 sendrecv 10.1.1.1:10562+10563 AES_CM_128_HMAC_SHA1_80",
	},
	{
		name: "FreeSWITCH: many suites, video with its own c=", policy: SDES,
		offer: `v=0
o=FreeSWITCH 1699999999 1700000000 IN IP4 203.0.113.9
s=FreeSWITCH
c=IN IP4 203.0.113.9
t=0 0
m=audio 26462 RTP/SAVP 102 9 0 8 103 101
a=rtpmap:102 opus/48000/2
a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20; minptime=10; maxptime=40
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:103 telephone-event/48000
a=fmtp:103 0-16
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=crypto:1 AEAD_AES_256_GCM_8 inline:` + key30 + key28 + `
a=crypto:2 AEAD_AES_128_GCM_8 inline:` + key28 + `
a=crypto:3 AES_CM_256_HMAC_SHA1_80 inline:` + key30 + key28 + `
a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:` + key30 + `
a=crypto:5 AES_CM_128_HMAC_SHA1_32 inline:` + key30b + `
a=rtcp:26463 IN IP4 203.0.113.9
a=ptime:20
m=video 27344 RTP/SAVP 104
c=IN IP4 203.0.113.10
b=AS:768
a=rtpmap:104 H264/90000
a=rtcp-fb:104 ccm fir
a=rtcp-fb:104 ccm tmmbr
a=rtcp-fb:104 nack
a=rtcp-fb:104 nack pli
a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:` + key30b + `
`,
		audio: "opus/48000 102/102 events 103 sendrecv 203.0.113.9:26462+26463 AES_CM_128_HMAC_SHA1_80",
		video: "H264/90000 104/104 sendrecv 203.0.113.10:27344+27345 AES_CM_128_HMAC_SHA1_80 mode 0 42000a pli fir 768 kbit/s",
	},
	{
		name: "an old machine: no s=, no t=, a space in o=, a= before c=, fax", policy: None,
		offer: `v=0
o=Front Desk 1 1 IN IP4 192.168.3.3
a=X-nat:0
c=IN IP4 192.168.3.3
b=RR:0
b=X-YZ:128
m=image 4000 udptl t38
a=T38FaxVersion:0
m=audio 4002 RTP/AVP 0
`,
		audio:   "PCMU/8000 0/0 sendrecv 192.168.3.3:4002+4003",
		refused: "image: not a kind of media that we have",
	},
	{
		name: "a browser", policy: SDES,
		offer: `v=0
o=- 8837 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=rtpmap:111 opus/48000/2
a=fingerprint:sha-256 00:11
`,
		err: "session description not acceptable: audio: transport UDP/TLS/RTP/SAVPF is not RTP/AVP, AVPF, SAVP or SAVPF",
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
