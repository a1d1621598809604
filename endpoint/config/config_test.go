package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ewindow/dialplan/diagnostic"
)

const good = `registrar   = "sips:reg.example.org"
pin         = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
space       = "milano"
secret_file = "secret"
`

func TestDefaults(t *testing.T) {
	c, err := parse([]byte(good), "window.hcl", "", noSecret)
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "reg.example.org" || c.Port != 5061 || c.Camera != "auto" || c.Screen != "auto" ||
		c.Microphone != "auto" || c.Speaker != "auto" ||
		c.Video != (Video{Width: 1280, Height: 720, FPS: 30, Kbps: 2000, Encoder: "auto"}) {
		t.Fatalf("%+v %+v", c, c.Video)
	}
}

func TestWholeFile(t *testing.T) {
	c, err := parse([]byte(strings.Replace(good, "reg.example.org", "[::1]:5071", 1)+`
camera     = "x11::101"
screen     = "x11::104"
microphone = "alsa:hw:1"
speaker    = "alsa:hw:1"
video {
  width   = 640
  height  = 360
  fps     = 15
  kbps    = 500
  encoder = "x264enc"
}
`), "window.hcl", "", noSecret)
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "::1" || c.Port != 5071 || c.Speaker != "alsa:hw:1" ||
		c.Video != (Video{Width: 640, Height: 360, FPS: 15, Kbps: 500, Encoder: "x264enc"}) {
		t.Fatalf("%+v %+v", c, c.Video)
	}
}

// A block in which something is not set has the default for that.
func TestPartOfVideo(t *testing.T) {
	c, err := parse([]byte(good+"video {\n  fps = 15\n}\n"), "window.hcl", "", noSecret)
	if err != nil || c.Video != (Video{Width: 1280, Height: 720, FPS: 15, Kbps: 2000, Encoder: "auto"}) {
		t.Fatalf("%+v, %v", c, err)
	}
}

