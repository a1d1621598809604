package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the commands of testdata print now; then read it")

// monday is what the clock shows in these tests.
var monday = time.Date(2027, 3, 22, 9, 30, 0, 0, time.UTC)

// A transcript is what commands print, as a terminal shows it; "! " stands before what goes to standard error.
type transcript struct {
	bytes.Buffer
}

type errorLines struct{ t *transcript }

func (e errorLines) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		e.t.WriteString("! " + line)
	}
	return len(b), nil
}

// shell runs a line of a script in the working directory: a command of the program, or one of a few of a shell.
func shell(t *testing.T, line string) string {
	t.Helper()
	var out transcript
	words := split(line)
	switch words[0] {
	case "ewindow-registrar":
		s := streams{out: &out, err: errorLines{&out}, now: func() time.Time { return monday }}
		if status := run(words[1:], s); status != 0 {
			fmt.Fprintf(&out, "[%d]\n", status)
		}
	case "cat":
		text, err := os.ReadFile(words[1])
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	case "rm":
		if err := os.Remove(words[1]); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("a script cannot say %q", line)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "␍\n")
}

// split takes a command line apart; words in double quotes stay together.
func split(line string) []string {
	words := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1)
	for i := range words {
		words[i] = strings.Trim(words[i], `"`)
	}
	return words
}

var section = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// Each file in testdata/answers has the files of a plan, and commands with exactly what they print.
func TestAnswers(t *testing.T) {
	scripts, err := filepath.Glob("testdata/answers/*.txt")
	if err != nil || len(scripts) < 6 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, name := range scripts {
		t.Run(filepath.Base(name), func(t *testing.T) {
			absolute, err := filepath.Abs(name)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			text := string(data)
			at := section.FindAllStringSubmatchIndex(text, -1)
			commands := text
			for i, m := range at {
				end := len(text)
				if i+1 < len(at) {
					end = at[i+1][0]
				}
				file := text[m[2]:m[3]]
				if file == "commands" {
					commands = text[m[1]:end]
					continue
				}
				if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
					t.Fatal(err)
				}
				write(t, file, text[m[1]:end])
				if err := os.Chtimes(file, monday, monday); err != nil {
					t.Fatal(err)
				}
			}
			got := replay(t, commands)
			if *update {
				write(t, absolute, strings.Replace(text, commands, got, 1))
			} else if got != commands {
				t.Errorf("it prints\n%s\nwant\n%s", got, commands)
			}
		})
	}
}

// replay runs the lines that begin with "$ ", and puts what they print in the place of what stood there.
func replay(t *testing.T, commands string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(commands) {
		command, ok := strings.CutPrefix(line, "$ ")
		if ok {
			out.WriteString(line + shell(t, strings.TrimSpace(command)))
		}
	}
	return out.String()
}
