package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const good = `registrar   = "sips:reg.example.org"
pin         = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
space       = "milano"
secret_file = "secret"
`

func TestDefaults(t *testing.T) {
	c, err := parse([]byte(good), "window.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "reg.example.org" || c.Port != 5061 || c.Camera != "auto" || c.Screen != "auto" ||
		c.Microphone != "auto" || c.Speaker != "auto" ||
		*c.Video != (Video{Width: 1280, Height: 720, FPS: 30, Kbps: 2000, Encoder: "auto"}) {
		t.Fatalf("%+v %+v", c, c.Video)
	}
}

func TestWholeFile(t *testing.T) {
	c, err := parse([]byte(strings.Replace(good, "reg.example.org", "[::1]:5071", 1)+`
camera     = "x11::101"
screen     = "x11::104"
microphone = "alsa:hw:1"
speaker    = "file:out.wav"
video {
  width   = 640
  height  = 360
  fps     = 15
  kbps    = 500
  encoder = "x264enc"
}
`), "window.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "::1" || c.Port != 5071 || c.Speaker != "file:out.wav" ||
		*c.Video != (Video{Width: 640, Height: 360, FPS: 15, Kbps: 500, Encoder: "x264enc"}) {
		t.Fatalf("%+v %+v", c, c.Video)
	}
}

// A block in which something is not set has the default for that.
func TestPartOfVideo(t *testing.T) {
	c, err := parse([]byte(good+"video {\n  fps = 15\n}\n"), "window.hcl")
	if err != nil || *c.Video != (Video{Width: 1280, Height: 720, FPS: 15, Kbps: 2000, Encoder: "auto"}) {
		t.Fatalf("%+v, %v", c, err)
	}
}

func TestBadFiles(t *testing.T) {
	for _, c := range []struct{ edit, with, want string }{
		{"", "colour = \"red\"\n", `window.hcl:5:1: Unsupported argument; An argument named "colour" is not expected here.`},
		{"", "camra = \"auto\"\n", `window.hcl:5:1: Unsupported argument; An argument named "camra" is not expected here. Did you mean "camera"?`},
		{"", "video {\n  widht = 640\n}\n", `window.hcl:6:3: Unsupported argument; An argument named "widht" is not expected here. Did you mean "width"?`},
		{"", "video {\n  width = 650\n}\n", `window.hcl:6:11: width: 650x720 cannot be encoded; the width is a multiple of 16, the height an even number`},
		{"", "video {\n  fps = 500\n}\n", `window.hcl:6:9: fps: 500 is out of range; use 1 to 60`},
		{"", "video {\n  fps = 0\n}\n", `window.hcl:6:9: fps: 0 is out of range; use 1 to 60`},
		{"", "video {\n  kbps = 0\n}\n", `window.hcl:6:10: kbps: 0 is out of range; use 100 to 20000`},
		{"", "video {\n  encoder = \"\"\n}\n", `window.hcl:6:13: encoder: names none; use "auto", or the name of a GStreamer element`},
		{"", "camera = \"\"\n", `window.hcl:5:10: camera: "" is not known; use auto, test,`},
		{"", "speaker = \"\"\n", `window.hcl:5:11: speaker: "" is not known; use auto, pulse,`},
		{"", "camera = \"webcam\"\n", `window.hcl:5:10: camera: "webcam" is not known; use auto, test, libcamera, v4l2:…, x11:…, file:…, gst:…`},
		{"", "screen = \"x11:\"\n", `window.hcl:5:10: screen: "x11:" is not known; use auto, kms, wayland, none, x11:…, gst:…`},
		{"space       = \"milano\"\n", "", `window.hcl: Missing required argument`},
		{`"milano"`, `"Mi lano"`, `window.hcl:3:15: space: "Mi lano" is no name of a space; use the one from the dialplan`},
		{"sha256:01", "sha1:", `window.hcl:2:15: pin: is not a pin; it is "sha256:" and 64 hexadecimal digits, and ewindow-registrar pin prints it`},
		{"sips:", "sip:", `window.hcl:1:15: registrar: "sip:reg.example.org" is not "sips:host" or "sips:host:port"; a window speaks TLS only`},
		{"example.org", "example.org:99999", `window.hcl:1:15: registrar: "99999" is no port; use 1 to 65535`},
		{`"milano"`, `"milano`, `window.hcl:3:`},
	} {
		src := good + c.with
		if c.edit != "" {
			src = strings.Replace(good, c.edit, c.with, 1)
		}
		_, err := parse([]byte(src), "window.hcl")
		if err == nil || !strings.HasPrefix(strings.Replace(err.Error(), "window.hcl:1:1: Missing", "window.hcl: Missing", 1), c.want) {
			t.Errorf("%q→%q: %v\nwant %s", c.edit, c.with, err, c.want)
		}
	}
}

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "window.hcl")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("window.hcl", good)
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "account add milano prints one") {
		t.Errorf("no secret: %v", err)
	}
	write("secret", "\n")
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "is empty; put the secret there") {
		t.Errorf("empty secret: %v", err)
	}
	write("secret", " s3cret\n")
	if c, err := Load(path); err != nil || c.Secret != "s3cret" {
		t.Errorf("%+v, %v", c, err)
	}
	for name, text := range map[string]string{
		"two lines": "s3cret\nmore\n", "UTF-16": "\xff\xfes\x003\x00", "something else": strings.Repeat("x", 2000), "a word": "s3cr\u00e9t",
	} {
		write("secret", text)
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "secret")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	write("secret", "\ufeffs3cret\r\n")
	if c, err := Load(path); err != nil || c.Secret != "s3cret" {
		t.Errorf("%+v, %v", c, err)
	}
	write("window.hcl", good+"x = "+strings.Repeat("(", 60_000))
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "window.hcl:5:105: nested too deep") {
		t.Errorf("nested: %v", err)
	}
	write("window.hcl", good+strings.Repeat("#", 70_000))
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "longer than 65536 bytes") {
		t.Errorf("long: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none.hcl")); err == nil {
		t.Error("a file that is not there was read")
	}
}