// Everything wrong is said at once, each with its place and what to do.
func TestBadFiles(t *testing.T) {
	for _, c := range []struct{ edit, with, want string }{
		{"", "colour = \"red\"\n", `window.hcl:5:1: unknown setting "colour" in a window's file; known here: registrar, also_at, domain, pin, space, secret_file, camera, screen, rotate, microphone, speaker, video`},
		{"", "camra = \"auto\"\n", `window.hcl:5:1: unknown setting "camra" in a window's file; did you mean "camera"?`},
		{"", "video {\n  widht = 640\n}\n", `window.hcl:6:3: unknown setting "widht" in the block video; did you mean "width"?`},
		{"", "vidoe {\n  width = 640\n}\n", `window.hcl:5:1: unknown block "vidoe" in a window's file; did you mean "video"?`},
		{"", "video = 3\n", `window.hcl:5:1: video is a block, not a setting; write video { … }`},
		{"", "video \"x\" {\n}\n", `window.hcl:5:7: the block video has no name; write video { … }`},
		{"", "video {\n}\nvideo {\n}\n", `window.hcl:7:1: the block video stands here twice; make one of the two`},
		{"", "video {\n  width = 650\n}\n", `window.hcl:6:11: width: 650 cannot be encoded; use a multiple of 16, such as 640`},
		{"", "video {\n  height = 91\n}\n", `window.hcl:6:12: height: 91 cannot be encoded; use a multiple of 2, such as 90`},
		{"", "video {\n  fps = 500\n}\n", `window.hcl:6:9: fps: 500 is out of range; use 1 to 60`},
		{"", "video {\n  fps = 0\n}\n", `window.hcl:6:9: fps: 0 is out of range; use 1 to 60`},
		{"", "video {\n  fps = \"many\"\n}\n", `window.hcl:6:9: fps has a value of another kind; it is a whole number`},
		{"", "video {\n  fps = 12.5\n}\n", `window.hcl:6:9: fps has a value of another kind; it is a whole number`},
		{"", "video {\n  kbps = 0\n}\n", `window.hcl:6:10: kbps: 0 is out of range; use 100 to 20000`},
		{"", "video {\n  encoder = \"\"\n}\n", `window.hcl:6:13: encoder: it names none; use "auto", or the name of a GStreamer element`},
		{"", "speaker = \"file:out.wav\"\n", `window.hcl:5:11: speaker: a window records nothing, so no speaker is a file; use auto, pulse, none, alsa:… or gst:…`},
		{"", "camera = \"\"\n", `window.hcl:5:10: camera: "" is not known; use auto, test, libcamera, v4l2:…, x11:…, file:…, gst:…`},
		{"", "camera = auto\n", `window.hcl:5:10: camera has a value of another kind; it is text, and text stands in quotes`},
		{"", "camera = [\"auto\"]\n", `window.hcl:5:10: camera has a value of another kind; it is text, and text stands in quotes`},
		{"", "camera = null\n", `window.hcl:5:10: camera has a value of another kind; it is text, and text stands in quotes`},
		{"", "camera = \"webcam\"\n", `window.hcl:5:10: camera: "webcam" is not known; use auto, test, libcamera, v4l2:…, x11:…, file:…, gst:…`},
		{"", "screen = \"x11:\"\n", `window.hcl:5:10: screen: "x11:" is not known; use auto, kms, wayland, none, x11:…, gst:…`},
		{"", "rotate = 45\n", `window.hcl:5:10: rotate: 45 is no quarter turn; use 90, 180 or 270: degrees by which the picture is turned clockwise; 0 is upright`},
		{"", "rotate = -90\n", `window.hcl:5:10: rotate: -90 is no quarter turn; use 90, 180 or 270: degrees by which the picture is turned clockwise; 0 is upright`},
		{"", "rotate = 360\n", `window.hcl:5:10: rotate: 360 is no quarter turn; use 90, 180 or 270: degrees by which the picture is turned clockwise; 0 is upright`},
		{"", "rotate = \"left\"\n", `window.hcl:5:10: rotate has a value of another kind; it is a whole number`},
		{"", "rotated = 90\n", `window.hcl:5:1: unknown setting "rotated" in a window's file; did you mean "rotate"?`},
		{"", "space = \"munich\"\n", `window.hcl:5:1: space is set twice in this block; keep one of the two`},
		{"", "also_at = \"sips:reg.example.org\"\n", `window.hcl:5:11: also_at: "sips:reg.example.org" is registrar already; name another address of the same registrar, or leave also_at out`},
		{"", "also_at = \"reg2.example.org\"\n", `window.hcl:5:11: also_at: "reg2.example.org" does not begin with sips:, and a window speaks TLS only; write "sips:reg.example.org", or "sips:reg.example.org:5061"`},
		{"", "also_at = \"sips:reg.example.org:x\"\n", `window.hcl:5:11: also_at: "x" is no port; use 1 to 65535`},
		{"", "domain = \"\"\n", `window.hcl:5:10: domain: "" is no domain; write what the registrar has as --domain`},
		{"", "domain = \"sips:x\"\n", `window.hcl:5:10: domain: "sips:x" is no domain; write what the registrar has as --domain`},
		{"space       = \"milano\"\n", "", `window.hcl:1:1: space is missing in a window's file; write space = "milano", a space of the dialplan`},
		{"space       =", "spcae       =", `window.hcl:3:1: unknown setting "spcae" in a window's file; did you mean "space"?`},
		{`"milano"`, `"Mi lano"`, `window.hcl:3:15: space: "Mi lano" is no name of a space; use the one from the dialplan: small letters, digits, - and _, a letter first, 63 at most`},
		{"", "camera = \"/dev/video2\"\n", `window.hcl:5:10: camera: "/dev/video2" is not known; did you mean "v4l2:/dev/video2"?`},
		{"", "camera = \"Auto\"\n", `window.hcl:5:10: camera: "Auto" is not known; did you mean "auto"?`},
		{"", "camera = \"clip.mp4\"\n", `window.hcl:5:10: camera: "clip.mp4" is not known; did you mean "file:clip.mp4"?`},
		{"", "microphone = \"plughw:1,0\"\n", `window.hcl:5:14: microphone: "plughw:1,0" is not known; did you mean "alsa:plughw:1,0"?`},
		{"", "speaker = \"default\"\n", `window.hcl:5:11: speaker: "default" is not known; did you mean "pulse"?`},
		{"", "screen = \":0\"\n", `window.hcl:5:10: screen: ":0" is not known; did you mean "x11::0"?`},
		{"", "screen = \"X11::0\"\n", `window.hcl:5:10: screen: "X11::0" is not known; did you mean "x11::0"?`},
		{"", "screen = \"/dev/video0\"\n", `window.hcl:5:10: screen: "/dev/video0" is not known; use auto, kms, wayland, none, x11:…, gst:…`},
		{"", "screen = \"hdmi\"\n", `window.hcl:5:10: screen: "hdmi" is not known; use auto, kms, wayland, none, x11:…, gst:…`},
		{`"secret"`, `""`, `window.hcl:4:15: secret_file: it names no file; name the one with the window's secret`},
		{"sha256:01", "sha1:", `window.hcl:2:15: pin: it is not a pin; a pin is "sha256:" and 64 hexadecimal digits, and ewindow-registrar pin prints it`},
		{"sips:", "sip:", `window.hcl:1:15: registrar: "sip:reg.example.org" does not begin with sips:, and a window speaks TLS only; write "sips:reg.example.org", or "sips:reg.example.org:5061"`},
		{"example.org", "example.org:99999", `window.hcl:1:15: registrar: "99999" is no port; use 1 to 65535`},
		{"reg.example.org", "milano@reg.example.org", `window.hcl:1:15: registrar: "sips:milano@reg.example.org" names no host; write "sips:reg.example.org", or "sips:reg.example.org:5061"`},
		{"reg.example.org", "2001:db8::zz", `window.hcl:1:15: registrar: "sips:2001:db8::zz" names no host; write "sips:reg.example.org", or "sips:reg.example.org:5061"`},
		{`"milano"`, `"milano`, `window.hcl:3:22: a quote is missing on this line; text stands between two quotes: "…"`},
		{`"milano"`, `“milano”`, `window.hcl:3:15: these are curly quotes; write plain ones: "…"`},
		{"space       =", "space       :", `window.hcl:3:1: a ":" stands after the name; write "=" instead`},
		{`"milano"`, `"Mi lano"` + "\nvideo {\n  fps = 500\n}\ncamra = \"auto\"", `window.hcl:3:15: space: "Mi lano" is no name of a space; use the one from the dialplan: small letters, digits, - and _, a letter first, 63 at most
window.hcl:5:9: fps: 500 is out of range; use 1 to 60
window.hcl:7:1: unknown setting "camra" in a window's file; did you mean "camera"?`},
	} {
		src := good + c.with
		if c.edit != "" {
			src = strings.Replace(good, c.edit, c.with, 1)
		}
		_, err := parse([]byte(src), "window.hcl", "", noSecret)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q→%q:\n got %v\nwant %s", c.edit, c.with, err, c.want)
		}
	}
}

