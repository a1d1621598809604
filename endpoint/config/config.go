// Package config reads a window's file, window.hcl.
package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/diagnostic"
	"ewindow/dialplan/nesting"
	"ewindow/dialplan/wholefile"
)

// Config is what a window's file says, checked, with its defaults.
type Config struct {
	Registrar  string // sips:host or sips:host:port
	AlsoAt     string // the same of another address of that registrar; empty without one
	Domain     string // of the address-of-record, and the name in the registrar's certificate; its host unless set
	Pin        string // sha256:… of the registrar's CA
	Space      string // account of the window
	SecretFile string // relative to the file's directory
	Camera     string // auto | test | v4l2:/dev/video0 | libcamera | x11::101 | file:clip.mp4 | gst:…
	Screen     string // auto | kms | wayland | x11::104 | none | gst:…
	Rotate     int    // degrees by which what the screen shows is turned clockwise: 0, 90, 180 or 270
	Microphone string // auto | test | alsa:hw:1 | pulse | none | gst:…
	Speaker    string // auto | alsa:hw:1 | pulse | none | gst:…
	Video      Video

	Secret string // what the secret file holds
	Place         // of the registrar
	Second Place  // its other one; zero without one

	SecretSource *SecretFile // where Secret is from
}

// A Place is where a registrar is reached.
type Place struct {
	Host string // a name or an IP address
	Port int    // 5061 unless the URI says otherwise
	Bare bool   // the URI says neither a port nor an IP address: the DNS may know more (RFC 3263 §4)
}

// Video is what the camera's picture should be.
type Video struct {
	Width   int
	Height  int
	FPS     int
	Kbps    int
	Encoder string // auto, or the name of a GStreamer element
}

// usual is what holds on a board where the file says nothing.
func usual(board string) *Config {
	c := &Config{
		Camera: "auto", Screen: "auto", Microphone: "auto", Speaker: "auto",
		Video: Video{Width: 1280, Height: 720, FPS: 30, Kbps: 2000, Encoder: "auto"},
	}
	if slow(board) {
		c.Video.FPS = 25
	}
	return c
}

// maxSize bounds a window's file, in bytes.
const maxSize = 64 << 10

// Load reads and checks a window's file. What is wrong in it, or with the secret that it names, is a diagnostic.List: all of it,
// each with its place and what to do. Any other error is about reading the file.
func Load(path string) (*Config, error) {
	src, err := wholefile.Read(path, maxSize)
	if err != nil {
		return nil, fmt.Errorf("read the window's file: %w", err)
	}
	return parse(src, path, board(), (*Config).readSecret)
}

// readSecret reads the secret's file, which is relative to the directory of the window's file.
func (c *Config) readSecret(windowFile string) trouble {
	secret := c.SecretFile
	if !filepath.IsAbs(secret) {
		secret = filepath.Join(filepath.Dir(windowFile), secret)
	}
	c.SecretSource = &SecretFile{path: secret, space: c.Space}
	var err error
	if c.Secret, err = c.SecretSource.read(); err != nil {
		what, do, _ := strings.Cut(err.Error(), "; ")
		return trouble{what, do}
	}
	c.SecretSource.secret = c.Secret
	return trouble{}
}

// parse reads the text of a window's file on a board, and its secret by readSecret.
func parse(src []byte, name, board string, readSecret func(c *Config, windowFile string) trouble) (*Config, error) {
	file := diagnostic.File{Name: name, Data: src}
	tree, problems := nesting.Parse(src, name)
	syntax, wrong := diagnostic.Syntax(file, problems)
	if syntax != nil {
		return nil, diagnostic.List{*syntax}.Finish([]diagnostic.File{file}, diagnostic.Error)
	}
	c := usual(board)
	r := reader{wrong: wrong}
	r.body("a window's file", tree.Body.(*hclsyntax.Body), c.settings(func() trouble { return readSecret(c, name) }), map[string][]setting{"video": c.Video.settings()})
	if len(r.wrong) > 0 {
		return nil, r.wrong.Finish([]diagnostic.File{file}, diagnostic.Error)
	}
	if c.Domain == "" {
		c.Domain = c.Host
	}
	return c, nil
}

// Same is true for two readings that want the same window. The secret is aside: a window takes up another one by itself.
func (c *Config) Same(as *Config) bool {
	a, b := *c, *as
	a.Secret, a.SecretSource, b.Secret, b.SecretSource = "", nil, "", nil
	return a == b
}

// URI is the registrar's SIP URI: whose accounts these are, not where it is reached.
func (c *Config) URI() string {
	if strings.Contains(c.Domain, ":") {
		return "sips:[" + c.Domain + "]"
	}
	return "sips:" + c.Domain
}
