package stage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// The exchange rules that the windows of a stage accept.
const rulesVersion, rulesText = "stage", "Who sees is seen.\n"

// Invite makes a code with which a window joins as a founder, as people type it; more may have --png and a file, for its QR.
func (n *Network) Invite(space string, more ...string) (string, error) {
	rules := filepath.Join(n.StateDir(), "rules", rulesVersion+".txt")
	if err := os.MkdirAll(filepath.Dir(rules), 0o755); err != nil {
		return "", err
	}
	if _, err := os.Stat(rules); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(rules, []byte(rulesText), 0o644); err != nil {
			return "", err
		}
	}
	return n.Do("", "ewindow-registrar", append([]string{"invite", space, "--member", "--rules", rulesVersion, "--state", n.StateDir()}, more...)...)
}

// join has a window join with a code, as a founder, and puts its devices into the file that it wrote.
func (n *Network) join(w Window, dir, file string) error {
	code, err := n.Invite(w.Space)
	if err != nil {
		return err
	}
	if _, err := n.Do(code, "ewindow", "join", "--code-file", "-", "-c", file, "--state", dir, "--accept-rules", rulesVersion, "--no-start"); err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	found := regexp.MustCompile(`(?m)^(camera|screen|microphone|speaker) .*\n(#   .*\n)*`).ReplaceAllString(string(text), "")
	return os.WriteFile(file, []byte(found+w.devices()), 0o644)
}

// Do runs a program to its end, and returns what it prints.
func (n *Network) Do(stdin, program string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(n.Bin, program), args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s %s: %w: %s", program, args[0], args[1], err, stderr.Bytes())
	}
	return string(out), nil
}
