package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
	"rsc.io/qr"

	"ewindow/media/engine/protocol"
)

// A camera that scans says what the QR code before it holds, and gives pictures all the same; one that does not says nothing.
func TestScan(t *testing.T) {
	t.Parallel()
	const holds = "ewindow:reg.example.org/7K3MQ-00000-00000-00000-00000-000?pin=sha256:6f1c000000000000000000000000000000000000000000000000000000000abc"
	code, err := qr.Encode(holds, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	code.Scale = 8
	file := filepath.Join(t.TempDir(), "code.png")
	if err := os.WriteFile(file, code.PNG(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, scan := range []bool{true, false} {
		c := testCamera()
		c.Source = "gst:multifilesrc location=" + quoted(file) + " loop=true caps=image/png,framerate=10/1 ! pngdec ! videoconvert ! identity sync=true"
		c.Scan, c.Width, c.Height = scan, 1280, 720
		k := start(t, cameraRole(c))
		if scan {
			if e := k.event(protocol.Code, "", 20*time.Second); e.Text != holds {
				t.Errorf("the code is read as %q", e.Text)
			}
		}
		k.moreFrames(10, 10*time.Second)
		if !scan && k.count(protocol.Code) > 0 {
			t.Error("a camera that is not to scan has told a code")
		}
	}
}

// What is typed at a window that is to report it is reported; a window of calls hears nothing.
func TestKeys(t *testing.T) {
	t.Parallel()
	for _, keys := range []bool{true, false} {
		x := startX(t, 640, 360)
		if err := xtest.Init(x.conn); err != nil {
			t.Fatal(err)
		}
		k := start(t, screenRole(protocol.ScreenConfig{Sink: "x11:" + x.display, Title: "Milano", Width: 640, Height: 360, Keys: keys}))
		k.event(protocol.Ready, "x11 "+x.display, 5*time.Second)
		for _, code := range []byte{24, 36, 61} { // q, Return and slash of a keyboard with US layout, which Xvfb has
			for _, kind := range []byte{xproto.KeyPress, xproto.KeyRelease} {
				if err := xtest.FakeInputChecked(x.conn, kind, code, 0, 0, 0, 0, 0).Check(); err != nil {
					t.Fatal(err)
				}
			}
		}
		k.progresses(3, 5*time.Second)
		if !keys {
			if n := k.count(protocol.Key); n > 0 {
				t.Errorf("%d keys were heard by a window that must not", n)
			}
			continue
		}
		for _, want := range []string{"q", "Enter", "/"} {
			k.event(protocol.Key, want, 5*time.Second)
		}
	}
}

func TestMeaning(t *testing.T) {
	german := []xproto.Keysym{'7', '/', 0, 0}
	two := []xproto.Keysym{'y', 'Y', 'z', 'Z'}
	for _, c := range []struct {
		all   []xproto.Keysym
		state uint16
		want  string
	}{
		{german, 0, "7"}, {german, xproto.ModMaskShift, "/"}, {german, 1 << 13, "7"}, {two, 0, "y"}, {two, 1 << 13, "z"}, {two, 1<<13 | 1, "Z"}, {two, 3 << 13, "y"},
		{[]xproto.Keysym{0xff0d}, 1, "Enter"}, {[]xproto.Keysym{0xffaf}, 0, "/"}, {[]xproto.Keysym{0xffb7}, 0, "7"}, {[]xproto.Keysym{0xffe1}, 0, ""}, {nil, 0, ""},
	} {
		if got := keyOf(meaning(c.all, c.state)); got != c.want {
			t.Errorf("%x with %x means %q, want %q", c.all, c.state, got, c.want)
		}
	}
}
