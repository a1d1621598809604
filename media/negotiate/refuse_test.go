package negotiate

import (
	"errors"
	"strings"
	"testing"
)

const refusedText = "session description not acceptable: "

// An offer whose audio has one thing wrong. Policy None, unless keys are the matter.
func TestAnswerRefuses(t *testing.T) {
	const head = "v=0\r\nc=IN IP4 10.0.0.9\r\n"
	const gcm, cm = "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"
	crypto := func(lines ...string) string {
		return head + "m=audio 5000 RTP/SAVP 0\r\na=crypto:" + strings.Join(lines, "\r\na=crypto:") + "\r\n"
	}
	for _, test := range []struct {
		name   string
		policy Policy
		offer  string
		want   string
	}{
		{"no crypto", SDES, head + "m=audio 5000 RTP/SAVP 0", "audio: no acceptable key: no a=crypto line, and plain RTP is not allowed: turn on SRTP with SDES keys"},
		{"plain", SDES, head + "m=audio 5000 RTP/AVP 0", "audio: no acceptable key: no a=crypto line, and plain RTP is not allowed: turn on SRTP with SDES keys"},
		{"SAVP without keys", None, head + "m=audio 5000 RTP/SAVP 0", "audio: no acceptable key: no a=crypto line, and plain RTP is not allowed: turn on SRTP with SDES keys"},
		{"short key", SDES, crypto("1 " + gcm + " inline:AQIDBAUGBwgJCgsMDQ4PEBESExQ="),
			"audio: no acceptable key: a=crypto tag 1: key is 20 bytes, AEAD_AES_128_GCM needs 28"},
		{"long key", SDES, crypto("7 " + cm + " inline:" + key30 + "AAAA"),
			"audio: no acceptable key: a=crypto tag 7: key is 33 bytes, AES_CM_128_HMAC_SHA1_80 needs 30"},
		{"no base64", SDES, crypto("1 " + cm + " inline:!!!"), "audio: no acceptable key: a=crypto tag 1: key is not base64"},
		{"unknown suite", SDES, crypto("1 F8_128_HMAC_SHA1_80 inline:" + key30),
			"audio: no acceptable key: a=crypto tag 1: suite F8_128_HMAC_SHA1_80 is not one of ours"},
		{"MKI", SDES, crypto("1 " + cm + " inline:" + key30 + "|2^20|1:4"), "audio: no acceptable key: a=crypto tag 1: MKI 1:4 is not supported"},
		{"two keys", SDES, crypto("1 " + cm + " inline:" + key30 + "|2^20|1:4;inline:" + key30b + "|2^20|2:4"),
			"audio: no acceptable key: a=crypto tag 1: several keys, which need an MKI"},
		{"lifetime", SDES, crypto("1 " + cm + " inline:" + key30 + "|2^49"),
			`audio: no acceptable key: a=crypto tag 1: lifetime "2^49" is not 2^0 to 2^48 or a number of packets`},
		{"lifetime in packets", SDES, crypto("1 " + cm + " inline:" + key30 + "|281474976710657"),
			`audio: no acceptable key: a=crypto tag 1: lifetime "281474976710657" is not 2^0 to 2^48 or a number of packets`},
		{"two lifetimes", SDES, crypto("1 " + cm + " inline:" + key30 + "|2^20|2^21"), "audio: no acceptable key: a=crypto tag 1: two lifetimes"},
		{"session parameters", SDES, crypto("1 "+cm+" inline:"+key30+" UNENCRYPTED_SRTP", "2 "+cm+" inline:"+key30+" KDR=1", "3 "+cm+" inline:"+key30+" UNAUTHENTICATED_SRTP"),
			"audio: no acceptable key: a=crypto tag 1: session parameter UNENCRYPTED_SRTP is not one of ours; " +
				"a=crypto tag 2: session parameter KDR=1 is not one of ours; a=crypto tag 3: session parameter UNAUTHENTICATED_SRTP is not one of ours"},
		{"key method", SDES, crypto("1 " + cm + " uri:" + key30), "audio: no acceptable key: a=crypto tag 1: key method is not inline"},
		{"no key", SDES, crypto("1 " + cm), "audio: no acceptable key: a=crypto:1 " + cm + ": wants tag, suite and key"},
		{"tag", SDES, crypto("one " + cm + " inline:" + key30), `audio: no acceptable key: a=crypto: tag "one" is not a number of at most 9 digits`},

		{"no codec", None, head + "m=audio 5000 RTP/AVP 18 97\r\na=rtpmap:97 iLBC/8000",
			"audio: no common codec (theirs: 18, iLBC/8000): payload type 18: no a=rtpmap"},
		{"events alone", None, head + "m=audio 5000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000",
			"audio: no common codec (theirs: telephone-event/8000)"},
		{"stereo", None, head + "m=audio 5000 RTP/AVP 97\r\na=rtpmap:97 PCMU/8000/2",
			"audio: no common codec (theirs: PCMU/8000/2): payload type 97: PCMU/8000/2 is not one of ours"},
		{"payload type", None, head + "m=audio 5000 RTP/AVP 128", `audio: no common codec (theirs: 128): payload type "128" is not a number from 0 to 127`},
		{"packetization-mode", None, head + "m=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=2",
			"video: no common codec (theirs: H264/90000): payload type 97: packetization-mode 2 is not 0 or 1"},
		{"profile-level-id", None, head + "m=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e0",
			`video: no common codec (theirs: H264/90000): payload type 97: profile-level-id "42e0" is not six hexadecimal digits`},
		{"profile", None, head + "m=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=53001f",
			"video: no common codec (theirs: H264/90000): payload type 97: profile 53001f does not include Constrained Baseline"},
		{"picture in the sound", None, head + "m=audio 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000", "audio: no common codec (theirs: H264/90000)"},

		{"no c=", None, "v=0\r\nm=audio 5000 RTP/AVP 0", "audio: no c= line"},
		{"host name", None, "v=0\r\nc=IN IP4 pbx.example.org\r\nm=audio 5000 RTP/AVP 0",
			`audio: c=: address "pbx.example.org" is not an IP address (names are not looked up)`},
		{"multicast", None, "v=0\r\nc=IN IP4 224.2.36.42/127\r\nm=audio 5000 RTP/AVP 0", "audio: c=: address 224.2.36.42 is multicast"},
		{"multicast in IPv6", None, "v=0\r\nc=IN IP6 ff15::101/3\r\nm=audio 5000 RTP/AVP 0", "audio: c=: address ff15::101 is multicast"},
		{"multicast in disguise", None, "v=0\r\nc=IN IP6 ::ffff:224.2.36.42\r\nm=audio 5000 RTP/AVP 0", "audio: c=: address 224.2.36.42 is multicast"},
		{"broadcast", None, "v=0\r\nc=IN IP4 255.255.255.255\r\nm=audio 5000 RTP/AVP 0", "audio: c=: address 255.255.255.255 is broadcast"},
		{"zone", None, "v=0\r\nc=IN IP6 fe80::1%eth0\r\nm=audio 5000 RTP/AVP 0", "audio: c=: address fe80::1%eth0 has a zone, which means nothing here"},
		{"family", None, "v=0\r\nc=IN IP6 2001:db8::9\r\nm=audio 5000 RTP/AVP 0", "audio: c=: address 2001:db8::9 cannot be reached from 10.0.0.1"},
		{"last port", None, head + "m=audio 65535 RTP/AVP 0", "audio: port 65535 leaves none for RTCP, and there is no a=rtcp"},
		{"a=rtcp", None, head + "m=audio 5000 RTP/AVP 0\r\na=rtcp:0", `audio: a=rtcp: port "0" is not a number from 1 to 65535`},
		{"a=rtcp elsewhere", None, head + "m=audio 5000 RTP/AVP 0\r\na=rtcp:5001 IN IP4 victim.example.org",
			`audio: a=rtcp: address "victim.example.org" is not an IP address (names are not looked up)`},
		{"a=rtcp in IPv6", None, head + "m=audio 5000 RTP/AVP 0\r\na=rtcp:5001 IN IP6 2001:db8::1",
			"audio: a=rtcp: address 2001:db8::1 is of another family than 10.0.0.9"},
		{"a=rtcp too short", None, head + "m=audio 5000 RTP/AVP 0\r\na=rtcp:5001 IN", "audio: a=rtcp:5001 IN: wants a port, or a port and an address"},

		{"nothing", None, "", "offer: description is empty"},
		{"no m-line", None, "v=0\r\nc=IN IP4 10.0.0.9\r\n", "no audio and no video"},
		{"all switched off", None, head + "m=audio 0 RTP/AVP 0\r\n", "no audio and no video"},
		{"garbage", None, "hello", `offer: line 1: "hello" is not of the form x=value`},
		{"another version", None, "v=1\r\n", `offer: line 1: "v=1" where v=0 must stand`},
		{"garbage later", None, "v=0\r\n<html>", `offer: line 2: "<html>" is not of the form x=value`},
		{"binary", None, "v=0\r\na=\x01", "offer: line 2: control character 0x01"},
		{"a stray return", None, "v=0\r\na=x\ry", "offer: line 2: control character 0x0d"},
		{"port", None, head + "m=audio 65536 RTP/AVP 0", `audio: port "65536" is not a number from 0 to 65535`},
		{"negative port", None, head + "m=audio -1 RTP/AVP 0", `audio: port "-1" is not a number from 0 to 65535`},
		{"ports", None, head + "m=audio 5000/2 RTP/AVP 0", "audio: several ports (5000/2) for one stream"},
		{"no ports", None, head + "m=audio 5000/0 RTP/AVP 0", `audio: "0" is no number of ports`},
		{"short m=", None, head + "m=audio 5000", "audio: m=audio 5000: wants media, port, protocol and formats"},
		{"no formats", None, head + "m=audio 5000 RTP/AVP", "audio: no payload types"},
		{"short c=", None, "v=0\r\nc=IN IP4\r\nm=audio 5000 RTP/AVP 0", "audio: c=IN IP4: wants IN IP4 or IP6 and an address"},

		{"too long", None, "v=0\r\n" + strings.Repeat("a=x\r\n", maxSize/5), "offer: description is 65540 bytes, at most 65536 are read"},
		{"too many m-lines", None, head + strings.Repeat("m=audio 5000 RTP/AVP 0\r\n", 17), "offer: line 19: more than 16 m-lines"},
		{"too many formats", None, head + "m=audio 5000 RTP/AVP" + strings.Repeat(" 0", 65), "audio: more than 64 payload types"},
		{"too many keys", None, head + "m=audio 5000 RTP/SAVP 0\r\n" + strings.Repeat("a=crypto:1 X inline:Y\r\n", 17),
			"audio: more than 16 a=crypto lines"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := Answer([]byte(test.offer), ours(), test.policy)
			if !errors.Is(err, ErrNotAcceptable) || err.Error() != refusedText+test.want {
				t.Errorf("%v\nwant %s", err, refusedText+test.want)
			}
		})
	}
}

