// Package wholefile replaces files so that a power cut leaves the old or the new one, never half of it.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write gives path the content data. It is written beside it, synced, and renamed: whoever reads path, also after a
// power cut, finds the old content or the new. Its directory must be there.
func Write(path string, data []byte, mode os.FileMode) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close()) // the name too
}
