package stage

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each speaker of a room is heard at its own place and at no other, and nothing of the room is left behind.
func TestRoom(t *testing.T) {
	r, err := OpenRoom(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.server == "" {
		t.Skip("on a desktop the sinks are its own")
	}
	heard := map[string]string{}
	for _, name := range []string{"left", "right"} {
		word, wav, err := r.Speaker(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(word, "gst:pulsesink ") {
			t.Errorf("the speaker is %q", word)
		}
		heard[name] = wav
	}
	const rate, hz = 48000, 500
	var tone []byte
	for i := range 10 * rate {
		tone = binary.LittleEndian.AppendUint16(tone, uint16(int16(8000*math.Sin(2*math.Pi*hz*float64(i)/rate))))
	}
	raw := filepath.Join(t.TempDir(), "tone")
	if err := os.WriteFile(raw, tone, 0o600); err != nil {
		t.Fatal(err)
	}
	play := exec.CommandContext(t.Context(), "pacat", "--server="+r.server, "--device=ewindow-left", "--rate=48000", "--channels=1", "--format=s16le", raw)
	if err := play.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = play.Process.Kill(); _ = play.Wait() }()
	share := func(name string) float64 {
		e, err := OpenEars(heard[name])
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Last(1)
		if err != nil {
			t.Fatal(err)
		}
		return Share(s, e.Rate, hz)
	}
	err = soon(t.Context(), r.daemon, func() error {
		if share("left") < 0.9 {
			return errors.New("the left speaker is not heard")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if s := share("right"); s > 0 {
		t.Errorf("%.0f %% of what the right speaker plays is the left one's", 100*s)
	}
	r.Close()
	if _, err := os.Stat(r.dir); err == nil {
		t.Error("the room's directory is left behind")
	}
	select {
	case <-r.daemon.Ended():
	default:
		t.Error("the server runs on")
	}
}
