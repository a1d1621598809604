package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"ewindow/dialplan/wholefile"
	"ewindow/registrar/signal/mediakey"
)

const (
	PinsFile = "pins.json"
	lockFile = "pins.lock" // held by the owner of the pins
	maxFile  = 8 << 20     // bytes of maxPins, and more
	version  = 1
)

// content is what a file of pins says: one line of JSON with its SHA-256 in front, since a name that a worn card has spoilt would be a partner
// whose key is not known.
type content struct {
	Version int            `json:"version"`
	Pins    map[string]Pin `json:"pins"`
}

// ErrInUse says that another program owns the pins.
var ErrInUse = errors.New("another program works on the keys of partners")

// Open takes up the window's key and its pins in the state directory dir, and makes them at its first start. Both are
// errors where they are damaged: a window that took that for "none" would trust the next who comes. Close gives them back.
func Open(dir string, log *slog.Logger) (*Key, *Pins, error) {
	pins, err := OpenPins(dir, log)
	if err != nil {
		return nil, nil, err
	}
	key, err := LoadKey(dir, log)
	if err != nil {
		return nil, nil, errors.Join(err, pins.Close())
	}
	if pins.mine(key.Public()) {
		log.Warn("this window has another key than partners know; they refuse it until somebody there confirms it, or the old key is put back",
			"file", filepath.Join(dir, KeyFile), "words", key.Words().String())
	}
	return key, pins, nil
}

// Begun says whether a window has begun to keep keys in dir.
func Begun(dir string) bool {
	_, key := os.Stat(filepath.Join(dir, KeyFile))
	_, pins := os.Stat(filepath.Join(dir, PinsFile))
	return key == nil && pins == nil
}

// OpenPins is Open for the pins alone.
func OpenPins(dir string, log *slog.Logger) (*Pins, error) {
	f, err := lock(dir)
	if err != nil {
		return nil, err
	}
	p := &Pins{file: f, log: log, told: map[string]mediakey.Public{}, words: map[mediakey.Public]mediakey.Words{}}
	if p.pins, err = f.read(); err == nil {
		return p, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, has := os.Stat(filepath.Join(dir, KeyFile)); has == nil {
			log.Warn("the keys of partners are gone, though this window has its own; every partner is seen for the first time", "file", f.path)
		}
		p.pins = map[string]Pin{}
		err = f.write(p.pins)
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return p, nil
}

// Close lets another program have the pins.
func (p *Pins) Close() error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.file.close()
}

// file is where pins are kept.
type file struct {
	path string
	lock *os.File
}

func lock(dir string) (*file, error) {
	path := filepath.Join(dir, lockFile)
	l, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, syscall.EROFS) { // as a worn card is: whoever has its key and its pins there can be a window all the same
		if l, err = os.Open(path); errors.Is(err, fs.ErrNotExist) {
			l, err = os.Open(dir)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the keys of partners: %w; see to it that the state directory can be written, or name another one with --state", err)
	}
	if err := syscall.Flock(int(l.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w in %s: %w; try again when it has ended", ErrInUse, dir, err), l.Close())
	}
	return &file{filepath.Join(dir, PinsFile), l}, nil
}

func (f *file) close() error { return f.lock.Close() }

func (f *file) read() (map[string]Pin, error) {
	data, err := wholefile.Read(f.path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("the keys of partners cannot be read: %w; let the window's user (uid %d) read them, and do not remove them", err, os.Geteuid())
	}
	sum, body, _ := bytes.Cut(data, []byte(" "))
	want := sha256.Sum256(body)
	if string(sum) != hex.EncodeToString(want[:]) {
		return nil, f.damaged(errors.New("wrong checksum"))
	}
	var c content
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, f.damaged(err)
	}
	if c.Version != version {
		return nil, fmt.Errorf("the keys of partners in %s are of version %d, and this program reads %d; run the program that wrote them", f.path, c.Version, version)
	}
	for peer, pin := range c.Pins {
		if peer == "" || pin.Public == "" || len(c.Pins) > maxPins {
			return nil, f.damaged(fmt.Errorf("%q has no key", peer))
		}
	}
	if c.Pins == nil {
		c.Pins = map[string]Pin{}
	}
	return c.Pins, nil
}

func (f *file) damaged(err error) error {
	return fmt.Errorf("the keys of partners in %s are damaged (%w); put back a copy of the file; if there is none, move it away, start again, and confirm each partner anew with `ewindow trust`",
		f.path, err)
}

func (f *file) write(pins map[string]Pin) error {
	body, err := json.Marshal(content{version, pins})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	data := append([]byte(hex.EncodeToString(sum[:])+" "), body...)
	if err := wholefile.Rewrite(f.path, data); !errors.Is(err, fs.ErrNotExist) {
		return err // its owner stays, be it root who asks
	}
	return wholefile.Write(f.path, data, 0o600)
}
