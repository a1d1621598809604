package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"ewindow/dialplan/wholefile"
)

// copyGood makes the last good copy, of a store that is sound, one process at a time: so the last copy has all.
func (s *Store) copyGood(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the last good copy %s.good: %w", s.path, err)
		}
	}()
	l, err := acquire(ctx, s.path+".good.lock", false)
	if err != nil {
		return err
	}
	defer l.release()
	// Into the database itself, out of the WAL: half of a WAL counts as none.
	if _, err := s.db.Load().ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return err
	}
	if _, err := examine(ctx, s.db.Load()); err != nil {
		return err
	}
	tmp, err := tempFile(s.path)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if _, err := s.db.Load().ExecContext(ctx, `VACUUM INTO ?`, tmp); err != nil {
		return err
	}
	return wholefile.Adopt(tmp, s.path+".good")
}

// Snapshot is the store as one file, whole and sound, also while others write to it; for a backup.
func (s *Store) Snapshot(ctx context.Context) (data []byte, err error) {
	dir, err := os.MkdirTemp("", "ewindow-backup-") // its own disk may be full, or read-only
	if err != nil {
		return nil, fmt.Errorf("copy the store: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "registrar.db")
	if _, err := s.db.Load().ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		return nil, fmt.Errorf("copy the store %s: %w", s.path, err)
	}
	return os.ReadFile(path)
}

// tempFile makes an empty file beside path that only its owner can read.
func tempFile(path string) (string, error) {
	name := path + ".new-" + rand.Text()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	return name, f.Close()
}

// sweep removes what a power cut left of tempFile.
func sweep(path string) {
	left, _ := filepath.Glob(path + ".new-*")
	for _, name := range left {
		os.Remove(name)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// mayExist is false only if it is certain that nothing is there: whoever may not look does not know.
func mayExist(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
