package dialplan

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the bad files' messages are now; then read them")

// Every file in testdata/bad is refused with exactly the message beside it.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.hcl")
	if err != nil || len(files) < 140 {
		t.Fatalf("%d bad files, %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := Parse(File{Name: filepath.Base(name), Data: data})
		var ds Diagnostics
		if !errors.As(err, &ds) || plan != nil {
			t.Errorf("%s is not refused with diagnostics: %v", name, err)
			continue
		}
		wanted := strings.TrimSuffix(name, ".hcl") + ".want"
		if *update {
			if err := os.WriteFile(wanted, []byte(ds.Error()+"\n"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(wanted)
		if err != nil {
			t.Fatal(err)
		}
		if got := ds.Error() + "\n"; got != string(want) {
			t.Errorf("%s:\n got %swant %s", name, got, want)
		}
	}
}

const (
	oneSpace = "space \"a\" {\n  timezone = \"UTC\"\n  open     = \"24/7\"\n}\n"
	another  = "space \"b\" {\n  timezone = \"UTC\"\n  open     = \"24/7\"\n}\n"
	aLink    = "link \"x\" {\n  between = [a, b]\n  when    = open\n}\n"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadDirectory(t *testing.T) {
	dir := write(t, map[string]string{
		"10-links.hcl": aLink, "20-a.hcl": oneSpace, "30-b.hcl": another, // names may be used before they are described
		".#20-a.hcl": "an editor's", "20-a.hcl~": "an editor's", "README": "no", "deeper.hcl/c.hcl": "no",
	})
	p, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Spaces()) != 2 || len(p.Links()) != 1 {
		t.Errorf("%v, %v", p.Spaces(), p.Links())
	}
}

func TestLoadNamesBothFiles(t *testing.T) {
	dir := write(t, map[string]string{"1.hcl": oneSpace, "2.hcl": another + oneSpace, "3.hcl": strings.Replace(aLink, "b]", "bb]", 1)})
	_, err := Load(dir)
	want := filepath.Join(dir, "2.hcl") + `:5:7: space "a": a space of that name is at ` + filepath.Join(dir, "1.hcl") + ":1:7; give one of them another name\n" +
		filepath.Join(dir, "3.hcl") + `:2:17: unknown space "bb"; did you mean "b"?`
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestLoadWhatIsNotThere(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "no.hcl")
	_, err := Load(missing)
	var path *fs.PathError
	if !errors.As(err, &path) || err.Error() != "read the dialplan: stat "+missing+": no such file or directory" {
		t.Errorf("a file that is missing: %v", err)
	}
	dir := write(t, map[string]string{"plan.yaml": "x"})
	if _, err = Load(dir); err == nil || err.Error() != dir+":1:1: no *.hcl file is in this directory; put the dialplan there, or name its file" {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err = Load(); err == nil || err.Error() != "dialplan:1:1: no file is given; name the file of the dialplan" {
		t.Errorf("nothing: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	_, err := Parse(File{Name: "big.hcl", Data: []byte(strings.Repeat("#\n", MaxSize/2+1))})
	if want := "big.hcl:1:1: the dialplan is larger than 32 MiB; is this the right file?"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// The place of a problem in hours is right whatever stands before it in the string.
func TestColumnInsideHours(t *testing.T) {
	for _, c := range []struct{ open, at string }{
		{`Mo Xx`, "3:18"},
		{`Mo–Xx`, "3:17"},
		{`\u004do Xx`, "3:23"}, // \u004d is M
		{`Mo\tXx`, "3:19"},
		{`\"Mo`, "3:15"},
	} {
		_, err := Parse(File{Name: "f", Data: []byte("space \"a\" {\n  timezone = \"UTC\"\n  open     = \"" + c.open + "\"\n}\n")})
		if err == nil || !strings.HasPrefix(err.Error(), "f:"+c.at+": ") {
			t.Errorf("%s: %v, want %s", c.open, err, c.at)
		}
	}
}

func TestWarningsHaveTheirPlace(t *testing.T) {
	p := plan(t, "space \"a\" {\n  timezone = \"UTC\"\n  open     = \"Fr 22:00-02:00; Sa off\"\n}\n")
	want := `plan.hcl:3:31: this rule for Sa ends the hours of Fr at midnight; they went on until 02:00; ` +
		`give the earlier rule an end at 24:00, or add ", Sa 00:00-02:00" at the end`
	if got := p.Warnings().Error(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.hcl", "testdata/good/*.hcl"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(File{Name: "fuzz.hcl", Data: data})
		var ds Diagnostics
		switch {
		case err == nil:
			from := at(t, "2027-03-26 10:30:00")
			for _, s := range p.Spaces() {
				if _, err := p.Programme(s.Name, from); err != nil {
					t.Fatal(err)
				}
				if _, err := p.Explain(s.Name, from); err != nil {
					t.Fatal(err)
				}
			}
			if changes := Diff(p, p, from); len(changes) > 0 {
				t.Fatalf("it differs from itself: %+v", changes)
			}
			for _, n := range p.Numbers() {
				if r, ok := p.Resolve(n.Number); !ok || len(r.Targets) == 0 {
					t.Fatalf("number %s leads to %+v", n.Number, r)
				}
			}
			if len(p.spaces) < 4 {
				p.WarningsFrom(from)
			}
		case !errors.As(err, &ds) || len(ds) == 0:
			t.Fatalf("error without diagnostics: %v", err)
		}
		for _, d := range ds {
			if d.File != "fuzz.hcl" || d.Line < 1 || d.Column < 1 || d.What == "" || strings.ContainsAny(d.Error(), "\n\r") ||
				d.EndColumn <= d.Column || d.Severity != Error || strings.ContainsAny(d.Source, "\n") {
				t.Fatalf("bad diagnostic %q", d.Error())
			}
			d.Excerpt()
		}
	})
}
