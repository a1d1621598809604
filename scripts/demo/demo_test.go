package main

import (
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// demo runs the whole demo without a desktop and returns its verdict and what it printed.
func demo(t *testing.T, o options) (printed string, verdict error) {
	t.Helper()
	t.Setenv("DISPLAY", "")
	o.dir, o.bin, o.seconds = t.TempDir(), "../../bin", 8*time.Second
	if _, err := os.Stat(filepath.Join(o.bin, "ewindow")); err != nil {
		t.Fatalf("%v; make build makes the programs", err)
	}
	lines := make(chan string, 10000)
	verdict = run(context.Background(), o, func(line string) { lines <- line })
	close(lines)
	var all []string
	for l := range lines {
		all = append(all, l)
	}
	printed = strings.Join(all, "\n")
	t.Logf("verdict: %v\n%s", verdict, printed)
	for _, space := range []string{"milano", "munich"} {
		f, err := os.Open(filepath.Join(o.dir, space+".png"))
		if err != nil {
			t.Error(err)
			continue
		}
		if img, err := png.Decode(f); err != nil || img.Bounds().Dx() != width || img.Bounds().Dy() != height {
			t.Errorf("%s: %v", f.Name(), err)
		}
		f.Close()
	}
	return printed, verdict
}

func TestDemo(t *testing.T) {
	printed, err := demo(t, options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"milano    registered", "munich    registered", "milano    plan received", "munich    plan received",
		"open onto munich since", "open onto milano since", "opus + H264 over SRTP, keys by DTLS",
		"fps in", "kbit/s in", "loss 0 %", "round trip",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("the demo did not print %q", want)
		}
	}
}

// The check looks from outside, so it must see what goes wrong inside.
func TestCheckSeesAnExchange(t *testing.T) {
	_, err := demo(t, options{exchange: true})
	if err == nil {
		t.Fatal("exchanged windows passed")
	}
	for _, want := range []string{"milano's screen: 0.0 pictures of munich", "munich's screen: 0.0 pictures of milano",
		"milano's speaker: 0 % of the sound is munich's tone", "munich's speaker: 0 % of the sound is milano's tone"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the verdict does not say %q", want)
		}
	}
}

func TestCheckSeesAStoppedCameraAndAMutedMicrophone(t *testing.T) {
	_, err := demo(t, options{cameras: map[string]string{"milano": "auto"}, microphones: map[string]string{"munich": "none"}})
	if err == nil {
		t.Fatal("a stopped camera and a muted microphone passed")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "milano's speaker: 0 % of the sound") ||
		!strings.HasPrefix(lines[1], "munich's screen: 0.0 pictures of milano") {
		t.Errorf("the verdict is %q", lines)
	}
}
