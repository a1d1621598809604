package answers

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"only a comment", "# a\n", "# a\n"},
		{"no end of line", "a = 1", "a = 1\n"},
		{"lines of another system", "a = 1\r\n\r\n\r\nbb = 2\r\n", "a = 1\n\nbb = 2\n"},
		{"columns", "space \"a\"   {\n\ttimezone=\"UTC\"\n\topen=\"24/7\" # all day\n}\n",
			"space \"a\" {\n  timezone = \"UTC\"\n  open     = \"24/7\" # all day\n}\n"},
		{"empty lines", "\n\na = 1\n\n\n\nb {\n\n  c = 1   \n\n}\n\n\n", "a = 1\n\nb {\n  c = 1\n}\n"},
		{"a long comment", "/* a\n\n\n   b  \n*/\na   = 1\n", "/* a\n\n\n   b  \n*/\na = 1\n"},
		{"a long comment of another system", "/* a\r\n\r\n\r\n   b\r\n*/\r\na = 1\r\n", "/* a\n\n\n   b\n*/\na = 1\n"},
		{"a text of several lines", "a   = <<X\n\n\n  b  \n\nX\n", "a = <<X\n\n\n  b  \n\nX\n"},
		{"blanks in a text", "a   =   \"Mo   09:00  -  10:00\"\n", "a = \"Mo   09:00  -  10:00\"\n"},
		{"a brace in a comment", "# {\n\na = 1 # {\n\nb = 2\n", "# {\n\na = 1 # {\n\nb = 2\n"},
	} {
		out, err := Format([]byte(c.in))
		if err != nil || string(out) != c.want {
			t.Errorf("%s: %q, %v, want %q", c.name, out, err, c.want)
		}
		if again, err := Format(out); err != nil || string(again) != string(out) {
			t.Errorf("%s: formatted again %q, %v", c.name, again, err)
		}
	}
	if _, err := Format([]byte("a = \"b\n")); !errors.Is(err, ErrSyntax) {
		t.Errorf("without a quote: %v", err)
	}
}

// Whatever people write, formatting it twice is formatting it once.
func TestFormatTwice(t *testing.T) {
	n := 0
	for _, pattern := range []string{"../../dialplan/testdata/bad/*.hcl", "../../dialplan/testdata/good/*.hcl"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			once, err := Format(src)
			if errors.Is(err, ErrSyntax) {
				continue
			}
			n++
			if twice, again := Format(once); err != nil || again != nil || string(twice) != string(once) {
				t.Errorf("%s: %v, %v\n%s\nformatted again\n%s", name, err, again, once, twice)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d files were formatted", n)
	}
}
