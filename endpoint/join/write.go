package join

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ewindow/dialplan/wholefile"
	"ewindow/registrar/signal/joining"
)

// Writable says before a code is used up whether the window's file and its secret can be written; one that is there is an error.
func Writable(path string, replace bool) error {
	if _, err := os.Stat(path); err == nil && !replace {
		return fmt.Errorf("%s is there already: this window has joined before; --replace writes another one", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory of the window's file: %w; name another with -c", err)
	}
	f, err := os.CreateTemp(dir, ".join-*")
	if err != nil {
		return fmt.Errorf("the window's file cannot be written: %w; name another with -c", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Write writes the window's file, and beside it the secret, which nobody else can read. The secret first: a file is there only with it.
func Write(path string, m *joining.Membership) error {
	secret := filepath.Join(filepath.Dir(path), m.Space+".secret")
	if err := wholefile.Write(secret, []byte(m.Secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the secret: %w; join again with the same code", err)
	}
	if err := wholefile.Write(path, []byte(text(m, filepath.Base(secret))), 0o644); err != nil {
		return fmt.Errorf("write the window's file: %w; join again with the same code", err)
	}
	return nil
}

// text is a window's file. Devices are found at each start.
func text(m *joining.Membership, secret string) string {
	return fmt.Sprintf(`# Written by ewindow join. What else can stand here is in the README; ewindow check says what is wrong.
registrar   = %q
domain      = %q
pin         = %q
space       = %q
secret_file = %q
camera      = "auto"
screen      = "auto"
microphone  = "auto"
speaker     = "auto"
`, m.Registrar, m.Domain, m.Pin, m.Space, secret)
}
