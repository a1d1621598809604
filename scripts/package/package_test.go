package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The help of the programs is understood whole: no command without flags of its own, none that is only a word of a sentence.
func TestHelp(t *testing.T) {
	for program, want := range map[string][]string{
		"ewindow":           {"run", "join", "check", "status", "trust"},
		"ewindow-registrar": {"serve", "check", "account add", "account remove", "member revoke", "pin"},
	} {
		top, err := read("../../bin/" + program)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]*command{}
		for _, c := range top.Subs {
			have[c.Name] = c
		}
		for _, name := range want {
			if have[name] == nil || len(have[name].Flags) < 2 {
				t.Errorf("%s %s: %+v", program, name, have[name])
			}
		}
	}
}

var sample = &command{Help: "Usage: tool <command>", Subs: []*command{
	{Name: "add", Help: "Usage: tool add\n.hidden 'x'\n'quoted \\n", Flags: []string{"--help", "--state"}},
	{Name: "account list", Help: "Usage: tool account list", Flags: []string{"--json"}},
	{Name: "account remove", Help: "Usage: tool account remove", Flags: []string{"--help"}},
}}

// Nothing that a program says is taken for a request of the formatter.
func TestManEscapes(t *testing.T) {
	text := man(page{Name: "tool", About: about{Short: "a tool", Long: "It works.\n\n    tool add"}}, sample, time.Unix(0, 0).UTC())
	for _, want := range []string{".TH TOOL 1 1970-01-01\n", "tool \\- a tool\n", "\n\\&.hidden 'x'\n\\&'quoted \\en\n", ".SS tool account list\n", "\n    tool add\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// bash offers commands, the second words of commands, and flags.
func TestCompletion(t *testing.T) {
	script := filepath.Join(t.TempDir(), "tool.bash")
	if err := os.WriteFile(script, []byte(completion(sample)), 0o600); err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"tool a":              "add account",
		"tool account ":       "list remove --help",
		"tool add --s":        "--state",
		"tool account list -": "--json",
		"tool add ":           "", // a file
	} {
		words := strings.Split(typed, " ")
		for i, w := range words {
			words[i] = "'" + w + "'"
		}
		out, err := exec.Command("bash", "-c", ". "+script+"; COMP_WORDS=("+strings.Join(words, " ")+"); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _tool; echo ${COMPREPLY[@]}").CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", typed, got, err, want)
		}
	}
}

// Who may be passed on is known of every module; a module without a licence is found.
func TestLicences(t *testing.T) {
	t.Chdir("../..")
	text, err := copyright([]string{"bin/ewindow-registrar"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The Go runtime", "github.com/alecthomas/kong@v", "modernc.org/sqlite@v", "Permission is hereby granted"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if files, err := licenceFiles(t.TempDir()); err == nil {
		t.Errorf("an empty module has the licences %v", files)
	}
}
