package newcomer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"ewindow/endpoint/join"
	"ewindow/media/engine/protocol"
	"ewindow/registrar/signal/joining"
	"ewindow/scripts/stage"
)

const (
	heading = "A new window"
	another = "Hold another code before the camera, or type it here"
)

// What a screen has two pages of.
const longRules = `1. Who sees is seen. Nobody watches a space without showing their own.

2. Nothing is recorded, at no side of the window. Whoever wants to take a picture asks first, by waving.

3. A space that has a visitor from another space shows them around, and gives them something to drink.

4. Who closes their window outside of the hours that the plan has says so beforehand.

Who sees is seen.`

// used is a code with which another device has joined.
func used(t *testing.T, n *stage.Network) string {
	t.Helper()
	code, err := n.Invite("taken", "--anyway")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := n.Do(code, "ewindow", "join", "--no-start", "-c", filepath.Join(dir, "window.hcl"), "--state", dir, "--code-file", "-", "--accept-rules", "stage"); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(code)
}

// At the screen: people see themselves, hold codes before the camera that do not do, are told why on the screen and in the terminal in the same words, and at last
// hold the right one, accept the rules with the keyboard, and see the other space.
func TestAtTheScreen(t *testing.T) {
	n := registrar(t, true)
	rules := filepath.Join(n.StateDir(), "rules", "stage.txt")
	if err := errors.Join(os.MkdirAll(filepath.Dir(rules), 0o755), os.WriteFile(rules, []byte(longRules), 0o644)); err != nil {
		t.Fatal(err)
	}
	late, taken := expired(t, n), used(t, n)
	void := invite(t, n)
	picture := filepath.Join(t.TempDir(), "invitation.png")
	good, err := joining.Parse(invite(t, n, "--png", picture))
	if err != nil {
		t.Fatal(err)
	}
	unknown := good
	unknown.Token = joining.NewToken()
	p, dir := newPlace(t), t.TempDir()
	file := filepath.Join(dir, "etc", "window.hcl")
	s := sit(t, ewindow, "join", "--screen", "-c", file, "--state", filepath.Join(dir, "state"),
		"--camera", p.camera(), "--display", "x11:"+p.x.Name, "--microphone", "none", "--speaker", "none")
	s.missed = func() { p.shoot("unsaid") }
	s.reads("The code of the invitation: ")
	p.aims()

	for _, c := range []struct{ name, code, what string }{
		{"no-code", "https://example.org/", "This is no code"},
		{"mistyped", mistyped(good.Typed()), "The code is mistyped, probably in group 2"},
		{"not-reached", nobodyThere(t), "The registrar 127.0.0.1 is not reached"},
		{"expired", late.URI(), "This code was good until"},
		{"revoked", void, "This code is void since"},
		{"used", taken, "This code was used by another device on"},
		{"unknown", unknown.URI(), "This registrar has made no such code"},
		{"no-proof", stranger(t, false).URI(), "What answers at the registrar's address cannot prove that it made this code"},
	} {
		p.hold(c.code)
		if c.name == "used" { // it might have been this window
			s.reads("This code was used before, on ")
			when, _, _ := strings.Cut(s.line(), ". ")
			p.sees("used-before", protocol.Card{Title: heading, Reason: "This code was used before, on " + when,
				Next: "If that was this window, go on. If it was not, tell whoever invited you at once", Notice: "Return: on"})
			p.types("\n\nyes\n")
		}
		s.reads(c.what)
		line := c.what + s.line()
		what, do, _ := strings.Cut(line, ". ")
		p.sees(c.name, protocol.Card{Title: heading, Reason: what, Next: strings.TrimSuffix(do, "."), Notice: another})
		p.hold("")
	}

	p.hold(stranger(t, true).URI())
	s.reads("This machine's clock is wrong")
	what, do, _ := strings.Cut("This machine's clock is wrong"+s.line(), ". ")
	p.sees("clock", protocol.Card{Title: heading, Reason: what, Next: strings.TrimSuffix(do, "."), Notice: "Return: on"})
	p.types("\n")
	p.sees("rules-short", protocol.Card{Title: "The exchange rules, v3", Notice: "Be kind.\n\n" + join.Asked + ", and Return. Escape: no."})
	p.hold("")
	p.types("\x1b")
	s.reads("The exchange rules were not accepted")
	p.sees("not-accepted", protocol.Card{Title: heading, Reason: "The exchange rules were not accepted", Next: "Nothing was changed, and the code can still be used", Notice: another})

	p.hold(good.URI())
	s.reads("2. Nothing is recorded")
	p.sees("rules-1", protocol.Card{Title: "The exchange rules, stage (1 of 2)", Notice: `1. Who sees is seen. Nobody watches a space
without showing their own.

2. Nothing is recorded, at no side of the
window. Whoever wants to take a picture asks
first, by waving.

3. A space that has a visitor from another
space shows them around, and gives them
something to drink.

Return: the next page. Escape: not accepted.`})
	p.types("yes\n") // the letters count on the last page alone
	p.sees("rules-2", protocol.Card{Title: "The exchange rules, stage (2 of 2)", Notice: `4. Who closes their window outside of the
hours that the plan has says so beforehand.

Who sees is seen.

Do you accept them? Type yes, and Return. Escape: no.`})
	p.types("yes")
	p.sees("accept", protocol.Card{Title: "The exchange rules, stage (2 of 2)", Notice: `4. Who closes their window outside of the
hours that the plan has says so beforehand.

Who sees is seen.

Do you accept them? Type yes: yes▏`})
	p.types("\n")
	s.reads("Welcome. This window is munich now")
	p.sees("welcome", protocol.Card{Title: heading, Reason: "Welcome. This window is munich now"})
	p.hold("")
	awaitPicture(t, p.x.Name, "milano")
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	if strings.Contains(s.all(), good.Typed()[strings.LastIndexByte(good.Typed(), '/')+1:]) {
		t.Error("the code stands in the terminal")
	}
}

