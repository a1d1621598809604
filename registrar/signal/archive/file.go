package archive

import (
	"bytes"
	"fmt"
	"os"

	"ewindow/dialplan/wholefile"
)

// Save writes a backup into a file that is not there yet, and that nobody else can read.
func (l Lock) Save(path string, a *Archive, t *Terminal) error {
	if err := wholefile.Absent(path); err != nil {
		return err
	}
	to, err := l.Recipients(t)
	if err != nil {
		return err
	}
	fmt.Fprintln(t.out, "encrypting …")
	var sealed bytes.Buffer
	if err := a.Seal(&sealed, to...); err != nil {
		return err
	}
	if err := wholefile.Write(path, sealed.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return nil
}

// Load reads a backup of a kind, Registrar or Window, from a file. Errors: those of Open too.
func (k Key) Load(path, of string, t *Terminal) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	defer f.Close()
	by, err := k.Identities(t)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(t.out, "decrypting …")
	a, err := Open(f, of, by...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}
