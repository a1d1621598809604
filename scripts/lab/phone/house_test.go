package phone

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media/testcard"
	"ewindow/scripts/stage"
)

const (
	bin           = "../../../bin"
	width, height = 640, 360
	fps           = 20
	reception     = "Reception, ground floor"
	workshop      = "Workshop"
	patience      = 15 * time.Second // for anything that takes well under a second on an idle machine
)

// plan: bar is idle all day, vault is closed, milano and munich have each other.
const plan = `
space "bar" {
  name     = "Potsdam – Bar"
  timezone = "Europe/Berlin"
  open     = "24/7"
}
space "vault" {
  timezone = "Europe/Berlin"
  open     = "off"
}
space "milano" {
  timezone = "Europe/Rome"
  open     = "24/7"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "24/7"
}
link "the long window" {
  between = [milano, munich]
  when    = open
}
number "201" {
  rings = bar
}
number "202" {
  rings = vault
}
number "203" {
  rings = milano
}
phone "reception" {
  name     = "` + reception + `"
  may_dial = [bar, vault, milano]
}
phone "workshop" {
  name     = "` + workshop + `"
  may_dial = [bar]
  security = "none"
}
phone "attic" {
  may_dial = [bar]
}
phone "cellar" {
  name = "Cellar"
}
`

// house is a registrar, windows and what is needed to judge them.
type house struct {
	*stage.Network
	t     *testing.T
	eyes  *stage.Eyes // at bar's screen
	scene *stage.Display
	shown *stage.Display // where phones show what they see
	ports int

	barsSpeaker string // the WAV file of what it plays

	mu    sync.Mutex
	lines []string // of all programs, for people
}

// open starts the whole house.
func open(t *testing.T) *house {
	t.Helper()
	if _, err := os.Stat(filepath.Join(bin, "ewindow")); err != nil {
		t.Fatalf("%v; make build makes the programs", err)
	}
	h := &house{t: t, ports: 4444}
	dir, err := os.MkdirTemp("", "phone")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	screen := display(t, width, height)
	h.scene = scene(t, width, height, 2*fps, testcard.Seed("phone"))
	h.shown = display(t, width, height)
	if h.eyes, err = stage.OpenEyes(screen.Name, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.eyes.Close)
	room, err := stage.OpenRoom(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(room.Close)
	var speaker string
	if speaker, h.barsSpeaker, err = room.Speaker(t.Context(), "bar"); err != nil {
		t.Fatal(err)
	}
	small := stage.Window{Camera: "test", Microphone: "test", Speaker: "none", Screen: "none", Width: 160, Height: 90, FPS: 5, Kbps: 100}
	bar, milano, munich := small, small, small
	bar.Space, milano.Space, munich.Space = "bar", "milano", "munich"
	bar.Screen, bar.Speaker = "x11:"+screen.Name, speaker
	bar.Width, bar.Height, bar.FPS, bar.Kbps = width, height, fps, 800
	h.Network = &stage.Network{Dir: filepath.Join(dir, "net"), Bin: bin, Host: address, Dialplan: plan, Serve: []string{"--shared", address + ":443"},
		Phones: []string{"reception", "workshop", "cellar"}, Windows: []stage.Window{bar, milano, munich}, Lines: h.line}
	h.open(t)
	return h
}

// open starts the registrar and the windows. A test that fails says what they said.
func (h *house) open(t *testing.T) {
	t.Helper()
	if err := h.Write(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Network.Close)
	if _, err := h.StartRegistrar(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, w := range h.Windows {
		if _, err := h.StartWindow(w); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			h.mu.Lock()
			defer h.mu.Unlock()
			t.Logf("the programs said:\n%s", strings.Join(h.lines, "\n"))
		}
	})
}

func (h *house) line(name string, line []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, name+" "+string(line))
}

// status waits until a window's status is as it should be.
func (h *house) status(t *testing.T, space string, right func(status.Status) bool) {
	t.Helper()
	eventually(t, func() error {
		s, err := h.Status(space)
		if err == nil && !right(s) {
			err = fmt.Errorf("the status of %s is\n%s", space, s.Text(time.Local))
		}
		return err
	})
}

// reception and workshop are the phones as their plan wants them.
func (h *house) reception() Config {
	return Config{Account: "reception", Secret: h.Secrets["reception"], Transport: "tls", Encryption: "srtp-mand",
		Registrar: net.JoinHostPort(h.Host, fmt.Sprint(h.TLS)), CA: filepath.Join(h.Dir, "registrar", "pki", "ca.crt"),
		Codecs: "opus/48000/2", Tone: 640}
}

func (h *house) workshop() Config {
	return Config{Account: "workshop", Secret: h.Secrets["workshop"], Transport: "udp",
		Registrar: net.JoinHostPort(h.Host, fmt.Sprint(h.SIP)), Codecs: "pcmu", Pictures: "h264", Tone: 840}
}

// phone starts one; it is registered unless the test says otherwise.
func (h *house) phone(t *testing.T, cfg Config) *Phone {
	t.Helper()
	p := h.unregistered(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Registered(ctx); err != nil {
		t.Fatal(err)
	}
	return p
}

func (h *house) unregistered(t *testing.T, cfg Config) *Phone {
	t.Helper()
	h.ports++
	cfg.Dir = filepath.Join(h.Dir, fmt.Sprint("phone", h.ports))
	cfg.Address, cfg.Control = address, net.JoinHostPort(address, fmt.Sprint(h.ports))
	cfg.Camera, cfg.Display = h.scene.Name, h.shown.Name
	cfg.Width, cfg.Height, cfg.Rate = width, height, fps
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("baresip said:\n%s", p.Output())
		}
	})
	return p
}
