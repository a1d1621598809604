// Package config reads a window's file, window.hcl.
package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"

	"ewindow/dialplan/nesting"
	"ewindow/dialplan/username"
	"ewindow/dialplan/wholefile"
	"ewindow/registrar/pki/pin"
)

// Config is what a window's file says, checked, with its defaults.
type Config struct {
	Registrar  string `hcl:"registrar"`           // sips:host or sips:host:port
	Pin        string `hcl:"pin"`                 // sha256:… of the registrar's CA
	Space      string `hcl:"space"`               // account of the window
	SecretFile string `hcl:"secret_file"`         // relative to the file's directory
	Camera     string `hcl:"camera,optional"`     // auto | test | v4l2:/dev/video0 | libcamera | x11::101 | file:clip.mp4 | gst:…
	Screen     string `hcl:"screen,optional"`     // auto | kms | wayland | x11::104 | none | gst:…
	Microphone string `hcl:"microphone,optional"` // auto | test | alsa:hw:1 | pulse | none | gst:…
	Speaker    string `hcl:"speaker,optional"`    // auto | alsa:hw:1 | pulse | none | file:out.wav | gst:…
	Video      *Video `hcl:"video,block"`

	Secret string // what the secret file holds
	Host   string // of the registrar; the domain of the address-of-record
	Port   int    // of the registrar, 5061 unless the URI says otherwise

	SecretSource *SecretFile // where Secret is from
}

// Video is what the camera's picture should be.
type Video struct {
	Width   int    `hcl:"width,optional"`
	Height  int    `hcl:"height,optional"`
	FPS     int    `hcl:"fps,optional"`
	Kbps    int    `hcl:"kbps,optional"`
	Encoder string `hcl:"encoder,optional"` // auto, or the name of a GStreamer element
}

// maxSize bounds a window's file, in bytes.
const maxSize = 64 << 10

// Load reads and checks a window's file. An error names file, line and column, and what to do.
func Load(path string) (*Config, error) {
	src, err := wholefile.Read(path, maxSize)
	if err != nil {
		return nil, fmt.Errorf("read the window's file: %w", err)
	}
	c, err := parse(src, path)
	if err != nil {
		return nil, err
	}
	secret := c.SecretFile
	if !filepath.IsAbs(secret) {
		secret = filepath.Join(filepath.Dir(path), secret)
	}
	c.SecretSource = &SecretFile{path: secret, space: c.Space}
	if c.Secret, err = c.SecretSource.read(); err != nil {
		return nil, err
	}
	c.SecretSource.secret = c.Secret
	return c, nil
}

// parse reads the text of a window's file, without its secret.
func parse(src []byte, name string) (*Config, error) {
	f, diags := nesting.Parse(src, name)
	if diags.HasErrors() {
		return nil, problem(diags)
	}
	c := defaults()
	if diags := gohcl.DecodeBody(f.Body, nil, &c); diags.HasErrors() {
		return nil, problem(diags)
	}
	if key, err := c.check(); err != nil {
		return nil, at(f.Body, name, key, err)
	}
	return &c, nil
}

// defaults is a file in which nothing optional is set. What is set in one, also to nothing, is taken as it is.
func defaults() Config {
	return Config{
		Camera: "auto", Screen: "auto", Microphone: "auto", Speaker: "auto",
		Video: &Video{Width: 1280, Height: 720, FPS: 30, Kbps: 2000, Encoder: "auto"},
	}
}

