package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The program starts itself anew once, with the runtime's setting behind those that somebody else made.
func TestCalm(t *testing.T) {
	if os.Getenv("EWINDOW_CALM_TEST") != "" {
		calm()
		fmt.Printf("pid %d: %s\n", os.Getpid(), os.Getenv("GODEBUG"))
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCalm$")
	cmd.Env = append(os.Environ(), "EWINDOW_CALM_TEST=1", "GODEBUG=gctrace=0")
	out, err := cmd.CombinedOutput()
	if want := fmt.Sprintf("pid %d: gctrace=0,%s\n", cmd.Process.Pid, awake); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: it printed %q, want %q", err, out, want)
	}
}
