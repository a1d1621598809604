package machine

import (
	"bufio"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A real shell at the other end of a line that says again what is written to it, as a terminal does.
func TestShellAnswers(t *testing.T) {
	here, there := net.Pipe()
	sh := exec.CommandContext(t.Context(), "sh")
	sh.Stdin, sh.Stdout = there, there
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	l := &line{conn: here, in: bufio.NewReader(here)}
	never := time.Now().Add(time.Hour)
	if out, err := l.ask("echo one; echo two >&2", never); err != nil || out != "one\ntwo" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := l.ask("printf half; false", never); err == nil || out != "half" || !strings.Contains(err.Error(), "status 1") {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := l.ask("read forever <&3 3</dev/null; echo late", time.Now()); err == nil {
		t.Error("an answer that is not waited for came")
	}
	if out, err := l.ask("echo mine", never); err != nil || out != "mine" {
		t.Errorf("after an answer that came late: %q, %v", out, err)
	}
}
