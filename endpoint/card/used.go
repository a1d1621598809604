package card

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ewindow/dialplan/wholefile"
)

// Blank writes spaces over the values of keys, where they stand: a new file would leave the old one's bytes on the card. A cut of power leaves either, or some
// of both. Every other byte stays as it was.
func Blank(path string, keys ...string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("erase what has been used: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := wholefile.Read(path, Limit)
	if err != nil {
		return fmt.Errorf("erase what has been used: %w", err)
	}
	for _, s := range values(data, keys) {
		if _, err := f.WriteAt(bytes.Repeat([]byte{' '}, s.end-s.at), int64(s.at)); err != nil {
			return fmt.Errorf("erase what has been used: %w; erase line %d of %s yourself", err, s.line, filepath.Base(path))
		}
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("erase what has been used: %w", err)
	}
	return nil
}

// values are the settings of keys that have a value.
func values(data []byte, keys []string) (found []setting) {
	all, _ := lines("", data)
	for _, s := range all {
		if slices.Contains(keys, s.key) && s.end > s.at {
			found = append(found, s)
		}
	}
	return found
}

// BlankCode erases the code of a card, which has been used.
func BlankCode(path string) error { return Blank(path, "code") }

// BlankWiFi erases what says how to get on the network, which the machine keeps elsewhere now. The country stays.
func BlankWiFi(path string) error { return Blank(path, "wifi_name", "wifi_password") }

// note is the file of a window's state directory by which it says that it has used a card's code: it may not write to the card itself.
const note = "card-used"

func digest(code string) string {
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}

// Note notes in a window's state directory that it has used a code.
func Note(state, code string) error {
	return wholefile.Write(filepath.Join(state, note), []byte(digest(code)+"\n"), 0o644)
}

// Used says whether the window of a state directory has used a code.
func Used(state, code string) bool {
	text, err := wholefile.Read(filepath.Join(state, note), 1<<10)
	return err == nil && code != "" && strings.TrimSpace(string(text)) == digest(code)
}

// Forget ends a note: what it says has been done.
func Forget(state string) error {
	if err := os.Remove(filepath.Join(state, note)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
