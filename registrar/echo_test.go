package main

import (
	"net/netip"
	"strings"
	"testing"

	"ewindow/registrar/echo"
)

func TestEchoPorts(t *testing.T) {
	for _, bad := range []string{"26000", "26001-26009", "26000-26002", "x-y", "70000-70009", "0-9"} {
		c := serveCmd{EchoPorts: bad}
		if _, err := c.echo(); err == nil || !strings.Contains(err.Error(), "--echo-ports "+bad+": write two ports") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if e, err := (&serveCmd{}).echo(); e != nil || err != nil {
		t.Errorf("switched off: %v %v", e, err)
	}
	offer := "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n"
	e, err := (&serveCmd{EchoPorts: "26100-26115"}).echo()
	if err != nil {
		t.Fatal(err)
	}
	caller := netip.MustParseAddr("127.0.0.1")
	for i := range 5 { // each has a pair for sound and one for a picture, of eight pairs
		call, answer, err := e.Answer([]byte(offer), echo.Caller{Peer: caller, Local: caller, Plain: true})
		if err != nil {
			if i < 3 { // somebody else may have one
				t.Errorf("call %d: %v", i, err)
			}
			continue
		}
		defer call.Close()
		if !strings.Contains(string(answer), "m=audio 261") {
			t.Errorf("answer %s", answer)
		}
	}
}
