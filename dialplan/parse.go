package dialplan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/diagnostic"
	"ewindow/dialplan/nesting"
	"ewindow/dialplan/wholefile"
)

// MaxSize bounds all files together, in bytes: ten times what a plan of 10,000 spaces needs.
const MaxSize = 32 << 20

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
			return nil, diagnostic.Whole(path, "no *.hcl file is in this directory", "put the dialplan there, or name its file")
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
		files = append(files, File{Name: name, Data: data})
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
		return nil, diagnostic.Whole("dialplan", "no file is given", "name the file of the dialplan")
	}
	size := 0
	for _, f := range files {
		if size += len(f.Data); size > MaxSize {
			return nil, diagnostic.Whole(f.Name, fmt.Sprintf("the dialplan is larger than %d MiB", MaxSize>>20), "is this the right file?")
		}
	}
	r := newReader(files)
	for _, f := range files {
		file, diags := nesting.Parse(f.Data, f.Name)
		syntax, twice := diagnostic.Syntax(f, diags)
		if syntax != nil {
			return nil, Diagnostics{*syntax}.Finish(files, Error)
		}
		r.errors = append(r.errors, twice...)
		r.source = f.Data
		r.file(file.Body.(*hclsyntax.Body))
	}
	plan := r.finish()
	if len(r.errors) > 0 {
		return nil, r.errors.Finish(files, Error)
	}
	plan.revision, plan.warnings, plan.files = revision(files), r.warnings.Finish(files, Warning), files
	return plan, nil
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
