package members

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"ewindow/dialplan/wholefile"
)

// FileName is the record's within the state directory.
const FileName = "members.jsonl"

// maxSize bounds the record, in bytes: some 50,000 lines.
const maxSize = 16 << 20

// good is the name of a record's copy, which is made with each line. By it lines are missed that are gone, as of a file that was removed:
// whoever was on probation by them would be a full member.
func good(path string) string { return path + ".good" }

// Read reads a record; one that never was is empty. Error: ErrDamaged, with the line, or because lines are gone; what is known of it is
// returned all the same: the copy, or the lines before the damage.
func Read(path string) (Record, error) {
	copied, _ := readAt(good(path)) // a damaged one is as good as none; first, since the record grows before it
	record, err := readAt(path)
	return record.heed(copied, path, err)
}

// heed is the record, unless its copy has more.
func (r Record) heed(copied Record, path string, err error) (Record, error) {
	switch {
	case err != nil && len(copied) > len(r):
		return copied, fmt.Errorf("%w; %s has all lines: put it back in its place", err, good(path))
	case err == nil && !r.continues(copied):
		return copied, fmt.Errorf("%w: %s has lost lines that were there; %s has them: put it back in its place", ErrDamaged, path, good(path))
	}
	return r, err
}

func readAt(path string) (Record, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of members: %w", err)
	}
	defer f.Close()
	record, _, err := read(f)
	return record, err
}

// read reads all whole lines, and says where they end.
func read(f *os.File) (record Record, end int64, err error) {
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read the record of members: %w", err)
	}
	if len(text) > maxSize {
		return nil, 0, fmt.Errorf("%w: %s is larger than %d bytes", ErrDamaged, f.Name(), maxSize)
	}
	before := ""
	for {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return record, end, nil
		}
		var e Entry
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil || e.Number != len(record)+1 || e.Sum != e.sum(before) {
			return record, 0, fmt.Errorf("%w: %s:%d is not the line that was written after the one before; put back a copy, or remove what somebody changed by hand",
				ErrDamaged, f.Name(), len(record)+1)
		}
		record, before, text = append(record, e), e.Sum, rest
		end += int64(len(line)) + 1
	}
}

// sum is a line's checksum: of everything else in it, and of the sum before.
func (e Entry) sum(before string) string {
	e.Sum = before
	text, _ := json.Marshal(e) // of strings, a number and a time: it cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Add writes a line that next makes of the record as it is then: nobody else writes meanwhile. It is on the disk when Add returns.
func Add(path string, next func(Record) (Entry, error)) (added Entry, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return Entry{}, fmt.Errorf("%w: lock %s: %w", ErrRefused, path, err)
	}
	record, end, err := read(f)
	copied, _ := readAt(good(path))
	if _, err := record.heed(copied, path, err); err != nil {
		return Entry{}, err
	}
	e, err := next(slices.Clone(record))
	if err != nil {
		return Entry{}, err
	}
	before := ""
	if len(record) > 0 {
		before = record[len(record)-1].Sum
	}
	e.Number, e.Time = len(record)+1, e.Time.UTC().Truncate(time.Second)
	e.Sum = e.sum(before)
	line, err := json.Marshal(e)
	if err != nil {
		return Entry{}, err
	}
	if err := write(f, append(line, '\n'), end); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrRefused, errors.Join(err, f.Truncate(end)))
	}
	if err := wholefile.Sync(filepath.Dir(path)); err != nil {
		return e, err
	}
	if text, err := wholefile.Read(path, maxSize); err == nil {
		_ = wholefile.Write(good(path), text, 0o600) // the line counts without it too
	}
	return e, nil
}

func write(f *os.File, line []byte, end int64) error {
	if err := f.Truncate(end); err != nil { // what a power cut left
		return err
	}
	if _, err := f.WriteAt(line, end); err != nil {
		return err
	}
	return f.Sync()
}

// lookEvery is how closely Run watches the file: as the store is watched.
const lookEvery = 250 * time.Millisecond

// A Watch is a record that other processes add lines to. A file that cannot be read, or that lost lines, changes nothing: the members of
// before hold, and the log says why.
type Watch struct {
	path    string
	changed func(Record)
	log     *slog.Logger

	mu    sync.Mutex
	have  Record
	seen  state
	fault string
}

// state is by what a change of the file is noticed.
type state struct {
	size int64
	at   time.Time
}

// Follow reads a record for the first time. changed is called with each later one, by one goroutine at a time. Of a damaged one its
// copy holds, beside the error, or the lines before the damage: who was admitted by them is on probation rather than a full member.
func Follow(path string, changed func(Record), log *slog.Logger) (*Watch, Record, error) {
	w := &Watch{path: path, changed: changed, log: log}
	w.seen, _ = stat(path)
	record, err := Read(path)
	if err != nil {
		w.fault = err.Error()
	}
	w.have = record
	return w, record, err
}

// Run looks at the file until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			w.Look()
		}
	}
}

// Record is the record as it is now, as far as it can be used.
func (w *Watch) Record() Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
	return w.have
}

// Whole is false while lines may be missing: the file is damaged, or cannot be read.
func (w *Watch) Whole() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
	return w.fault == ""
}

// Look takes up what others have written.
func (w *Watch) Look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
}

func (w *Watch) look() {
	now, err := stat(w.path)
	if err == nil && now == w.seen {
		return
	}
	var record Record
	if err == nil {
		record, err = Read(w.path)
	}
	if err == nil && !record.continues(w.have) { // both it and its copy
		err = fmt.Errorf("%w: %s has lost lines that were there", ErrDamaged, w.path)
	}
	if err != nil {
		if text := err.Error(); text != w.fault {
			w.fault = text
			w.log.Error("the record of members cannot be used; the members of before hold", "err", err)
		}
		return
	}
	if w.fault != "" {
		w.log.Info("the record of members can be used again")
	}
	grown := len(record) > len(w.have)
	w.seen, w.fault, w.have = now, "", record
	if grown {
		w.changed(record)
	}
}

// continues is true for a record that has all lines of an older one.
func (r Record) continues(old Record) bool {
	return len(old) == 0 || len(r) >= len(old) && r[len(old)-1].Sum == old[len(old)-1].Sum
}

// stat is what the file looks like from outside. One that is not there has no size; that is no error.
func stat(path string) (state, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	return state{info.Size(), info.ModTime()}, nil
}