// A registrar is reached at one address, and may have the accounts of another domain.
func TestDomain(t *testing.T) {
	for _, c := range []struct{ registrar, domain, host, of, uri string }{
		{"sips:reg.example.org", "", "reg.example.org", "reg.example.org", "sips:reg.example.org"},
		{"sips:192.0.2.1:5071", "reg.example.org", "192.0.2.1", "reg.example.org", "sips:reg.example.org"},
		{"sips:[2001:db8::1]", "", "2001:db8::1", "2001:db8::1", "sips:[2001:db8::1]"},
		{"sips:[2001:db8::1]", "reg.example.org", "2001:db8::1", "reg.example.org", "sips:reg.example.org"},
	} {
		src, domain := strings.Replace(good, "sips:reg.example.org", c.registrar, 1), ""
		if c.domain != "" {
			domain = "domain = \"" + c.domain + "\"\n"
		}
		for _, text := range []string{src + domain, domain + src} { // the order of settings means nothing
			got, err := parse([]byte(text), "window.hcl", "", noSecret)
			if err != nil || got.Host != c.host || got.Domain != c.of || got.URI() != c.uri {
				t.Errorf("%+v: %+v, %v", c, got, err)
			}
		}
	}
}

// A registrar may be held by two of its addresses.
func TestAlsoAt(t *testing.T) {
	c, err := parse([]byte(good+"also_at = \"sips:192.0.2.7\"\n"), "window.hcl", "", noSecret)
	if err != nil || c.Place != (Place{"reg.example.org", 5061, true}) || c.Second != (Place{"192.0.2.7", 5061, false}) {
		t.Errorf("%+v, %v", c, err)
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

func noSecret(*Config, string) trouble { return trouble{} }

// What is wrong with the secret is told together with the rest, at its place.
func TestSecretAmongOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "window.hcl")
	if err := os.WriteFile(path, []byte(good+"colour = \"red\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(path)
	var all diagnostic.List
	if !errors.As(err, &all) || len(all) != 2 || all[0].Line != 4 || !strings.Contains(all[0].What, "read the secret of milano") ||
		all[0].Do != "ewindow-registrar account add milano prints one" || all[1].Line != 5 {
		t.Errorf("%v", err)
	}
}
