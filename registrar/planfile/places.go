package planfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// places is where a change could change the plan. Directories are watched rather than files, since editors write a
// new file and rename it; and of a path through symbolic links every link on the way, since any may be turned.
type places struct {
	dirs  map[string]bool // to watch
	names map[string]bool // paths in them that matter
	trees map[string]bool // directories of which every *.hcl matters
}

func findPlaces(paths []string) places {
	p := places{dirs: map[string]bool{}, names: map[string]bool{}, trees: map[string]bool{}}
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			continue // the working directory is gone; reading will say so
		}
		real := p.follow(abs, 0)
		info, err := os.Stat(real)
		if err != nil || !info.IsDir() {
			continue
		}
		p.dirs[real], p.trees[real] = true, true
		files, _ := filepath.Glob(filepath.Join(real, "*.hcl")) // the pattern is sound
		for _, f := range files {
			p.follow(f, 0)
		}
	}
	return p
}

// follow notes path and every symbolic link on the way to it, and returns where it leads.
func (p places) follow(path string, depth int) string {
	parts := strings.Split(strings.TrimPrefix(filepath.Clean(path), "/"), "/")
	at := "/"
	for i, part := range parts {
		next := filepath.Join(at, part)
		target, err := os.Readlink(next)
		last := i == len(parts)-1
		missing := errors.Is(err, fs.ErrNotExist) // it may come: a directory that is made anew
		if err == nil || last || missing {
			p.dirs[at], p.names[next] = true, true
		}
		if err == nil && depth < 40 {
			if !filepath.IsAbs(target) {
				target = filepath.Join(at, target)
			}
			return p.follow(filepath.Join(target, filepath.Join(parts[i+1:]...)), depth+1)
		}
		if missing {
			return path
		}
		at = next
	}
	return at
}

// concern says whether an event at that path matters.
func (p places) concern(path string) bool {
	path = filepath.Clean(path)
	return p.names[path] || p.trees[path] || strings.HasSuffix(path, ".hcl") && p.trees[filepath.Dir(path)]
}
