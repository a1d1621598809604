// Package found lists the devices of this machine as the kernel tells of them, with the words by which a window's file names them. It opens
// nothing but cameras, to ask whether they are some, and knows no calls.
package found

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A Device is one that a window's file can name.
type Device struct {
	Word string // in the file: "v4l2:/dev/video0"
	Name string // as its maker calls it, on one line; may be empty
}

// Devices are those of a machine, in the order in which the kernel has them.
type Devices struct{ Cameras, Screens, Microphones, Speakers []Device }

// A Machine is where to look.
type Machine struct {
	Root     string                 // before /dev, /proc and /sys; empty for this machine
	Captures func(node string) bool // whether a node gives pictures
	Getenv   func(string) string
}

// Here is this machine.
func Here() Machine { return Machine{Captures: Captures, Getenv: os.Getenv} }

// bounds of what is read of the kernel, and of how many devices of a kind are listed.
const (
	maxRead = 64 << 10 // bytes
	maxName = 80       // letters
	maxEach = 16
)

// Look lists what is there now. What cannot be read is passed over: whoever lacks a device is told so by the window itself.
func (m Machine) Look() Devices {
	d := Devices{Cameras: m.cameras(), Screens: m.screens()}
	d.Microphones, d.Speakers = m.sound("capture"), m.sound("playback")
	return d
}

func (m Machine) cameras() (all []Device) {
	for _, node := range m.glob("dev/video*") {
		if name := filepath.Base(node); m.Captures(node) {
			all = append(all, Device{"v4l2:/dev/" + name, m.read("sys/class/video4linux/" + name + "/name")})
		}
	}
	return some(all)
}

// screens are a desktop's, and those that are connected to a graphics card. Of these the file can only say that the first is to be used.
func (m Machine) screens() (all []Device) {
	if d := m.Getenv("WAYLAND_DISPLAY"); d != "" {
		all = append(all, Device{"wayland", "the desktop"})
	}
	if d := m.Getenv("DISPLAY"); d != "" {
		all = append(all, Device{"x11:" + label(d), "the desktop"})
	}
	for _, path := range m.glob("sys/class/drm/card[0-9]*-*/status") {
		if m.read(path) != "connected" {
			continue
		}
		_, name, _ := strings.Cut(filepath.Base(filepath.Dir(path)), "-")
		if screen := monitor(m.bytes(filepath.Join(filepath.Dir(path), "edid"))); screen != "" {
			name += ", " + screen
		}
		all = append(all, Device{"kms", name})
	}
	return some(all)
}

// sound lists the sound cards that have a direction, "capture" or "playback".
func (m Machine) sound(direction string) (all []Device) {
	// 01-00: USB Audio : USB Audio : playback 1 : capture 1
	line := regexp.MustCompile(`^(\d+)-(\d+): (.*)$`)
	for l := range strings.Lines(string(m.bytes("proc/asound/pcm"))) {
		f := line.FindStringSubmatch(strings.TrimRight(l, "\n"))
		if f == nil {
			continue
		}
		parts := strings.Split(f[3], " : ")
		if !slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, direction+" ") }) {
			continue
		}
		card, device := strings.TrimLeft(f[1], "0"), strings.TrimLeft(f[2], "0")
		card, device = zero(card), zero(device)
		name := label(parts[0])
		if of := m.cardName(card); of != "" && of != name {
			name = of + ", " + name
		}
		if id := m.read("proc/asound/card" + card + "/id"); regexp.MustCompile(`^[A-Za-z0-9_]+$`).MatchString(id) {
			card = "CARD=" + id // it stays when another card is plugged in
			device = "DEV=" + device
		}
		all = append(all, Device{"alsa:plughw:" + card + "," + device, name})
	}
	return some(all)
}

func zero(digits string) string {
	if digits == "" {
		return "0"
	}
	return digits
}

// cardName is what /proc/asound/cards calls a card.
func (m Machine) cardName(card string) string {
	//  1 [U0x46d0x825    ]: USB-Audio - Webcam C270
	for l := range strings.Lines(string(m.bytes("proc/asound/cards"))) {
		number, rest, _ := strings.Cut(strings.TrimSpace(l), " ")
		if _, name, ok := strings.Cut(rest, " - "); ok && number == card {
			return label(name)
		}
	}
	return ""
}

// monitor is the name that a screen gives itself in its EDID (VESA E-EDID 1.3, §3.10.3.4), or "".
func monitor(edid []byte) string {
	for at := 54; at+18 <= min(len(edid), 126); at += 18 {
		if d := edid[at : at+18]; bytes.HasPrefix(d, []byte{0, 0, 0, 0xfc, 0}) {
			name, _, _ := bytes.Cut(d[5:], []byte{'\n'})
			return label(string(name))
		}
	}
	return ""
}

func (m Machine) glob(pattern string) []string {
	found, _ := filepath.Glob(filepath.Join("/", m.Root, pattern)) // the pattern is a good one
	slices.Sort(found)
	return found
}

// bytes reads a file of the kernel's; nil if it cannot be read. A path may be one that glob found.
func (m Machine) bytes(path string) []byte {
	if root := filepath.Join("/", m.Root); !strings.HasPrefix(path, "/") {
		path = filepath.Join(root, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, maxRead))
	return b
}

func (m Machine) read(path string) string { return label(string(m.bytes(path))) }

// label is a name on one line that can stand in a comment: devices say of themselves what they like.
func label(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.TrimSpace(strings.ToValidUTF8(s, "")) {
		if n++; n > maxName {
			break
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

func some(d []Device) []Device { return d[:min(len(d), maxEach)] }
