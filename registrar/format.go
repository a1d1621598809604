package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ewindow/dialplan"
	"ewindow/dialplan/wholefile"
	"ewindow/registrar/answers"
)

type fmtCmd struct {
	planFiles
	Check bool `help:"Write nothing; the status is 1 if a file is not formatted."`
}

// Run aligns each file, and prints the names of those that it changed, or would change. The status is 1 if one has
// errors, which is left as it is, 2 if one cannot be read or written.
func (c *fmtCmd) Run(s streams) error {
	names, err := fileNames(c.Files)
	if err != nil {
		return &exitError{status: 2, text: err.Error()}
	}
	var wrong dialplan.Diagnostics
	changed := 0
	for _, name := range names {
		src, err := wholefile.Read(name, dialplan.MaxSize)
		if err != nil {
			return &exitError{status: 2, text: err.Error()}
		}
		out, err := answers.Format(src)
		switch {
		case errors.Is(err, answers.ErrSyntax):
			wrong = append(wrong, syntaxErrors(name, src)...)
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case bytes.Equal(src, out):
			continue
		}
		changed++
		fmt.Fprintln(s.out, name)
		if c.Check {
			continue
		}
		if err := wholefile.Rewrite(name, out); err != nil {
			return &exitError{status: 2, text: fmt.Sprintf("%s is left as it is: %v", name, err)}
		}
	}
	switch {
	case len(wrong) > 0:
		return newPlanError(wrong)
	case c.Check && changed > 0:
		return &exitError{status: 1}
	}
	return nil
}

// syntaxErrors are in the words of the dialplan; names that other files describe are not asked for here.
func syntaxErrors(name string, src []byte) dialplan.Diagnostics {
	_, err := dialplan.Parse(dialplan.File{Name: name, Data: src})
	var all dialplan.Diagnostics
	if errors.As(err, &all) {
		return all[:1]
	}
	return nil
}

// fileNames are files as they are given, and the *.hcl files of directories, those with a dot in front aside.
func fileNames(paths []string) ([]string, error) {
	var out []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			out = append(out, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if name := e.Name(); filepath.Ext(name) == ".hcl" && name[0] != '.' && !e.IsDir() {
				out = append(out, filepath.Join(path, name))
			}
		}
	}
	return out, nil
}