// What is unusual and still taken.
func TestAnswerTakes(t *testing.T) {
	for _, test := range []struct {
		name, audio string // m-line and what follows it
		want        string
	}{
		{"a window hint", "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " WSH=128", "AES_CM_128_HMAC_SHA1_80"},
		{"a parameter that may be ignored", "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + " -X", "AES_CM_128_HMAC_SHA1_80"},
		{"a lifetime in packets", "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "|1048576", "AES_CM_128_HMAC_SHA1_80"},
		{"no padding, small letters", "m=audio 5000 rtp/savpf 0\r\na=crypto:1 aead_aes_128_gcm INLINE:" + strings.TrimRight(key28, "="), "AEAD_AES_128_GCM"},
		{"the second line", "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 X inline:Y\r\na=crypto:9 AEAD_AES_128_GCM inline:" + key28, "AEAD_AES_128_GCM"},
		{"their first of two", "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30 + "\r\na=crypto:2 AEAD_AES_128_GCM inline:" + key28, "AES_CM_128_HMAC_SHA1_80"},
		{"a closing zero", "m=audio 5000 RTP/SAVP 0\r\na=crypto:1 AEAD_AES_128_GCM inline:" + key28 + "\r\n\x00", "AEAD_AES_128_GCM"},
		{"sixteen keys in each of two m-lines", strings.Repeat("m=audio 5000 RTP/SAVP 0"+strings.Repeat("\r\na=crypto:1 X inline:Y", 15)+
			"\r\na=crypto:2 AEAD_AES_128_GCM inline:"+key28+"\r\n", 2), "AEAD_AES_128_GCM"},
		{"the second m-line", "m=audio 5000 RTP/SAVP 18\r\nm=audio 5002 RTP/SAVP 0\r\na=crypto:1 AEAD_AES_128_GCM inline:" + key28, "AEAD_AES_128_GCM"},
	} {
		_, d, err := Answer([]byte("v=0\r\nc=IN IP4 10.0.0.9\r\n"+test.audio), ours(), SDES)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if string(d.Audio.Receive.Suite) != test.want {
			t.Errorf("%s: %s, want %s", test.name, d.Audio.Receive.Suite, test.want)
		}
	}
}

// The answer names the tag and the suite as the offer wrote them.
func TestAnswerEchoes(t *testing.T) {
	offer := "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 RTP/AVPF 0\r\na=crypto:42 AES_128_CM_HMAC_SHA1_80 inline:" + key30
	answer, _, err := Answer([]byte(offer), ours(), SDES)
	if err != nil || !strings.Contains(string(answer), "a=crypto:42 AES_128_CM_HMAC_SHA1_80 inline:") ||
		!strings.Contains(string(answer), "m=audio 4000 RTP/AVPF 0\r\n") || strings.Contains(string(answer), key30) {
		t.Errorf("%v\n%s", err, answer)
	}
}

func TestSoundWithoutPicture(t *testing.T) {
	offer := "v=0\r\nc=IN IP4 10.0.0.9\r\nm=video 5002 RTP/AVP 98 99\r\na=rtpmap:98 VP8/90000\r\na=rtpmap:99 H265/90000\r\n" +
		"m=application 5004 UDP/BFCP *\r\nm=audio 5000 RTP/AVP 0\r\nm=audio 5006 RTP/AVP 8\r\n"
	answer, d, err := Answer([]byte(offer), ours(), None)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"m=video 0 RTP/AVP 98 99\r\nm=application 0 UDP/BFCP *\r\nm=audio 4000 RTP/AVP 0\r\n", "m=audio 0 RTP/AVP 8\r\n"} {
		if !strings.Contains(string(answer), want) {
			t.Errorf("no %q in\n%s", want, answer)
		}
	}
	want := "video: no common codec (theirs: VP8/90000, H265/90000): payload type 98: VP8/90000 is not one of ours\n" +
		"application: not a kind of media that we have\naudio: one such stream is enough"
	if got := errors.Join(d.Refused...).Error(); got != want || d.Video != nil {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// One thing wrong with a picture, or with the sound, costs that and not the call: in an offer and in an answer. The order
// of the m-lines stays.
func TestOneUnusableLine(t *testing.T) {
	const h264 = "a=rtpmap:97 H264/90000\r\n"
	lines := map[string]string{
		"no such port":       "m=video 70000 RTP/AVP 97\r\n" + h264,
		"negative":           "m=video -5 RTP/AVP 97\r\n" + h264,
		"junk":               "m=video port RTP/AVP 97\r\n" + h264,
		"several ports":      "m=video 5002/2 RTP/AVP 97\r\n" + h264,
		"no number of ports": "m=video 5002/x RTP/AVP 97\r\n" + h264,
		"the last port":      "m=video 65535 RTP/AVP 97\r\n" + h264,
		"cut off":            "m=video\r\n",
		"no formats":         "m=video 5002 RTP/AVP\r\n",
		"too many formats":   "m=video 5002 RTP/AVP" + strings.Repeat(" 97", 65) + "\r\n" + h264,
		"too many keys":      "m=video 5002 RTP/AVP 97\r\n" + h264 + strings.Repeat("a=crypto:1 X inline:Y\r\n", 17),
		"IPv6":               "m=video 5002 RTP/AVP 97\r\nc=IN IP6 2001:db8::9\r\n" + h264,
		"no IPv6":            "m=video 5002 RTP/AVP 97\r\nc=IN IP6 2001:::9\r\n" + h264,
		"half a c=":          "m=video 5002 RTP/AVP 97\r\nc=IN IP6\r\n" + h264,
		"an empty c=":        "m=video 5002 RTP/AVP 97\r\nc=\r\n" + h264,
		"ATM":                "m=video 5002 RTP/AVP 97\r\nc=ATM NSAP 47.0091\r\n" + h264,
		"a=rtcp":             "m=video 5002 RTP/AVP 97\r\na=rtcp:99999\r\n" + h264,
	}
	const audio = "m=audio 5000 RTP/AVP 0\r\n"
	for name, bad := range lines {
		for _, order := range []string{bad + audio, audio + bad} {
			body := []byte("v=0\r\nc=IN IP4 10.0.0.9\r\n" + order)
			answer, d, err := Answer(body, ours(), None)
			if err != nil || d.Audio == nil || d.Video != nil || len(d.Refused) != 1 {
				t.Errorf("%s: %v, refused %v", name, err, d.Refused)
				continue
			}
			first, second := strings.Index(string(answer), "m=audio 4000 RTP/AVP 0\r\n"), strings.Index(string(answer), "m=video 0 RTP/AVP ")
			if first < 0 || second < 0 || (first < second) != strings.HasPrefix(order, audio) {
				t.Errorf("%s: the answer is\n%s", name, answer)
			}
			var text string
			for _, fault := range d.Refused {
				text += fault.Error()
			}
			if !strings.HasPrefix(text, "video: ") {
				t.Errorf("%s: %s", name, text)
			}
		}
		o, err := NewOffer(ours(), None)
		if err != nil {
			t.Fatal(err)
		}
		d, err := o.Accept([]byte("v=0\r\nc=IN IP4 10.0.0.9\r\n" + audio + bad))
		if err != nil || d.Audio == nil || d.Video != nil || len(d.Refused) != 1 {
			t.Errorf("%s, in an answer: %v, refused %v", name, err, d.Refused)
		}
	}
	// A session's c= that cannot be read costs the lines without one of their own.
	_, d, err := Answer([]byte("v=0\r\nc=IN IP6\r\n"+audio+"m=video 5002 RTP/AVP 97\r\nc=IN IP4 10.0.0.9\r\n"+h264), ours(), None)
	if err != nil || d.Audio != nil || d.Video == nil {
		t.Errorf("%v: %+v", err, d)
	}
}

// Answers that a phone gives to our offer of keys (tags 1 and 2) with one thing wrong.
func TestAcceptRefuses(t *testing.T) {
	l := ours()
	l.VideoRTP, l.VideoRTCP = 0, 0
	const head = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 RTP/SAVP 0\r\n"
	for _, test := range []struct {
		name   string
		policy Policy
		answer string
		want   string
	}{
		{"refused", SDES, "v=0\r\nm=audio 0 RTP/SAVP 0", "audio: refused by the other side"},
		{"empty", SDES, "v=0\r\n", "audio: not answered"},
		{"garbage", SDES, "x", `answer: line 1: "x" is not of the form x=value`},
		{"more than was offered", SDES, head + "m=audio 1 RTP/SAVP 0\r\n", "2 m-lines answer 1"},
		{"several ports", SDES, "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000/2 RTP/SAVP 0", "audio: several ports (5000/2) for one stream"},
		{"another media", SDES, "v=0\r\nm=video 5000 RTP/SAVP 0", "audio: answered by m=video"},
		{"transport", SDES, "v=0\r\nm=audio 5000 TCP/RTP/AVP 0", "audio: transport TCP/RTP/AVP is not RTP/AVP, AVPF, SAVP or SAVPF, nor the latter over UDP/TLS"},
		{"another codec", SDES, "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 5000 RTP/SAVP 18", "audio: no common codec (theirs: 18): payload type 18: no a=rtpmap"},
		{"address", SDES, "v=0\r\nc=IN IP4 239.1.1.1\r\nm=audio 5000 RTP/SAVP 0", "audio: c=: address 239.1.1.1 is multicast"},
		{"no key", SDES, head, "audio: no acceptable key: no a=crypto line, and plain RTP is not allowed: turn on SRTP with SDES keys"},
		{"a tag that was not offered", SDES, head + "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + key30,
			"audio: no acceptable key: a=crypto tag 3: AES_CM_128_HMAC_SHA1_80 was not offered with this tag"},
		{"the tag of another suite", SDES, head + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key30,
			"audio: no acceptable key: a=crypto tag 1: AES_CM_128_HMAC_SHA1_80 was not offered with this tag"},
		{"two keys", SDES, head + "a=crypto:1 AEAD_AES_128_GCM inline:" + key28 + "\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + key30,
			"audio: no acceptable key: several a=crypto lines in an answer"},
		{"our own key", SDES, head + "a=crypto:1 AEAD_AES_128_GCM inline:OWN", "audio: no acceptable key: a=crypto tag 1: the key is ours"},
		{"a key that nobody asked for", None, head + "a=crypto:1 AEAD_AES_128_GCM inline:" + key28,
			"audio: no acceptable key: a=crypto in the answer, none in the offer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, err := NewOffer(l, test.policy)
			if err != nil {
				t.Fatal(err)
			}
			if _, own, found := strings.Cut(string(o.SDP()), "GCM inline:"); found {
				own, _, _ = strings.Cut(own, "\r\n")
				test.answer = strings.ReplaceAll(test.answer, "OWN", own)
			}
			_, err = o.Accept([]byte(test.answer))
			if !errors.Is(err, ErrNotAcceptable) || err.Error() != refusedText+test.want {
				t.Errorf("%v\nwant %s", err, refusedText+test.want)
			}
		})
	}
}

// Answers that bend the rules in ways that phones do.
func TestAcceptTakes(t *testing.T) {
	for _, test := range []struct{ name, answer, audio, video string }{
		{"other payload types, own profile, other mode",
			"m=audio 5000 RTP/AVP 111 110\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\na=crypto:1 AEAD_AES_128_GCM inline:" + key28 +
				"\r\nm=video 5002 RTP/SAVP 120\r\na=rtpmap:120 H264/90000\r\na=fmtp:120 profile-level-id=42801e\r\na=rtcp-fb:* nack pli\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + key30,
			"opus/48000 111/96 events 110 sendrecv 10.0.0.9:5000+5001 AEAD_AES_128_GCM",
			"H264/90000 120/98 sendrecv 10.0.0.9:5002+5003 AES_CM_128_HMAC_SHA1_80 mode 0 42801e pli"},
		{"our number for mode 1, no fmtp",
			"m=audio 5000 RTP/SAVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp-mux\r\na=recvonly\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + key30 +
				"\r\nm=video 5002 RTP/SAVP 97\r\na=rtpmap:97 H264/90000\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" + key30,
			"PCMA/8000 8/8 events 101 sendonly 10.0.0.9:5000 mux AES_CM_128_HMAC_SHA1_80",
			"H264/90000 97/97 sendrecv 10.0.0.9:5002+5003 AES_CM_128_HMAC_SHA1_80 mode 0 42000a"},
		{"a higher level without leave to differ",
			"m=audio 0 RTP/SAVP 0\r\nm=video 5002 RTP/SAVP 97\r\nb=AS:99999999999999\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1;profile-level-id=42e034\r\na=crypto:1 AEAD_AES_128_GCM inline:" + key28,
			"", "H264/90000 97/97 sendrecv 10.0.0.9:5002+5003 AEAD_AES_128_GCM mode 1 42e01f 1073741824 kbit/s"},
		{"only the first m-line",
			"m=audio 5000 RTP/SAVP 0\r\na=rtcp:7000 IN IP4 10.0.0.8\r\na=crypto:1 AEAD_AES_128_GCM inline:" + key28,
			"PCMU/8000 0/0 sendrecv 10.0.0.9:5000+7000 AEAD_AES_128_GCM", ""},
	} {
		o, err := NewOffer(ours(), SDES)
		if err != nil {
			t.Fatal(err)
		}
		d, err := o.Accept([]byte("v=0\r\nc=IN IP4 10.0.0.9\r\n" + test.answer))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if a, v := sentence(d.Audio), sentence(d.Video); a != test.audio || v != test.video {
			t.Errorf("%s:\n%s\n%s\nwant\n%s\n%s", test.name, a, v, test.audio, test.video)
		}
	}
}
