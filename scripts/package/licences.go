package main

import (
	"cmp"
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licenceFile is how modules name what has to be passed on with them.
var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[sc]e|copying|copyright|notice|patents)([-._].*)?$`)

// copyright is the text that a package owes to all whose work is in these programs.
func copyright(parts []string) (string, error) {
	modules := map[string]bool{} // PATH@VERSION, as they are built in
	for _, path := range parts {
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("which modules are in %s: %w", path, err)
		}
		for _, m := range info.Deps {
			m = cmp.Or(m.Replace, m)
			modules[m.Path+"@"+m.Version] = true
		}
	}
	var b strings.Builder
	b.WriteString(`E-Window, a window between two spaces.

E-Window itself is under the Apache License, version 2.0, which is in
/usr/share/common-licenses/Apache-2.0 on Debian.

Its programs hold work of others, each under the licence that follows its name.
`)
	root, err := goOutput("env", "GOROOT")
	if err != nil {
		return "", err
	}
	if err := section(&b, "The Go runtime and standard library", filepath.Join(root, "LICENSE")); err != nil {
		return "", err
	}
	if err := section(&b, "The words of keys (registrar/signal/mediakey/english.txt)", "registrar/signal/mediakey/LICENSE-english.txt"); err != nil {
		return "", err
	}
	for _, m := range slices.Sorted(maps.Keys(modules)) {
		dir, err := goOutput("mod", "download", "-json", m)
		if err != nil {
			return "", err
		}
		dir = regexp.MustCompile(`"Dir": "([^"]+)"`).FindStringSubmatch(dir)[1]
		files, err := licenceFiles(dir)
		if err != nil {
			return "", err
		}
		if err := section(&b, m, files...); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// licenceFiles are those at the top of a module; one without is an error, since nobody may pass it on.
func licenceFiles(dir string) (files []string, err error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		if licenceFile.MatchString(f.Name()) && f.Type().IsRegular() {
			files = append(files, filepath.Join(dir, f.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no licence: who may pass it on?", dir)
	}
	return files, nil
}

// section is a name and the text of files.
func section(b *strings.Builder, name string, files ...string) error {
	fmt.Fprintf(b, "\n%s\n%s\n", strings.Repeat("-", 78), name)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(string(text)))
	}
	return nil
}

// goOutput is what the go command says.
func goOutput(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
