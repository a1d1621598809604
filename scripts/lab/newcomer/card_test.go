package newcomer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ewindow/media/engine/protocol"
)

// A window that finds a file on its card joins by it, without anybody at its screen, and what has been used is gone from the card. What is wrong in the file is said on
// the screen with the line, the file stays as it is, and the window can be joined there all the same.
func TestByCard(t *testing.T) {
	n := registrar(t, true)
	code := invite(t, n)
	for _, c := range []struct {
		name, text string
		typed      string // at the screen
		left       string // in the file
		sees       *protocol.Card
	}{
		{name: "broken", text: "code = " + code + "\r\nwifi_country = Germany\r\n", left: "code = " + code + "\r\nwifi_country = Germany\r\n",
			sees: &protocol.Card{Title: heading, Reason: "In ewindow-join.txt, line 2: a country is two letters", Next: "As DE, IT or CH", Notice: another}},
		{name: "joins", text: "# ours\r\ncode = " + code + "\r\naccept_rules = stage\r\nmicrophone = none\r\n",
			left: "# ours\r\ncode = " + strings.Repeat(" ", len(code)) + "\r\naccept_rules = stage\r\nmicrophone = none\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, dir := newPlace(t), t.TempDir()
			card, file := filepath.Join(dir, "ewindow-join.txt"), filepath.Join(dir, "window.hcl")
			if err := os.WriteFile(card, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(ewindow, "run", "--join", "--card", card, "-c", file, "--state", dir)
			cmd.Env = append(os.Environ(), "DISPLAY="+p.x.Name, "WAYLAND_DISPLAY=")
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
			var said safe
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = cmd.Process.Signal(syscall.SIGTERM)
				_ = cmd.Wait()
				if t.Failed() {
					t.Log(said.String())
				}
			})
			if c.sees != nil {
				p.sees(c.name, *c.sees)
			} else {
				awaitPicture(t, p.x.Name, "milano")
				if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `microphone  = "none"`) {
					t.Errorf("the window's file: %s, %v", text, err)
				}
			}
			if left, err := os.ReadFile(card); err != nil || string(left) != c.left {
				t.Errorf("on the card there is %q, %v", left, err)
			}
			if letters := code[strings.LastIndexByte(code, '/')+1:]; strings.Contains(said.String(), letters) {
				t.Error("the code stands in the log")
			}
		})
	}
}

// In a terminal the same file does for `join`.
func TestJoinByCard(t *testing.T) {
	n := registrar(t, false)
	code := invite(t, n)
	dir := t.TempDir()
	card, file := filepath.Join(dir, "ewindow-join.txt"), filepath.Join(dir, "window.hcl")
	join := func() error {
		_, err := n.Do("", "ewindow", "join", "--no-start", "--card", card, "-c", file, "--state", dir)
		return err
	}
	for _, c := range []struct{ text, want string }{
		{"", "has no code"},
		{"code =   \n", "has no code"},
		{"codes = x\n", "ewindow-join.txt:1:1: error: what stands before the sign"},
		{"code = " + code + "\nrotate = 90\naccept_rules = v7\n", "the rules are stage"},
		{"code = " + code + "\ncamera = telescope\naccept_rules = stage\n", "a device in ewindow-join.txt"},
		{"code = " + code + "\nrotate = 90\naccept_rules = stage\n", ""},
	} {
		if err := os.WriteFile(card, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := join(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
	if left, err := os.ReadFile(card); err != nil || strings.Contains(string(left), code) {
		t.Errorf("%q, %v", left, err)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "rotate      = 90") {
		t.Errorf("%s, %v", text, err)
	}
}
