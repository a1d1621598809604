package found

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// tree makes a machine of files.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// edid has a descriptor of another kind before that of the name.
func edid(name string) string {
	b := make([]byte, 128)
	copy(b[54:], []byte{0x02, 0x3a, 0x80})
	copy(b[72:], append([]byte{0, 0, 0, 0xfc, 0}, name...))
	return string(b)
}

func TestLook(t *testing.T) {
	root := tree(t, map[string]string{
		"dev/video0": "", "dev/video1": "", "dev/video2": "",
		"sys/class/video4linux/video0/name":       "Webcam C270\n",
		"sys/class/video4linux/video2/name":       "Evil\ncamera = \"x11::0\"\x1b[2J" + strings.Repeat("é", 500),
		"sys/class/drm/card0-HDMI-A-1/status":     "disconnected\n",
		"sys/class/drm/card1-HDMI-A-2/status":     "connected\n",
		"sys/class/drm/card1-HDMI-A-2/edid":       edid("DELL U2415\n "),
		"sys/class/drm/card1-Writeback-1/status":  "unknown\n",
		"sys/class/drm/card1-Unknown-less/status": "connected\n",
		"proc/asound/pcm":                         "00-00: bcm2835 HDMI 1 : bcm2835 HDMI 1 : playback 8\n01-00: USB Audio : USB Audio : capture 1\nnonsense\n",
		"proc/asound/cards":                       " 0 [b1             ]: bcm2835_hdmi - bcm2835 HDMI 1\n                      bcm2835 HDMI 1\n 1 [U0x46d0x825    ]: USB-Audio - Webcam C270\n",
		"proc/asound/card1/id":                    "U0x46d0x825\n",
	})
	m := Machine{Root: root,
		Captures: func(node string) bool { return !strings.HasSuffix(node, "video1") },
		Getenv:   func(k string) string { return map[string]string{"DISPLAY": ":0"}[k] }}
	got := m.Look()
	evil := "Evil camera = \"x11::0\" [2J" + strings.Repeat("é", 500)
	want := Devices{
		Cameras:     []Device{{"v4l2:/dev/video0", "Webcam C270"}, {"v4l2:/dev/video2", string([]rune(evil)[:maxName])}},
		Screens:     []Device{{"x11::0", "the desktop"}, {"kms", "HDMI-A-2, DELL U2415"}, {"kms", "Unknown-less"}},
		Microphones: []Device{{"alsa:plughw:CARD=U0x46d0x825,DEV=0", "Webcam C270, USB Audio"}},
		Speakers:    []Device{{"alsa:plughw:0,0", "bcm2835 HDMI 1"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("found\n%+v\nwant\n%+v", got, want)
	}
}

func TestNothingThere(t *testing.T) {
	m := Machine{Root: t.TempDir(), Captures: Captures, Getenv: func(string) string { return "" }}
	if got := m.Look(); !reflect.DeepEqual(got, Devices{}) {
		t.Errorf("of an empty machine: %+v", got)
	}
	many := map[string]string{}
	for i := range 40 {
		many["dev/video"+strings.Repeat("1", i+1)] = ""
	}
	m.Root, m.Captures = tree(t, many), func(string) bool { return true }
	if n := len(m.Look().Cameras); n != maxEach {
		t.Errorf("%d cameras of 40 are listed", n)
	}
}

func TestMonitor(t *testing.T) {
	for e, want := range map[string]string{"": "", edid("LG ULTRAWIDE!"): "LG ULTRAWIDE!", edid("x\n")[:80]: "", edid("\x1b[0m\n"): "[0m", strings.Repeat("\xff", 128): ""} {
		if got := monitor([]byte(e)); got != want {
			t.Errorf("%d bytes: %q, want %q", len(e), got, want)
		}
	}
}
