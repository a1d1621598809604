// Package answers tests what the real programs answer to whoever asks how they are.
package answers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ewindow/endpoint/status"
	registrar "ewindow/registrar/status"
	"ewindow/scripts/stage"
)

const bin = "../../../bin"

// A registrar and two windows, of which one has no camera: the operator's page and the window's own say so, by every way to ask, and forget it
// with the window.
func TestTheOperatorKnows(t *testing.T) {
	n := &stage.Network{Dir: filepath.Join(t.TempDir(), "network"), Bin: bin, Dialplan: stage.Open("milano", "munich"), Windows: []stage.Window{
		{Space: "milano", Camera: "test", Microphone: "none", Speaker: "none", Screen: "none", Width: 320, Height: 240, FPS: 10, Kbps: 200},
		{Space: "munich", Camera: "v4l2:/dev/video99", Microphone: "none", Speaker: "none", Screen: "none", Width: 320, Height: 240, FPS: 10, Kbps: 200},
	}}
	if err := n.Write(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	if _, err := n.StartRegistrar(t.Context()); err != nil {
		t.Fatal(err)
	}
	windows := map[string]*stage.Process{}
	for _, w := range n.Windows {
		p, err := n.StartWindow(w)
		if err != nil {
			t.Fatal(err)
		}
		windows[w.Space] = p
	}
	until(t, "the registrar knows what munich lacks, and that milano sees it", func() bool {
		s, err := n.RegistrarStatus()
		if err != nil {
			return false
		}
		a, b := s.Account("milano").Health, s.Account("munich").Health
		return a != nil && a.Call != nil && a.Call.State == "picture" && a.Call.FPSIn > 0 && a.Version != "" && a.Encoder != "" && len(a.Devices) == 0 &&
			b != nil && len(b.Devices) == 1 && b.Devices[0].Missing == "No camera"
	})
	page := ask(t, "ewindow-registrar", "status", "--state", n.StateDir())
	if !strings.Contains(page, "1 of 1 links are up\n") || !strings.Contains(page, "\n  ! No camera\n") || !strings.Contains(page, "milano  with munich  with munich") {
		t.Errorf("%s", page)
	}
	one := ask(t, "ewindow-registrar", "status", "munich", "--state", n.StateDir())
	if !strings.Contains(one, "devices     camera: No camera\n") || !strings.Contains(one, "sees        milano since ") || !strings.Contains(one, "keys: dtls, ") {
		t.Errorf("%s", one)
	}
	var all registrar.Status
	if err := json.Unmarshal([]byte(ask(t, "ewindow-registrar", "status", "--json", "--state", n.StateDir())), &all); err != nil || all.Account("munich").Health == nil {
		t.Errorf("--json: %v, %+v", err, all.Account("munich"))
	}
	dir := filepath.Join(n.Dir, "munich")
	own := ask(t, "ewindow", "status", "--state", dir)
	for _, want := range []string{"\nregistrar   127.0.0.1:", "\nplan        open onto milano", "\ncall        partner milano", "\nline        by host; ", "\ncamera      ", "No camera", "\nfault       "} {
		if !strings.Contains("\n"+own, want) {
			t.Errorf("no %q in\n%s", want, own)
		}
	}
	if n := strings.Count(own, "\n"); n > 30 {
		t.Errorf("%d lines are no screen:\n%s", n, own)
	}
	var s status.Status
	if err := json.Unmarshal([]byte(ask(t, "ewindow", "status", "--json", "--state", dir)), &s); err != nil || len(s.Faults) == 0 || s.Version == "" || s.Registration.Registrar == "" {
		t.Errorf("--json: %v, %+v", err, s)
	}
	for _, socket := range []string{filepath.Join(n.StateDir(), "status.sock"), filepath.Join(dir, "status.sock")} {
		if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", socket, info, err)
		}
	}
	windows["munich"].Kill()
	until(t, "what munich told is forgotten with it", func() bool {
		s, err := n.RegistrarStatus()
		return err == nil && s.Account("munich").Health == nil && s.Account("milano").Health != nil
	})
	until(t, "milano remembers what went wrong", func() bool {
		s, err := n.Status("milano")
		return err == nil && s.LastFault() != nil && strings.Contains(s.LastFault().What, "munich")
	})
}

// ask is what a command prints, which fits a terminal.
func ask(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, program), args...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v", program, args, err)
	}
	for line := range strings.Lines(string(out)) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && !strings.HasPrefix(string(out), "{") {
			t.Errorf("%s %v: a line of %d characters: %s", program, args, n, line)
		}
	}
	return string(out)
}

// until waits for what is to become so; a minute is for a machine that is busy.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not so that %s", what)
		}
	}
}
