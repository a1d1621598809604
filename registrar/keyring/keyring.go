// Package keyring keeps the public media key of each window, as the window tells it when it registers, so that the plan can name it to
// partners. The registrar vouches for nothing by that: windows pin what they see first, and people compare words.
//
//	REGISTER ─▶ Note ─▶ Ring ─▶ Of ─▶ programme, status
//	                     │ ▲
//	                 Run ▼ │ Open
//	                   keys.json: what was known when the registrar ended; damaged, it is made anew as windows register
package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"ewindow/dialplan/wholefile"
	"ewindow/registrar/signal/mediakey"
)

const (
	maxKeys  = 1 << 16
	maxFile  = 32 << 20 // bytes
	groupFor = time.Second
	again    = time.Minute // after a write that failed

	// How often an account may change its key: a window that is set up anew needs one, and each change costs its partners' people a talk.
	changes = 4
	within  = time.Hour
)

// ErrTooOften says that an account changes its key more often than is believed.
var ErrTooOften = errors.New("it has changed its key too often of late")

// An Entry is the key of an account.
type Entry struct {
	Public  mediakey.Public `json:"public"`
	Since   time.Time       `json:"since"`
	Changed []time.Time     `json:"changed,omitempty"` // the latest changes, the newest last
	Words   string          `json:"words,omitempty"`   // the six words of the key, for people; empty until Run has computed them
}

// A Ring holds the keys. It may be used from several goroutines.
type Ring struct {
	path  string
	log   *slog.Logger
	wake  chan struct{}
	spell chan struct{} // there may be a key without words

	mu   sync.Mutex
	keys map[string]Entry
}

// Open reads the keys at path. What is damaged is said and passed over: windows tell their keys again.
func Open(path string, log *slog.Logger) *Ring {
	r := &Ring{path: path, log: log, wake: make(chan struct{}, 1), spell: make(chan struct{}, 1), keys: map[string]Entry{}}
	keys, err := read(path)
	switch {
	case err == nil:
		maps.Copy(r.keys, keys)
	case !errors.Is(err, fs.ErrNotExist):
		log.Error("the windows' public keys cannot be read; they come anew with their registrations", "file", path, "err", err)
	}
	return r
}

func read(path string) (keys map[string]Entry, err error) {
	data, err := wholefile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &keys); err != nil {
		return nil, err
	}
	if len(keys) > maxKeys {
		return nil, fmt.Errorf("%d keys, at most %d", len(keys), maxKeys)
	}
	maps.DeleteFunc(keys, func(_ string, e Entry) bool { return e.Public == "" })
	return keys, nil
}

// Note notes the key that an account has told, and says whether that is another one than before, or the first. ErrTooOften: the old one stays.
func (r *Ring) Note(account string, public mediakey.Public, now time.Time) (first, changed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, known := r.keys[account]
	switch {
	case e.Public == public:
		return false, false, nil
	case !known && len(r.keys) >= maxKeys:
		return false, false, fmt.Errorf("the keys of %d accounts are kept, and no more", maxKeys)
	case known:
		e.Changed = slices.DeleteFunc(slices.Clone(e.Changed), func(at time.Time) bool { return now.Sub(at) >= within })
		if len(e.Changed) >= changes {
			return false, false, ErrTooOften
		}
		e.Changed = append(e.Changed, now)
	}
	e.Public, e.Since, e.Words = public, now, ""
	r.keys[account] = e
	r.changed()
	return !known, known, nil
}

// Of is the key of an account, and its six words; empty if none is known, or not yet.
func (r *Ring) Of(account string) (key mediakey.Public, words string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.keys[account]
	return e.Public, e.Words
}

// Keep forgets the keys of all accounts but those that are there.
func (r *Ring) Keep(there func(account string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.keys)
	maps.DeleteFunc(r.keys, func(account string, _ Entry) bool { return !there(account) })
	if len(r.keys) != before {
		r.changed()
	}
}

// changed has Run write, and compute words. mu is held.
func (r *Ring) changed() {
	for _, wake := range []chan struct{}{r.wake, r.spell} {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// Run computes words and writes what changes, in groups, until ctx ends, and then the rest.
func (r *Ring) Run(ctx context.Context) error {
	var spelling sync.WaitGroup
	spelling.Go(func() { r.spellAll(ctx) })
	defer spelling.Wait()
	return r.keep(ctx)
}

// spellAll computes the words of the keys that have none, one after the other: each takes a tenth of a second.
func (r *Ring) spellAll(ctx context.Context) {
	for {
		account, key := r.wordless()
		if key == "" {
			select {
			case <-ctx.Done():
				return
			case <-r.spell:
			}
			continue
		}
		words := mediakey.WordsOf(key).String()
		r.mu.Lock()
		if e := r.keys[account]; e.Public == key {
			e.Words = words
			r.keys[account] = e
			r.changed()
		}
		r.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
	}
}

func (r *Ring) wordless() (account string, key mediakey.Public) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for account, e := range r.keys {
		if e.Words == "" {
			return account, e.Public
		}
	}
	return "", ""
}

// keep writes until ctx ends.
func (r *Ring) keep(ctx context.Context) error {
	due := time.NewTimer(0)
	due.Stop()
	defer due.Stop()
	dirty, failed := false, false
	for {
		select {
		case <-ctx.Done():
			if dirty || len(r.wake) > 0 {
				_ = r.write(failed)
			}
			return nil
		case <-r.wake:
			if !dirty {
				due.Reset(groupFor)
			}
			dirty = true
		case <-due.C:
			if dirty = r.write(failed) != nil; dirty {
				due.Reset(again)
			}
			failed = dirty
		}
	}
}

func (r *Ring) write(failed bool) error {
	r.mu.Lock()
	data, err := json.Marshal(r.keys)
	r.mu.Unlock()
	if err == nil {
		err = wholefile.Write(r.path, data, 0o600)
	}
	if err != nil && !failed {
		r.log.Warn("the windows' public keys are not kept; after a restart they come anew with their registrations", "err", err)
	}
	return err
}
