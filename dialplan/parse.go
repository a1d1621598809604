package dialplan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/nesting"
	"ewindow/dialplan/wholefile"
)

// MaxSize bounds all files together, in bytes: ten times what a plan of 10,000 spaces needs.
const MaxSize = 32 << 20

// A File is one file of a plan, already read. Its name is for messages.
type File struct {
	Name string
	Data []byte
}

// Load reads and parses files, and the *.hcl files of directories in the order of their names.
// The error is Diagnostics, or one that wraps an *fs.PathError if something cannot be read.
func Load(paths ...string) (*Plan, error) {
	files, err := Read(paths...)
	if err != nil {
		return nil, err
	}
	return Parse(files...)
}

// Read reads what Load parses. Its errors are those of Load.
func Read(paths ...string) ([]File, error) {
	var files []File
	for _, path := range paths {
		found, err := read(path)
		if err != nil {
			return nil, fmt.Errorf("read the dialplan: %w", err)
		}
		if len(found) == 0 {
			return nil, whole(path, "no *.hcl file is in this directory", "put the dialplan there, or name its file")
		}
		files = append(files, found...)
	}
	return files, nil
}

func read(path string) ([]File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	names := []string{path}
	if info.IsDir() {
		if names, err = hclFiles(path); err != nil {
			return nil, err
		}
	}
	var files []File
	for _, name := range names {
		data, err := wholefile.Read(name, MaxSize)
		if err != nil {
			return nil, err
		}
		files = append(files, File{name, data})
	}
	return files, nil
}

// hclFiles leaves out names with a dot in front: editors and ConfigMaps keep their own things under such.
func hclFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".hcl") && e.Name()[0] != '.' && e.Type()&fs.ModeDir == 0 {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names, nil
}

// Parse makes a plan of files, read one after the other as if they were one, and checks what its expect blocks say.
// The error is Diagnostics: everything that is wrong, but after a mistake in the syntax of HCL only that, because what
// follows is guesswork; and expectations are looked at only in a plan without other errors.
func Parse(files ...File) (*Plan, error) {
	if len(files) == 0 {
		return nil, whole("dialplan", "no file is given", "name the file of the dialplan")
	}
	size := 0
	for _, f := range files {
		if size += len(f.Data); size > MaxSize {
			return nil, whole(f.Name, fmt.Sprintf("the dialplan is larger than %d MiB", MaxSize>>20), "is this the right file?")
		}
	}
	r := newReader(files)
	for _, f := range files {
		file, diags := nesting.Parse(f.Data, f.Name)
		if syntax := r.syntax(f, diags); syntax != nil {
			return nil, Diagnostics{*syntax}.finish(files, Error)
		}
		r.source = f.Data
		r.file(file.Body.(*hclsyntax.Body))
	}
	plan := r.finish()
	if len(r.errors) > 0 {
		return nil, r.errors.finish(files, Error)
	}
	plan.revision, plan.warnings, plan.files = revision(files), r.warnings.finish(files, Warning), files
	return plan, nil
}

// whole is the diagnostic about a file, a directory, or the plan itself.
func whole(file, what, do string) Diagnostics {
	return Diagnostics{{File: file, Line: 1, Column: 1, EndColumn: 2, Severity: Error, Kind: Syntax, What: what, Do: do}}
}

// revision is the beginning of a hash over the contents.
func revision(files []File) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d\n", len(f.Data))
		h.Write(f.Data)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// syntax is the first mistake in the syntax. An argument that is set twice is reported but is none: all was read.
func (r *reader) syntax(f File, diags hcl.Diagnostics) *Diagnostic {
	var first *hcl.Diagnostic
	for _, d := range diags {
		switch {
		case d.Severity != hcl.DiagError:
		case d.Summary == "Attribute redefined":
			if d.Subject != nil {
				r.fail(*d.Subject, fmt.Sprintf("%s is set twice in this block", d.Subject.SliceBytes(f.Data)), "keep one of the two")
			}
		case first == nil || d.Subject != nil && first.Subject != nil && d.Subject.Start.Byte < first.Subject.Start.Byte:
			first = d
		}
	}
	if first == nil {
		return nil
	}
	at := hcl.Range{Filename: f.Name, Start: hcl.InitialPos, End: hcl.InitialPos}
	if first.Subject != nil {
		at = *first.Subject
	}
	what, do := ownWords(f.Data, first)
	d := diagnostic(Syntax, at, what, do)
	return &d
}

// ownWords says what HCL's commonest messages mean here; the others stay as HCL has them.
func ownWords(src []byte, d *hcl.Diagnostic) (what, do string) {
	next, here := byte(0), ""
	if d.Subject != nil && d.Subject.CanSliceBytes(src) {
		here = string(d.Subject.SliceBytes(src))
	}
	if d.Subject != nil && d.Subject.End.Byte < len(src) {
		if rest := strings.TrimLeft(string(src[d.Subject.End.Byte:min(len(src), d.Subject.End.Byte+40)]), " \t"); rest != "" {
			next = rest[0]
		}
	}
	switch d.Summary {
	case "Invalid multi-line string", "Unterminated template string", "Unterminated string literal":
		return "a quote is missing on this line", `text stands between two quotes: "…"`
	case "Unclosed configuration block":
		return "this block is not closed", `write the missing "}" at its end`
	case "Missing item separator":
		return "a comma is missing in this list", `write "," between its items, or "]" at its end`
	case "Unterminated tuple constructor expression":
		return "this list is not closed", `write the missing "]" at its end`
	case "Invalid argument name":
		return "the name before = stands in quotes", "write it without them"
	case "Argument or block definition required":
		switch {
		case here == "}":
			return `this "}" closes nothing`, "remove it, or look for a block above that is closed twice"
		case next == ':':
			return `a ":" stands after the name`, `write "=" instead`
		}
		return "a setting or a block is expected here", `write name = value, or name "label" { … }`
	case "Argument definition required", "Invalid single-argument block definition":
		return "a block on one line takes one setting only", "give each setting, and the closing }, a line of its own"
	case "Missing newline after argument", "Unexpected comma after argument":
		return "something follows the value on its line", "give each setting a line of its own, without commas; text needs quotes, a list [ ]"
	}
	if strings.HasPrefix(d.Detail, `"Curly quotes"`) {
		return "these are curly quotes", `write plain ones: "…"`
	}
	lower := func(s string) string { return strings.TrimSuffix(strings.ToLower(s[:1])+s[1:], ".") }
	if d.Summary == "" || d.Detail == "" {
		return "this is not HCL: " + d.Summary, d.Detail
	}
	return lower(d.Summary), strings.ReplaceAll(lower(d.Detail), "\n", " ")
}
