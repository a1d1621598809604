package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

var (
	fence     = regexp.MustCompile("(?s)```(hcl|console)\n(.*?)```")
	fileName  = regexp.MustCompile(`^# (\S+\.hcl)\n`)
	blockHead = regexp.MustCompile(`^\w+ "[^"]*"`)
)

// The page on this room has a line for each package in it.
func TestPageOnTheRegistrar(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if !e.IsDir() || e.Name() == "testdata" {
			continue
		}
		n++
		if !regexp.MustCompile("(?m)^\\|[^|]*`" + e.Name() + "`").Match(page) {
			t.Errorf("README.md has no line for %s", e.Name())
		}
	}
	if n < 10 {
		t.Errorf("%d packages only", n)
	}
}

// What the page on the dialplan teaches is so: its blocks are put together as it says, and the program prints what it
// shows. `go test ./registrar -run Page -update` writes what it prints into the page; then read it.
func TestPageOnTheDialplan(t *testing.T) {
	page, err := filepath.Abs("../dialplan/README.md")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	text, network := string(data), ""
	examples, answered := 0, 0
	out := fence.ReplaceAllStringFunc(text, func(found string) string {
		m := fence.FindStringSubmatch(found)
		body := m[2]
		switch name := fileName.FindStringSubmatch(body); {
		case m[1] == "console":
			answered++
			got := replay(t, body)
			got = strings.ReplaceAll(got, "! ", "")
			if want := body; got != want && !*update {
				t.Errorf("the page shows\n%s\nand the program prints\n%s", want, got)
			}
			return "```console\n" + got + "```"
		case name != nil:
			write(t, name[1], body)
		default:
			examples++
			write(t, "before.hcl", network)
			network = merge(t, network, body)
			write(t, "network.hcl", network)
			if said := shell(t, "ewindow-registrar check network.hcl"); !strings.Contains(said, ": no errors") {
				t.Errorf("this step is refused:\n%s\n%s", body, said)
			}
		}
		return found
	})
	if examples < 8 || answered < 8 {
		t.Errorf("the page has %d steps and %d answers", examples, answered)
	}
	if said := shell(t, "ewindow-registrar check network.hcl"); !strings.HasPrefix(said, "10 spaces, ") || !strings.HasSuffix(said, ": no errors\n") {
		t.Errorf("in the end it is not ten windows without a warning: %s", said)
	}
	if *update && !t.Failed() {
		write(t, page, out)
	}
}

// merge puts blocks behind those of a file, or in the place of those with the same name.
func merge(t *testing.T, network, step string) string {
	t.Helper()
	for _, b := range blocksOf(t, step) {
		head := blockHead.FindString(b)
		replaced := false
		for _, old := range blocksOf(t, network) {
			if blockHead.FindString(old) == head {
				network, replaced = strings.Replace(network, old, b, 1), true
			}
		}
		if !replaced {
			network += b + "\n"
		}
	}
	return network
}

// blocksOf is the text of each block at the top of a file.
func blocksOf(t *testing.T, text string) []string {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(text), "README.md", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, text)
	}
	var out []string
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		out = append(out, text[b.Range().Start.Byte:b.CloseBraceRange.End.Byte])
	}
	return out
}
