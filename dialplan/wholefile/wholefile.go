// Package wholefile reads files that may be of any size, and replaces files so that a power cut leaves the old or the new one, never half of it. It stands here
// because both programs use it, and both may import what stands below dialplan.
package wholefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// patience is how long Read waits for what comes out of a pipe.
const patience = 5 * time.Second

// Read returns the content of path, which must not be longer than limit: a name may lead to anything. What comes out of a pipe
// has to come within seconds; one into which nobody writes is empty.
func Read(path string, limit int64) ([]byte, error) { return read(path, limit, patience) }

func read(path string, limit int64, patience time.Duration) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // opening a named pipe waits for a writer
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		_ = f.SetReadDeadline(time.Now().Add(patience)) // not everything can have one: /dev/null
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no plain file, and nothing comes out of it")}
	}
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it is longer than %d bytes; is this the right file?", limit)}
	}
	return data, nil
}

// Write gives path the content data. It is written beside it, synced, and renamed: whoever reads path, also after a
// power cut, finds the old content or the new. Its directory must be there.
func Write(path string, data []byte, mode os.FileMode) error {
	return write(path, data, func(f *os.File) error { return f.Chmod(mode) })
}

// Deliver is Write for a program that runs as another user: the file is the directory's owner's, where that takes no asking.
func Deliver(path string, data []byte, mode os.FileMode) error {
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	return write(path, data, func(f *os.File) error { return errors.Join(give(f, info), f.Chmod(mode)) })
}

// Absent is an error that names a file which is there.
func Absent(path string) error {
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil:
		return fmt.Errorf("%s is there; nothing was written: move it away, or name another place", path)
	}
	return err
}

// MakeDir makes a directory and those above it that are missing. Each is the owner's of the one above, where that takes no asking.
func MakeDir(path string, mode os.FileMode) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	above := filepath.Dir(path)
	if above != path {
		if err := MakeDir(above, mode); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	info, err := os.Stat(above)
	if err != nil {
		return err
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(give(dir, info), dir.Close())
}

// give makes a file the owner's of another, where the caller may.
func give(f *os.File, like fs.FileInfo) error {
	owner, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// Rewrite is Write for a file that is there: its mode stays, and its owner where that takes no asking. A link stays a
// link, and what it leads to is replaced.
func Rewrite(path string, data []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return write(path, data, func(f *os.File) error {
		if err := give(f, info); err != nil {
			return err
		}
		return f.Chmod(info.Mode().Perm()) // after the owner, whose change takes bits away
	})
}

// Adopt gives a finished file, which somebody else wrote in the same directory, the name path.
func Adopt(finished, path string) error {
	if err := Sync(finished); err != nil {
		return fmt.Errorf("sync %s: %w", finished, err)
	}
	if err := os.Rename(finished, path); err != nil {
		return err
	}
	return Sync(filepath.Dir(path)) // the name too
}

func write(path string, data []byte, finish func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, finish(f), f.Close()); err != nil {
		return err
	}
	return Adopt(f.Name(), path)
}

// Sync has the content of a file, or the names in a directory, written to the disk.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