// check returns the first problem and the key that it is about.
func (c *Config) check() (key string, err error) {
	if c.Host, c.Port, err = splitRegistrar(c.Registrar); err != nil {
		return "registrar", err
	}
	if _, err := pin.Parse(c.Pin); err != nil {
		return "pin", errors.New(`is not a pin; it is "sha256:" and 64 hexadecimal digits, and ewindow-registrar pin prints it`)
	}
	if !username.Valid(c.Space) {
		return "space", fmt.Errorf("%q is no name of a space; use the one from the dialplan", c.Space)
	}
	words := []struct {
		key, value string
		plain      []string
		prefixes   []string
	}{
		{"camera", c.Camera, []string{"auto", "test", "libcamera"}, []string{"v4l2:", "x11:", "file:", "gst:"}},
		{"screen", c.Screen, []string{"auto", "kms", "wayland", "none"}, []string{"x11:", "gst:"}},
		{"microphone", c.Microphone, []string{"auto", "test", "pulse", "none"}, []string{"alsa:", "gst:"}},
		{"speaker", c.Speaker, []string{"auto", "pulse", "none"}, []string{"alsa:", "file:", "gst:"}},
	}
	for _, w := range words {
		if !known(w.value, w.plain, w.prefixes) {
			return w.key, fmt.Errorf("%q is not known; use %s", w.value,
				strings.Join(append(w.plain, starred(w.prefixes)...), ", "))
		}
	}
	return c.Video.check()
}

func (v *Video) check() (key string, err error) {
	limits := []struct {
		key             string
		value, min, max int
	}{
		{"width", v.Width, 160, 1920}, {"height", v.Height, 90, 1088},
		{"fps", v.FPS, 1, 60}, {"kbps", v.Kbps, 100, 20000},
	}
	for _, l := range limits {
		if l.value < l.min || l.value > l.max {
			return l.key, fmt.Errorf("%d is out of range; use %d to %d", l.value, l.min, l.max)
		}
	}
	if v.Width%16 != 0 || v.Height%2 != 0 {
		return "width", fmt.Errorf("%dx%d cannot be encoded; the width is a multiple of 16, the height an even number", v.Width, v.Height)
	}
	if v.Encoder == "" {
		return "encoder", errors.New(`names none; use "auto", or the name of a GStreamer element`)
	}
	return "", nil
}

func known(value string, plain, prefixes []string) bool {
	for _, p := range plain {
		if value == p {
			return true
		}
	}
	for _, p := range prefixes {
		if strings.HasPrefix(value, p) && len(value) > len(p) {
			return true
		}
	}
	return false
}

func starred(prefixes []string) []string {
	out := make([]string, len(prefixes))
	for i, p := range prefixes {
		out[i] = p + "…"
	}
	return out
}

func splitRegistrar(uri string) (host string, port int, err error) {
	rest, ok := strings.CutPrefix(uri, "sips:")
	if !ok {
		return "", 0, fmt.Errorf(`%q is not "sips:host" or "sips:host:port"; a window speaks TLS only`, uri)
	}
	host, port = rest, 5061
	if h, p, err := net.SplitHostPort(rest); err == nil {
		host = h
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return "", 0, fmt.Errorf("%q is no port; use 1 to 65535", p)
		}
	}
	host = strings.Trim(host, "[]")
	if host == "" || strings.ContainsAny(host, "@;?/ ") {
		return "", 0, fmt.Errorf(`%q names no host; write "sips:reg.example.org"`, uri)
	}
	return host, port, nil
}

// problem is the first diagnostic as "file:line:column: what; what to do".
func problem(diags hcl.Diagnostics) error {
	d := diags[0]
	place := ""
	if d.Subject != nil {
		place = fmt.Sprintf("%s:%d:%d: ", d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column)
	}
	return fmt.Errorf("%s%s; %s", place, strings.TrimSuffix(d.Summary, "."), d.Detail)
}

// at puts the place of a key, at the top or in the video block, before its error.
func at(body hcl.Body, name, key string, err error) error {
	attrs, _ := body.JustAttributes()
	a := attrs[key]
	if a == nil {
		content, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "video"}}})
		for _, b := range content.Blocks {
			attrs, _ := b.Body.JustAttributes()
			if attrs[key] != nil {
				a = attrs[key]
			}
		}
	}
	if a == nil {
		return fmt.Errorf("%s: %s: %w", name, key, err)
	}
	start := a.Expr.Range().Start
	return fmt.Errorf("%s:%d:%d: %s: %w", name, start.Line, start.Column, key, err)
}