// A window that is to join by itself, as a service without a terminal, has its code typed at its screen; then it is a window. Without that, and without a file, it says what to do.
func TestRunWithoutAFile(t *testing.T) {
	n := registrar(t, true)
	code := invite(t, n)
	p, dir := newPlace(t), t.TempDir()
	file := filepath.Join(dir, "window.hcl")
	if _, err := n.Do("", "ewindow", "run", "-c", file, "--state", dir); err == nil || !strings.Contains(err.Error(), "ewindow join -c "+file) {
		t.Errorf("without a file: %v", err)
	}
	c := exec.Command(ewindow, "run", "--join", "-c", file, "--state", dir)
	c.Env = append(os.Environ(), "DISPLAY="+p.x.Name, "WAYLAND_DISPLAY=")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	var said safe
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	p.sees("no-camera", protocol.Card{Title: heading, Reason: "Welcome", Next: "Type the code of the invitation, and Return", Notice: "No camera\nIt looks like reg.example.org/7K3MQ-…"})
	p.types(strings.ToLower(code) + "x")
	p.types("\b")
	p.sees("typed", protocol.Card{Title: "The code of the invitation", Next: strings.ToLower(code) + "▏", Notice: "It looks like reg.example.org/7K3MQ-…\nReturn: done. Backspace: one letter back. Escape: all."})
	p.types("\n")
	p.sees("rules", protocol.Card{Title: "The exchange rules, stage", Notice: "Who sees is seen.\n\nDo you accept them? Type yes, and Return. Escape: no."})
	p.types("yes\n")
	awaitPicture(t, p.x.Name, "milano")
	if letters := code[strings.LastIndexByte(code, '/')+1:]; strings.Contains(strings.ToUpper(said.String()), letters) {
		t.Error("the code stands in the log")
	}
}

// Where no keyboard is heard the screen says how to join in a terminal, and the window goes on when somebody has.
func TestJoinedInATerminalMeanwhile(t *testing.T) {
	n := registrar(t, true)
	code := invite(t, n)
	p, dir := newPlace(t), t.TempDir()
	file, state := filepath.Join(dir, "window.hcl"), filepath.Join(dir, "state")
	c := exec.Command(ewindow, "join", "--screen", "-c", file, "--state", state, "--camera", "v4l2:/dev/none", "--display", "gst:ximagesink sync=false display="+p.x.Name)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	var said safe
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	p.sees("no-keyboard", protocol.Card{Title: heading, Reason: "Welcome", Next: "Join in a terminal", Notice: "No camera\newindow join --no-start -c " + file})
	if _, err := n.Do(code, "ewindow", "join", "--no-start", "-c", file, "--state", state, "--code-file", "-", "--accept-rules", "stage",
		"--camera", "test", "--display", "x11:"+p.x.Name, "--microphone", "none", "--speaker", "none"); err != nil {
		t.Fatal(err)
	}
	awaitPicture(t, p.x.Name, "milano")
}

// Without a keyboard at the screen, as on a console without a desktop, keys come from the terminal that the program runs in: each as it is typed, shown by the screen, and Ctrl-C
// ends it. Afterwards the terminal is as it was.
func TestKeysOfTheTerminal(t *testing.T) {
	n := registrar(t, false)
	code := invite(t, n)
	p, dir := newPlace(t), t.TempDir()
	file := filepath.Join(dir, "window.hcl")
	args := []string{"join", "--screen", "--no-start", "-c", file, "--state", filepath.Join(dir, "state"), "--camera", "v4l2:/dev/none", "--display", "gst:ximagesink sync=false display=" + p.x.Name}
	for _, ends := range []string{"\x03", ""} {
		s := sit(t, ewindow, args...)
		before := s.settings()
		s.reads("The code of the invitation: ")
		s.types("xy\x7f\x1b")
		s.reads("The code of the invitation: xy")
		s.types(code[:9])
		p.sees("terminal-typed", protocol.Card{Title: "The code of the invitation", Next: code[:9] + "▏", Notice: "It looks like reg.example.org/7K3MQ-…\nReturn: done. Backspace: one letter back. Escape: all."})
		if ends != "" {
			s.types(ends)
			if s.ended() == nil {
				t.Error("who gave up has ended well")
			}
		} else {
			s.types(code[9:] + "\n")
			s.reads("Do you accept them? Type yes: ")
			s.types("yes\n")
			s.reads("Welcome. This window is munich now")
			if err := s.ended(); err != nil {
				t.Error(err)
			}
		}
		if s.settings() != before {
			t.Errorf("the terminal is left with %+v; it had %+v", s.settings(), before)
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// safe takes what a program says, and may be read meanwhile.
type safe struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safe) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
