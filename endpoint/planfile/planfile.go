// Package planfile keeps a window's programme on disk, so that it opens and closes without its registrar.
//
// A file is one line of JSON with its SHA-256 in front. It is written beside the old one, synced and renamed, and the
// old one stays as a second copy: a power cut or a worn SD card costs at most the newest programme.
//
// There is a file for each version of the encoding that this program writes, so that after a downgrade the program from before
// finds one that it reads. Of those that can be read the one counts that was made last: another program may have kept only its own.
package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ewindow/dialplan/programme"
	"ewindow/dialplan/wholefile"
)

// current is the name of the newest copy in a version, and previous that of the one before.
func current(version int) string {
	if version == 1 {
		return "programme.json"
	}
	return fmt.Sprintf("programme.v%d.json", version)
}

func previous(version int) string { return current(version) + ".previous" }

// Save writes p into dir and keeps the copy that was there.
func Save(dir string, p *programme.Programme) error { return save(dir, p, programme.Spoken()) }

func save(dir string, p *programme.Programme, speaks programme.Versions) error {
	var wrong []error
	for version := speaks.Oldest; version <= speaks.Newest; version++ {
		wrong = append(wrong, saveAs(dir, p, speaks, version))
	}
	return errors.Join(wrong...)
}

func saveAs(dir string, p *programme.Programme, speaks programme.Versions, version int) error {
	body, err := speaks.Encode(p, version)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, current(version))
	if _, err := read(path, speaks); err == nil { // only a good copy replaces the second one
		if err := os.Rename(path, filepath.Join(dir, previous(version))); err != nil {
			return fmt.Errorf("keep the old plan: %w", err)
		}
	}
	sum := sha256.Sum256(body)
	if err := wholefile.Write(path, append([]byte(hex.EncodeToString(sum[:])+" "), body...), 0o600); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	return nil
}

// Load reads the newest good copy of space's programme in dir. With none it returns nil. The error says what was
// damaged or of another space, also where an older copy could be used instead.
func Load(dir, space string) (*programme.Programme, error) {
	return load(dir, space, programme.Spoken())
}

func load(dir, space string, speaks programme.Versions) (newest *programme.Programme, problem error) {
	var problems []error
	for version := speaks.Newest; version >= speaks.Oldest; version-- {
		p, err := loadAs(dir, space, speaks, version)
		problems = append(problems, err)
		if p != nil && (newest == nil || p.From.After(newest.From)) {
			newest = p
		}
	}
	return newest, errors.Join(problems...)
}

func loadAs(dir, space string, speaks programme.Versions, version int) (*programme.Programme, error) {
	var problems []error
	for _, name := range []string{current(version), previous(version)} {
		p, err := read(filepath.Join(dir, name), speaks)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			problems = append(problems, err)
		case p.Space != space:
			problems = append(problems, fmt.Errorf("%s is the plan of %q; this window is %q", filepath.Join(dir, name), p.Space, space))
		default:
			return p, errors.Join(problems...)
		}
	}
	return nil, errors.Join(problems...)
}

func read(path string, speaks programme.Versions) (*programme.Programme, error) {
	b, err := wholefile.Read(path, programme.MaxSize+2*sha256.Size+1)
	if err != nil {
		return nil, err
	}
	want, body, ok := bytes.Cut(b, []byte(" "))
	sum := sha256.Sum256(body)
	if !ok || string(want) != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%s is damaged (checksum); it is replaced when the registrar sends the plan", path)
	}
	p, err := speaks.Decode(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
