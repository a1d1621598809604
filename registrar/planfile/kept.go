package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ewindow/dialplan"
	"ewindow/dialplan/wholefile"
)

// The last good plan is kept as the files that it was read from, in one file of the state directory, with the one
// before it as a second copy:
//
//	SHA-256 of all that follows, in hexadecimal
//	{"revision":"…","loaded":"…","files":[{"name":"/etc/ewindow/dialplan.hcl","size":1234}, …]}
//	the content of the files, one after the other
const (
	KeptName     = "dialplan.last-good" // also part of a backup
	keptPrevious = "dialplan.last-good.previous"
)

// A Good is a plan without errors, with the files that it was made from.
type Good struct {
	Plan   *dialplan.Plan
	Loaded time.Time // when it was read from the files
	files  []dialplan.File
}

// Files are those that the plan was made from, with the names that they had.
func (g *Good) Files() []dialplan.File { return g.files }

type keptHeader struct {
	Revision string     `json:"revision"`
	Loaded   time.Time  `json:"loaded"`
	Files    []keptFile `json:"files"`
}

type keptFile struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// load reads and checks the files.
func load(paths []string, now time.Time) (*Good, error) {
	files, err := dialplan.Read(paths...)
	if err != nil {
		return nil, err
	}
	plan, err := dialplan.Parse(files...)
	if err != nil {
		return nil, err
	}
	return &Good{plan, now, files}, nil
}

// keep writes a plan into dir. Another one that is there becomes the second copy.
func keep(dir string, g *Good) error {
	h := keptHeader{Revision: g.Plan.Revision(), Loaded: g.Loaded.UTC()}
	for _, f := range g.files {
		h.Files = append(h.Files, keptFile{f.Name, len(f.Data)})
	}
	body, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("keep the last good dialplan: %w", err)
	}
	body = append(body, '\n')
	for _, f := range g.files {
		body = append(body, f.Data...)
	}
	sum := sha256.Sum256(body)
	path := filepath.Join(dir, KeptName)
	if old, err := read(path); err == nil && old.revision != h.Revision { // only a good copy replaces the second one
		if err := os.Rename(path, filepath.Join(dir, keptPrevious)); err != nil {
			return fmt.Errorf("keep the dialplan before the last good one: %w", err)
		}
	}
	if err := wholefile.Write(path, append([]byte(hex.EncodeToString(sum[:])+"\n"), body...), 0o600); err != nil {
		return fmt.Errorf("keep the last good dialplan: %w", err)
	}
	return nil
}

// Last is the plan that a registrar with this state directory last had in force: the newest copy in dir that is sound, or
// nil if there is none. The error says what was wrong with
// copies, also where an older one could be used instead.
func Last(dir string) (*Good, error) {
	var problems []error
	for _, name := range []string{KeptName, keptPrevious} {
		path := filepath.Join(dir, name)
		k, err := read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var plan *dialplan.Plan
		if err == nil {
			if plan, err = dialplan.Parse(k.files...); err != nil { // an older program took it, this one does not
				err = fmt.Errorf("the copy in %s: %w", path, err)
			}
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		return &Good{plan, k.loaded, k.files}, errors.Join(problems...)
	}
	return nil, errors.Join(problems...)
}

// A kept is the content of a copy.
type kept struct {
	revision string
	loaded   time.Time
	files    []dialplan.File
}

func read(path string) (*kept, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	want, body, ok := bytes.Cut(b, []byte("\n"))
	sum := sha256.Sum256(body)
	if !ok || string(want) != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%s is damaged (checksum); it is replaced when the dialplan is next read without errors", path)
	}
	head, rest, _ := bytes.Cut(body, []byte("\n"))
	var h keptHeader
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, fmt.Errorf("%s is not readable: %w", path, err)
	}
	k := &kept{revision: h.Revision, loaded: h.Loaded}
	for _, f := range h.Files {
		if f.Size < 0 || f.Size > len(rest) {
			return nil, fmt.Errorf("%s is not readable: it ends within %s", path, f.Name)
		}
		k.files = append(k.files, dialplan.File{Name: f.Name, Data: rest[:f.Size]})
		rest = rest[f.Size:]
	}
	return k, nil
}
