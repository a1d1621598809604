// Package archive is the format of a backup, the same for windows and registrars: a few small files in one, encrypted with age
// (https://age-encryption.org/v1), so that `age --decrypt` and tar open it too.
//
//	age( tar( backup.json: what this is   media.key   pins.json   … ) )
//
// A backup is read whole and believed only then: age authenticates each piece and the end. So half a file puts back nothing.
package archive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
)

const (
	format     = 1
	headerName = "backup.json" // of the first file

	// MaxSize bounds what a backup holds, in bytes, and maxFiles how many files.
	MaxSize  = 64 << 20
	maxFiles = 1000
	overhead = 1 << 20 // of tar and age
)

// What a backup may be of.
const (
	Registrar = "registrar"
	Window    = "window"
)

// An Archive is a backup.
type Archive struct {
	Of      string    `json:"of"`      // Registrar or Window
	Name    string    `json:"name"`    // the domain, or the space
	Made    time.Time `json:"made"`    //
	Program string    `json:"program"` // version of the program that made it
	Files   []File    `json:"-"`
}

// A File is part of a backup. Its name is relative, with slashes.
type File struct {
	Name string
	Data []byte
}

// header is backup.json.
type header struct {
	Format int `json:"format"`
	*Archive
}

// What a caller may branch on. The errors that wrap them say what to do.
var (
	ErrKey     = errors.New("the backup cannot be opened with this")
	ErrDamaged = errors.New("the backup is damaged")
)

// File returns the content of a file; false if it is not there.
func (a *Archive) File(name string) ([]byte, bool) {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data, true
		}
	}
	return nil, false
}

// Seal writes the backup so that each of the recipients can open it.
func (a *Archive) Seal(w io.Writer, to ...age.Recipient) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("make the backup: %w", err)
	}
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return fmt.Errorf("encrypt the backup: %w", err)
	}
	t := tar.NewWriter(sealed)
	about, err := json.MarshalIndent(header{format, a}, "", "  ")
	if err != nil {
		return err
	}
	for _, f := range append([]File{{headerName, append(about, '\n')}}, a.Files...) {
		h := &tar.Header{Name: f.Name, Mode: 0o600, Size: int64(len(f.Data)), ModTime: a.Made, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return fmt.Errorf("write the backup: %w", err)
		}
		if _, err := t.Write(f.Data); err != nil {
			return fmt.Errorf("write the backup: %w", err)
		}
	}
	if err := errors.Join(t.Close(), sealed.Close()); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return nil
}

// Open reads a backup of a kind, Registrar or Window, all of it. Errors: ErrKey where the identity opens it not, ErrDamaged where it
// is cut short, was changed, or is no backup.
func Open(r io.Reader, of string, by ...age.Identity) (*Archive, error) {
	opened, err := age.Decrypt(io.LimitReader(r, MaxSize+overhead), by...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, fmt.Errorf("%w: the passphrase or key is another one", ErrKey)
	case err != nil:
		return nil, fmt.Errorf("%w, or none: %w", ErrDamaged, err)
	}
	// The end is authenticated too: nothing is looked at before it has come.
	text, err := io.ReadAll(opened)
	if err != nil {
		return nil, fmt.Errorf("%w: cut short, or changed: %w; take another copy", ErrDamaged, err)
	}
	a, err := unpack(text)
	if err != nil {
		return nil, err
	}
	if a.Of != of {
		return nil, fmt.Errorf("this is the backup of a %s, %s; %s restores it", a.Of, a.Name, map[string]string{
			Registrar: "`ewindow-registrar restore`", Window: "`ewindow restore`"}[a.Of])
	}
	return a, nil
}

func unpack(text []byte) (*Archive, error) {
	t := tar.NewReader(bytes.NewReader(text))
	a := &Archive{}
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: it holds no files: %w", ErrDamaged, err)
		}
		data, err := io.ReadAll(t)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %.100q in it: %w", ErrDamaged, h.Name, err)
		case (n == 0) != (h.Name == headerName) || h.Typeflag != tar.TypeReg || n > maxFiles:
			return nil, fmt.Errorf("%w: %.100q is not what should be there; is it a backup of this project's?", ErrDamaged, h.Name)
		case n == 0:
			err = a.readHeader(data)
		default:
			a.Files = append(a.Files, File{h.Name, data})
		}
		if err != nil {
			return nil, err
		}
	}
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return a, nil
}

func (a *Archive) readHeader(data []byte) error {
	h := header{Archive: a}
	if err := json.Unmarshal(data, &h); err != nil || a.Name == "" {
		return fmt.Errorf("%w: %s does not say whose it is", ErrDamaged, headerName)
	}
	if h.Format != format {
		return fmt.Errorf("the backup was made by %.100q, in a format that this program does not know; restore it with that version", a.Program)
	}
	return nil
}

// check looks at names and sizes.
func (a *Archive) check() error {
	if a.Of != Registrar && a.Of != Window {
		return fmt.Errorf("%.100q is nothing that there are backups of", a.Of)
	}
	size := 0
	for i, f := range a.Files {
		switch size += len(f.Data); {
		case !fs.ValidPath(f.Name) || f.Name == "." || strings.Contains(f.Name, "\\") || path.Base(f.Name) == headerName:
			return fmt.Errorf("%.100q is no name of a file in a backup", f.Name)
		case slices.ContainsFunc(a.Files[:i], func(o File) bool { return o.Name == f.Name }):
			return fmt.Errorf("%s is there twice", f.Name)
		case size > MaxSize || len(a.Files) > maxFiles:
			return fmt.Errorf("more than %d MB, or %d files", MaxSize>>20, maxFiles)
		}
	}
	return nil
}
