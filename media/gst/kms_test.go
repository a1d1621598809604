package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// kernel makes a tree as the kernel's /sys is, of files and what is in them.
func kernel(t *testing.T, files map[string]string) string {
	t.Helper()
	sys := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(sys, "class/drm", name), text)
	}
	return sys
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheCardWithTheScreen(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  connector
	}{
		"nothing":              {nil, connector{}},
		"a card without ports": {map[string]string{"card0/dev": "226:0\n", "renderD128/dev": "226:128\n", "version": "drm 1.1.0\n"}, connector{}},
		"no screen": {map[string]string{
			"card0-HDMI-A-1/status": "disconnected\n", "card0-HDMI-A-1/modes": "", "card0-Writeback-1/status": "unknown\n"}, connector{}},
		"a Raspberry Pi 4, where the card is the second": {map[string]string{"card0/dev": "226:0\n",
			"card1-HDMI-A-1/status": "disconnected\n", "card1-HDMI-A-1/connector_id": "32\n", "card1-HDMI-A-1/modes": "",
			"card1-HDMI-A-2/status": "connected\n", "card1-HDMI-A-2/connector_id": "42\n", "card1-HDMI-A-2/modes": "1920x1080\n1920x1080i\n1280x720\n",
			"card1-Writeback-1/status": "unknown\n"}, connector{"card1", "HDMI-A-2", 42, 1920, 1080}},
		"a virtual machine, whose kernel does not tell the number": {map[string]string{
			"card0-Virtual-1/status": "connected\n", "card0-Virtual-1/modes": "1280x720\n2560x1600\n1920x1080\n"}, connector{"card0", "Virtual-1", -1, 1280, 720}},
		"a laptop, closed": {map[string]string{"card0-eDP-1/status": "connected\n", "card0-eDP-1/modes": "1366x768\n",
			"card0-HDMI-A-1/status": "connected\n", "card0-HDMI-A-1/connector_id": "95\n", "card0-HDMI-A-1/modes": "1680x1050\n"}, connector{"card0", "HDMI-A-1", 95, 1680, 1050}},
		"of 4K more than any picture has": {map[string]string{"card0-DP-1/status": "connected\n", "card0-DP-1/connector_id": "7\n",
			"card0-DP-1/modes": "3840x2160\n3840x2160\n4096x2160\n1920x1080i\n1920x1080\n1280x720\n"}, connector{"card0", "DP-1", 7, 1920, 1080}},
		"large modes only":                   {map[string]string{"card0-DP-1/status": "connected\n", "card0-DP-1/modes": "2560x1440\n3840x2160\n"}, connector{"card0", "DP-1", -1, 2560, 1440}},
		"a portrait":                         {map[string]string{"card0-DSI-1/status": "connected\n", "card0-DSI-1/modes": "720x1280\n"}, connector{"card0", "DSI-1", -1, 720, 1280}},
		"a screen that was not asked yet":    {map[string]string{"card0-DP-1/status": "connected\n", "card0-DP-1/modes": ""}, connector{"card0", "DP-1", -1, 0, 0}},
		"nonsense where numbers should be":   {map[string]string{"card0-DP-1/status": "connected\n", "card0-DP-1/modes": "axb\n-\n", "card0-DP-1/connector_id": "x\n"}, connector{"card0", "DP-1", -1, 0, 0}},
		"a card after nine others":           {map[string]string{"card10-DP-1/status": "connected\n", "card10-DP-1/modes": "800x600\n"}, connector{"card10", "DP-1", -1, 800, 600}},
		"a connector whose state is unknown": {map[string]string{"card0-VGA-1/status": "unknown\n", "card0-VGA-1/modes": "1024x768\n"}, connector{}},
	} {
		got, err := connectedScreen(kernel(t, c.files))
		if got != c.want || (err == nil) == (c.want == connector{}) {
			t.Errorf("%s: %+v, %v, expected %+v", name, got, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "connect one") {
			t.Errorf("%s: %v does not say what to do", name, err)
		}
	}
}

// A screen that is switched off shows nothing, and nothing can be done about it; when it is there again, or another one is,
// it is opened anew.
func TestTheScreenOfACardChanges(t *testing.T) {
	const status, modes = "class/drm/card0-HDMI-A-1/status", "class/drm/card0-HDMI-A-1/modes"
	for name, c := range map[string]struct {
		path, text string // what changes
		then, back string // and what it is then
		why        string
	}{
		"another mode":   {modes, "1280x720\n", "", "", "now the screen is HDMI-A-1 of card0, 1280x720"},
		"off and on":     {status, "disconnected\n", status, "connected\n", "HDMI-A-1 is connected again"},
		"off":            {status, "disconnected\n", "", "", ""},
		"another screen": {status, "disconnected\n", "class/drm/card0-HDMI-A-2/status", "connected\n", "HDMI-A-2 is connected again"},
		"nothing":        {modes, "1920x1080\n", "", "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			sys := kernel(t, map[string]string{"card0-HDMI-A-1/status": "connected\n", "card0-HDMI-A-1/modes": "1920x1080\n"})
			at, err := connectedScreen(sys)
			if err != nil {
				t.Fatal(err)
			}
			gone := make(chan error, 1)
			go func() { gone <- at.watch(t.Context(), sys) }()
			time.Sleep(time.Hour + time.Second/2) // between two looks
			if len(gone) > 0 {
				t.Fatalf("%s: %v before anything changed", name, <-gone)
			}
			write(t, filepath.Join(sys, c.path), c.text)
			time.Sleep(time.Hour)
			if c.then != "" {
				if len(gone) > 0 {
					t.Fatalf("%s: %v while there is none", name, <-gone)
				}
				write(t, filepath.Join(sys, c.then), c.back)
				time.Sleep(2 * time.Second)
			}
			got := ""
			if len(gone) > 0 {
				got = (<-gone).Error()
			}
			if got != c.why {
				t.Errorf("%s: %q, expected %q", name, got, c.why)
			}
		})
	}
}
