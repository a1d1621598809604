package keys

import (
	"strings"
	"testing"
)

const head = "INVITE sip:a@b SIP/2.0\r\nSupported: timer\r\nk: timer\r\nContact: <sip:a@b;x=a=crypto:>\r\nContent-Type: application/sdp\r\n\r\n"

func TestCarried(t *testing.T) {
	sdp := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n"
	quoted := strings.Replace(head, "Supported", "To: \"a\\\x00b\" <sip:a@b>\r\nSupported", 1)
	for name, test := range map[string]struct {
		message string
		want    bool
	}{
		"nothing":                     {"", false},
		"a keepalive":                 {"\r\n\r\n", false},
		"head alone":                  {head, false},
		"no keys":                     {head + sdp + "a=rtcp-mux\r\n", false},
		"no keys, C's closing zero":   {head + sdp + "\x00", false},
		"crypto, a closing zero":      {head + sdp + "a=crypto:1 x inline:x\r\n\x00", true},
		"a quoted zero in a name":     {quoted + sdp, false},
		"the same, and keys":          {quoted + sdp + "a=crypto:1 x inline:x\r\n", true},
		"a zero in a name":            {strings.Replace(quoted, "\\", "", 1) + sdp, true},
		"a quoted zero in the body":   {quoted + sdp + "s=\\\x00\r\n", true},
		"a quoted zero, no head":      {sdp + "s=\\\x00\r\n", true},
		"a zero within":               {head + sdp + "\x00\r\n", true},
		"a fingerprint":               {head + sdp + "a=fingerprint:sha-256 AA:BB\r\n", true},
		"of the whole session":        {head + "v=0\r\nA = Fingerprint :sha-256 AA:BB\r\nm=audio 4000 UDP/TLS/RTP/SAVP 0\r\n", true},
		"crypto":                      {head + sdp + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n", true},
		"crypto, last newline lost":   {head + sdp + "a=crypto:1 x inline:x", true},
		"crypto in capitals":          {head + sdp + "A=Crypto:1 x inline:x\r\n", true},
		"crypto behind spaces":        {head + sdp + " \ta=crypto:1 x inline:x\r\n", true},
		"crypto among spaces":         {head + sdp + "a = \t crypto :1 x inline:x\r\n", true},
		"crypto far away":             {head + sdp + "a=" + strings.Repeat(" ", 5000) + "crypto:1 x inline:x\r\n", true},
		"crypto, LF alone":            {head + strings.ReplaceAll(sdp, "\r\n", "\n") + "a=crypto:1 x inline:x\n", true},
		"crypto, CR alone":            {head + strings.ReplaceAll(sdp, "\r\n", "\r") + "a=crypto:1 x inline:x\r", true},
		"the body alone":              {sdp + "a=crypto:1 x inline:x\r\n", true},
		"ways of ICE that come later": {"INFO sip:a@b SIP/2.0\r\nContent-Type: Application/Trickle-ICE-sdpfrag\r\n\r\na=ice-pwd:x\r\n", true},
		"the same, compact":           {"INFO sip:a@b SIP/2.0\r\nC : application/trickle-ice-sdpfrag;x=y\r\n\r\n", true},
		"the same, in a multipart":    {head + "--b\r\ncontent-type: application/trickle-ice-sdpfrag\r\n\r\na=ice-pwd:x\r\n--b--\r\n", true},
		"whoever takes them":          {"OPTIONS sip:a@b SIP/2.0\r\nAccept: application/trickle-ice-sdpfrag\r\nRecv-Info: trickle-ice\r\n\r\n", false},
		"key management":              {head + sdp + "a=key-mgmt:mikey AQAF\r\n", true},
		"the k= of old":               {head + "v=0\r\nk=base64:AAAA\r\n", true},
		"in a multipart": {head + "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: application/sdp\r\n\r\n" +
			sdp + "a=crypto:1 x inline:x\r\n--b--\r\n", true},
		"in a part in base64":  {head + "--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--\r\n", true},
		"in a plain part":      {head + "--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\nhello\r\n--b--\r\n", false},
		"compressed":           {"INVITE sip:a@b SIP/2.0\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b", true},
		"compressed, compact":  {"INVITE sip:a@b SIP/2.0\r\ne : gzip\r\n\r\n\x1f\x8b", true},
		"expressly as it is":   {"INVITE sip:a@b SIP/2.0\r\nContent-Encoding: identity\r\n\r\n" + sdp, false},
		"a word in the middle": {head + "v=0\r\ns=my a=crypto: talk\r\n", false},
		"a long line":          {head + "v=0\r\ns=" + strings.Repeat("x", 60_000) + "\r\na=crypto:1 x inline:x\r\n", true},
	} {
		if got := Carried([]byte(test.message)); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Ways around the line that begins with a=crypto, each of which went out over UDP in full.
func TestCarriedElsewhere(t *testing.T) {
	const inline = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
	const crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + inline
	sdp := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	wide := func(s string) string { return strings.Join(strings.Split(s, ""), "\x00") }
	for name, body := range map[string]string{
		"a capability":                sdp + "a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 " + inline,
		"a capability, MIKEY":         sdp + "a=acap:17 key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyO",
		"a capability among spaces":   sdp + "A=ACAP : 1\t Key-Mgmt : mikey AQAF",
		"behind a byte order mark":    "\ufeff" + crypto,
		"behind a zero":               sdp + "a=x\x00" + crypto,
		"behind a vertical tab":       sdp + "a=x\v" + crypto,
		"behind a line separator":     sdp + "a=x\u2028" + crypto,
		"folded":                      sdp + "a=cry\r\n pto:1 AES_CM_128_HMAC_SHA1_80 " + inline,
		"by another attribute":        sdp + "a=ssrc:1 crypto:1 AES_CM_128_HMAC_SHA1_80 " + inline,
		"in JSON":                     `{"sdp":"v=0\r\n` + crypto + `"}`,
		"in XML":                      "<sdp>v=0&#10;" + crypto + "</sdp>",
		"in quoted-printable, unsaid": sdp + "=61=3Dcrypto:1 AES_CM_128_HMAC_SHA1_80 " + inline,
		"behind a space":              sdp + "a=x:INLINE: " + strings.TrimPrefix(inline, "inline:"),
		"in UTF-16":                   wide(sdp + crypto),
		"compressed, unsaid":          "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff",
	} {
		if !Carried([]byte(head + body + "\r\n")) {
			t.Errorf("%s: not recognised", name)
		}
	}
	for _, line := range []string{
		"a=acap:1 rtcp-fb:* nack", "a=acap:1", "a=acap", "a=x:inline:", "a=x:inline:short", "a=inline:" + strings.Repeat("x ", 30),
	} {
		if Carried([]byte(head + sdp + line + "\r\n")) {
			t.Errorf("%s: there is no key", line)
		}
	}
	head := strings.ReplaceAll(head, "\r\n\r\n", "\r\nX-SDP: "+crypto+"\r\n\r\n")
	if !Carried([]byte(head)) {
		t.Error("a key in a header is not recognised")
	}
}

func BenchmarkCarried(b *testing.B) {
	message := []byte(head + strings.Repeat("a=rtpmap:96 opus/48000/2\r\n", 2000))
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		Carried(message)
	}
}
