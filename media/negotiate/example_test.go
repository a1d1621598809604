package negotiate_test

import (
	"fmt"
	"net/netip"

	"ewindow/media/negotiate"
)

// A phone that wants keys calls a window: the window answers with the best of what both have, sound and picture.
func Example() {
	window, err := negotiate.NewSession(negotiate.Local{
		Address:  netip.MustParseAddr("192.0.2.1"),
		AudioRTP: 40000, AudioRTCP: 40001, VideoRTP: 40002, VideoRTCP: 40003,
		SessionID: 1, Width: 1280, Height: 720, FPS: 30, MaxKbps: 2000,
	}, negotiate.SDES)
	if err != nil {
		fmt.Println(err)
		return
	}
	offer := []byte(`v=0
c=IN IP4 192.0.2.7
m=audio 5004 RTP/SAVP 0 9 101
a=rtpmap:101 telephone-event/8000
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz
m=video 5006 RTP/SAVP 97
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42e01f;packetization-mode=1
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj
`)
	_, agreed, err := window.Answer(offer) // the first result is the SDP for the 200
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range []*negotiate.Stream{agreed.Audio, agreed.Video} {
		fmt.Println(s.Codec, s.Direction, "to", s.RTP, "with", s.Send.Suite)
	}
	// Output:
	// G722 sendrecv to 192.0.2.7:5004 with AES_CM_128_HMAC_SHA1_80
	// H264 sendrecv to 192.0.2.7:5006 with AES_CM_128_HMAC_SHA1_80
}

// Under a policy that asks for protection an offer without keys is refused, and the error says what to do: it is for
// the warning in a 488.
func ExampleErrNotAcceptable() {
	window, err := negotiate.NewSession(negotiate.Local{
		Address: netip.MustParseAddr("192.0.2.1"), AudioRTP: 40000, AudioRTCP: 40001, SessionID: 1,
	}, negotiate.SDES)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = window.Answer([]byte("v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 5004 RTP/AVP 0\r\n"))
	fmt.Println(err)
	// Output:
	// session description not acceptable: audio: no acceptable key: no a=crypto line, and plain RTP is not allowed: turn on SRTP with SDES keys
}
