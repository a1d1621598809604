package keys

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"ewindow/media/negotiate"
)

// Whatever a window takes keys from is recognised, and so is its answer: there is no spelling in which a key slips by.
func FuzzAgreesWithNegotiate(f *testing.F) {
	const inline = "inline:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw"
	sdp := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n"
	handshake := strings.Replace(sdp, "RTP/SAVP", "UDP/TLS/RTP/SAVP", 1) + "a=rtcp-mux\r\n"
	for _, line := range []string{"a=fingerprint:", "a = fingerprint :", "a=\tfingerprint: "} {
		f.Add([]byte(handshake + line + "sha-256 " + strings.Repeat("AB:", 31) + "AB\r\n"))
	}
	for _, line := range []string{
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + inline, "a= crypto :1 AES_CM_128_HMAC_SHA1_80 " + inline,
		"a=\t\u00a0crypto: 1 AES_CM_128_HMAC_SHA1_80 " + inline + "|2^31", "a=rtcp-mux",
	} {
		f.Add([]byte(sdp + line + "\r\n"))
	}
	f.Fuzz(func(t *testing.T, offer []byte) {
		s, err := negotiate.NewSession(negotiate.Local{
			Address: netip.MustParseAddr("192.0.2.2"), AudioRTP: 5000, AudioRTCP: 5001, SessionID: 1,
			Fingerprint: negotiate.FingerprintOf([]byte("ours")), Rand: rand.NewChaCha8([32]byte{}),
		}, negotiate.SDES)
		if err != nil {
			t.Fatal(err)
		}
		answer, _, err := s.Answer(offer)
		if err != nil || !bytes.Contains(answer, []byte("inline:")) && !bytes.Contains(answer, []byte("fingerprint:")) {
			return
		}
		if !Carried(offer) || !Carried(answer) {
			t.Errorf("not recognised: offer %v, answer %v\n%q\n%s", Carried(offer), Carried(answer), offer, answer)
		}
	})
}
