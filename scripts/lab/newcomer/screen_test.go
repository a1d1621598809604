package newcomer

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
	"rsc.io/qr"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/card"
	"ewindow/registrar/pki"
	"ewindow/registrar/signal/joining"
	"ewindow/scripts/stage"
)

// A place is a screen with a keyboard, and a camera before which somebody holds a sheet of paper.
type place struct {
	t        *testing.T
	x        *stage.Display
	eyes     *stage.Eyes
	keyboard *xgb.Conn
	sheet    string // what the camera sees
	shots    string // where pictures of the screen are left; empty for nowhere
}

func newPlace(t *testing.T) *place {
	t.Helper()
	x, err := stage.StartXvfb(t.Context(), width, height)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	p := &place{t: t, x: x, sheet: filepath.Join(t.TempDir(), "sheet.png"), shots: os.Getenv("EWINDOW_SHOTS")}
	if p.eyes, err = stage.OpenEyes(x.Name, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.eyes.Close)
	if p.keyboard, err = xgb.NewConnDisplay(x.Name); err == nil {
		err = xtest.Init(p.keyboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.keyboard.Close)
	p.hold("")
	return p
}

// camera is the word of the window's file.
func (p *place) camera() string {
	return fmt.Sprintf("gst:multifilesrc location=%s loop=true caps=image/png,framerate=10/1 ! pngdec ! videoconvert ! identity sync=true", p.sheet)
}

// hold holds a QR code before the camera; "" is an empty hand before a wall that is bright on the camera's right.
func (p *place) hold(text string) {
	p.t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.Gray{40}), image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(width*3/4, 0, width, height), image.NewUniform(color.Gray{220}), image.Point{}, draw.Src)
	if text != "" {
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			p.t.Fatal(err)
		}
		code.Scale = height * 2 / 3 / (code.Size + 8)
		drawn, err := png.Decode(bytes.NewReader(code.PNG())) // its own Image does not scale
		if err != nil {
			p.t.Fatal(err)
		}
		at := image.Pt((width-drawn.Bounds().Dx())/2, (height-drawn.Bounds().Dy())/2)
		draw.Draw(img, drawn.Bounds().Add(at), drawn, image.Point{}, draw.Src)
	}
	f, err := os.Create(p.sheet + ".new")
	if err != nil {
		p.t.Fatal(err)
	}
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, img); err != nil {
		p.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(f.Name(), p.sheet); err != nil {
		p.t.Fatal(err)
	}
}

// looks is what the screen shows.
func (p *place) looks() image.Image {
	p.t.Helper()
	file := filepath.Join(p.t.TempDir(), "screen.png")
	if err := p.eyes.Save(file); err != nil {
		p.t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		p.t.Fatal(err)
	}
	return img
}

// until looks until the screen shows what is waited for, and leaves a picture of it.
func (p *place) until(what string, shows func(image.Image) bool) {
	p.t.Helper()
	for late := time.Now().Add(patience); !shows(p.looks()); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			p.shoot("missed-" + what)
			p.t.Fatalf("the screen does not show: %s", what)
		}
	}
	p.shoot(what)
}

func (p *place) shoot(name string) {
	if p.shots != "" {
		_ = p.eyes.Save(filepath.Join(p.shots, name+".png"))
	}
}

// sees waits for a card, which is drawn here by the same hand and compared.
func (p *place) sees(what string, c protocol.Card) {
	p.t.Helper()
	want := card.Full(width, height, card.Texts{Title: c.Title, Reason: c.Reason, Next: c.Next, Notice: c.Notice})
	p.until(what, func(img image.Image) bool {
		other := 0
		for y := range height {
			for x := range width {
				r, g, b, _ := img.At(x, y).RGBA()
				w := want.Pixels[(y*width+x)*4:]
				if far(r, w[2]) || far(g, w[1]) || far(b, w[0]) {
					other++
				}
			}
		}
		return other < width*height/2000
	})
}

func far(seen uint32, want byte) bool {
	d := int(seen>>8) - int(want)
	return d < -12 || d > 12
}

// types presses the keys of some letters; "\n" is Return, "\x1b" Escape, "\b" Backspace.
func (p *place) types(text string) {
	p.t.Helper()
	setup := xproto.Setup(p.keyboard)
	first := setup.MinKeycode
	m, err := xproto.GetKeyboardMapping(p.keyboard, first, byte(setup.MaxKeycode-first+1)).Reply()
	if err != nil {
		p.t.Fatal(err)
	}
	press := func(kind byte, code int) {
		if err := xtest.FakeInputChecked(p.keyboard, kind, byte(code), 0, 0, 0, 0, 0).Check(); err != nil {
			p.t.Fatal(err)
		}
	}
	find := func(k xproto.Keysym) (code, level int) {
		for i, s := range m.Keysyms {
			if s == k && i%int(m.KeysymsPerKeycode) < 2 {
				return i/int(m.KeysymsPerKeycode) + int(first), i % int(m.KeysymsPerKeycode)
			}
		}
		p.t.Fatalf("the keyboard has no key %x", k)
		return 0, 0
	}
	shift, _ := find(0xffe1)
	for _, r := range text {
		k := xproto.Keysym(r)
		switch r {
		case '\n':
			k = 0xff0d
		case '\x1b':
			k = 0xff1b
		case '\b':
			k = 0xff08
		}
		code, level := find(k)
		if level == 1 {
			press(xproto.KeyPress, shift)
		}
		press(xproto.KeyPress, code)
		press(xproto.KeyRelease, code)
		if level == 1 {
			press(xproto.KeyRelease, shift)
		}
	}
}

// aims waits until the screen shows people themselves, as a mirror does.
func (p *place) aims() {
	p.t.Helper()
	p.until("aim", func(img image.Image) bool {
		left, _, _, _ := img.At(width/8, height/4).RGBA()
		right, _, _, _ := img.At(width*7/8, height/4).RGBA()
		return left>>8 > 190 && right>>8 < 80
	})
}

// stranger is a registrar that is none of ours: it answers with its own certificates, and with a clock that is ten years ahead. With the token of a code it proves it.
func stranger(t *testing.T, proves bool) joining.Code {
	t.Helper()
	now := time.Now().AddDate(10, 0, 0)
	id, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: "127.0.0.1"}, now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	code := joining.Code{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Token: joining.NewToken()}
	c := id.ServerConfig()
	c.NextProtos = []string{"http/1.1"}
	server := &http.Server{ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q joining.Prove
		_ = json.NewDecoder(io.LimitReader(r.Body, joining.MaxQuestion)).Decode(&q)
		statement, _ := json.Marshal(joining.Statement{Domain: "reg.example.org", Space: "munich", State: joining.Open, Now: now, Rules: joining.Rules{Version: "v3", Text: "Be kind."}})
		token := code.Token
		if !proves {
			token = joining.NewToken()
		}
		_ = json.NewEncoder(w).Encode(joining.Proven{Statement: statement, Proof: token.Key().Prove(q.Nonce, id.Pin(), statement)})
	})}
	go func() { _ = server.Serve(tls.NewListener(l, c)) }()
	t.Cleanup(func() { server.Close() })
	return code
}
