package newcomer

import (
	"context"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/config"
	"ewindow/media/testcard"
	"ewindow/registrar/members"
	"ewindow/registrar/signal/joining"
	"ewindow/scripts/stage"
)

const (
	bin           = "../../../bin"
	ewindow       = bin + "/ewindow"
	width, height = 1280, 720
)

func itoa(n int) string { return strconv.Itoa(n) }

// registrar runs one whose plan has milano and munich see each other. partner has milano's window run, too.
func registrar(t *testing.T, partner bool) *stage.Network {
	t.Helper()
	n := &stage.Network{Dir: filepath.Join(t.TempDir(), "network"), Bin: bin, Dialplan: stage.Open("milano", "munich")}
	if partner {
		n.Windows = []stage.Window{{Space: "milano", Camera: "test", Microphone: "none", Speaker: "none", Screen: "none"}}
	}
	if err := n.Write(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	if _, err := n.StartRegistrar(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, w := range n.Windows {
		if _, err := n.StartWindow(w); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// invite is a code for munich; the one before is void.
func invite(t *testing.T, n *stage.Network, more ...string) string {
	t.Helper()
	code, err := n.Invite("munich", more...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(code)
}

// expired is a code for another space that was made eight days ago.
func expired(t *testing.T, n *stage.Network) joining.Code {
	t.Helper()
	code, err := joining.Parse(invite(t, n))
	if err != nil {
		t.Fatal(err)
	}
	code.Token = joining.NewToken()
	key := code.Token.Key()
	if _, err := members.Add(filepath.Join(n.StateDir(), members.FileName), func(r members.Record) (members.Entry, error) {
		return r.InviteAgain("late", "stage", code.Token.ID(), hex.EncodeToString(key[:]), time.Now().Add(-members.CodeLife-24*time.Hour))
	}); err != nil {
		t.Fatal(err)
	}
	return code
}

// mistyped is a code with another letter in its second group.
func mistyped(code string) string {
	at := strings.LastIndexByte(code, '/') + len("7K3MQ-") + 2
	other := byte('7')
	if code[at] == other {
		other = '8'
	}
	return code[:at] + string(other) + code[at+1:]
}

// nobodyThere is a code of a registrar that does not run.
func nobodyThere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return joining.Code{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Token: joining.NewToken()}.Typed()
}

// From nothing but the programs, a registrar and a code to the other space's picture, with what somebody types. The time is for people to read.
func TestFromNothingToAPicture(t *testing.T) {
	n := registrar(t, true)
	x, err := stage.StartXvfb(t.Context(), width, height)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	code := invite(t, n)
	dir := t.TempDir()
	file := filepath.Join(dir, "etc", "window.hcl")

	began := time.Now()
	s := sit(t, ewindow, "join", "-c", file, "--state", filepath.Join(dir, "state"), "--camera", "test", "--display", "x11:"+x.Name, "--microphone", "none", "--speaker", "none")
	s.reads("The code of the invitation: ")
	s.types(code + "\n")
	s.reads("Who sees is seen.")
	s.reads("Type yes: ")
	s.types("yes\n")
	s.reads("Welcome. This window is munich now")
	joined := time.Since(began)
	awaitPicture(t, x.Name, "milano")
	t.Logf("%d keys were pressed: the code, yes, Return twice. The window had joined after %.1f s, and showed the other space after %.1f s",
		s.typed, joined.Seconds(), time.Since(began).Seconds())

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := config.Load(file); err != nil || c.Space != "munich" || c.Screen != "x11:"+x.Name || !strings.Contains(string(text), "\n#   ") {
		t.Errorf("the file is read as %+v (%v):\n%s", c, err, text)
	}
}

// awaitPicture waits until a display shows the test camera of a space.
func awaitPicture(t *testing.T, display, space string) {
	t.Helper()
	eyes, err := stage.OpenEyes(display, "")
	if err != nil {
		t.Fatal(err)
	}
	defer eyes.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	for {
		if seed, _, ok, _ := eyes.Code(); ok && seed == testcard.Seed(space) {
			return
		}
		select {
		case <-ctx.Done():
			if at := os.Getenv("EWINDOW_SHOTS"); at != "" {
				_ = eyes.Save(filepath.Join(at, "no-picture.png"))
			}
			t.Fatalf("the screen does not show %s", space)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Whoever types a code that does not do is told why, and may type another; who does not accept the rules has changed nothing.
func TestTypedCodes(t *testing.T) {
	n := registrar(t, false)
	late := expired(t, n).Typed()
	void, dir := invite(t, n), t.TempDir()
	good := invite(t, n)
	file := filepath.Join(dir, "window.hcl")
	args := []string{"join", "--no-start", "-c", file, "--state", filepath.Join(dir, "state")}

	s := sit(t, ewindow, args...)
	for _, c := range []struct{ code, says string }{
		{"hello", "This is no code. One looks like"},
		{mistyped(good), "The code is mistyped, probably in group 2"},
		{nobodyThere(t), "is not reached. Is this machine on the network"},
		{late, "This code was good until"},
		{void, "This code is void since"},
	} {
		s.reads("The code of the invitation: ")
		s.types(c.code + "\n")
		s.reads(c.says)
	}
	s.reads("The code of the invitation: ")
	s.types(strings.ToLower(strings.ReplaceAll(good, "-", " ")) + "\n")
	s.reads("Type yes: ")
	s.types("no\n")
	s.reads("the exchange rules were not accepted; nothing was changed")
	if err := s.ended(); err == nil {
		t.Error("who has not accepted the rules has ended well")
	}
	if _, err := os.Stat(file); err == nil {
		t.Fatal("there is a file, and nobody accepted the rules")
	}

	s = sit(t, ewindow, args...)
	s.reads("The code of the invitation: ")
	s.types("\x03")
	if err := s.ended(); err == nil {
		t.Error("who gave up at the prompt has ended well")
	}

	if said, err := n.Do("", "ewindow", append(args, "--code-file", "/dev/null")...); err == nil || !strings.Contains(err.Error(), "this is no code") {
		t.Errorf("an empty file: %v, %s", err, said)
	}
	codeFile := filepath.Join(dir, "code")
	if err := os.WriteFile(codeFile, []byte(good+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Do("", "ewindow", append(args, "--code-file", codeFile, "--accept-rules", "v9")...); err == nil || !strings.Contains(err.Error(), "the rules are stage, and --accept-rules accepts v9") {
		t.Errorf("other rules: %v", err)
	}
	said, err := n.Do("", "ewindow", append(args, "--code-file", codeFile, "--accept-rules", "stage")...)
	if err != nil || !strings.Contains(said, "Welcome. This window is munich now") {
		t.Fatalf("%v, %s", err, said)
	}
	if strings.Contains(said, good[strings.LastIndexByte(good, '/')+1:]) {
		t.Errorf("the code is printed: %s", said)
	}
	if said, err := n.Do("", "ewindow", "join", "--no-start", "-c", filepath.Join(dir, "other.hcl"), "--state", filepath.Join(dir, "other"), "--code-file", codeFile, "--accept-rules", "stage"); err == nil ||
		!strings.Contains(err.Error(), "this code was used by another device on") {
		t.Errorf("another device with the same code: %v, %s", err, said)
	}
	if said, err := n.Do("", "ewindow", append(args, "--code-file", codeFile)...); err == nil || !strings.Contains(err.Error(), "this window has joined before") {
		t.Errorf("again: %v, %s", err, said)
	}
}
