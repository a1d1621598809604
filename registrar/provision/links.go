// Package provision gets an account into a phone: as text for people, and by a link that a phone opens once (Linphone's remote
// provisioning).
//
//	account add reception --qr ──▶ a file named by the hash of a token ──▶ https://HOST/phone/TOKEN, as QR
//	phone ──GET──▶ Handler: the file is taken away ──▶ the account gets another secret ──▶ the answer, the only place where that is
//
// So no secret lies on a disk or on paper: who photographs the QR after the phone finds nothing, and who was before it is noticed, since
// the phone then gets nothing.
package provision

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ewindow/dialplan/username"
	"ewindow/dialplan/wholefile"
)

const (
	// Life is how long a link may be opened.
	Life = time.Hour

	// look is how old what is known of the directory may be: strangers who guess have it read no more often.
	look = time.Second

	tokenSize = 16 // bytes, 128 bits
	maxLinks  = 1000
	maxFile   = 1 << 10
)

// Links are those that wait to be opened: files in a directory that the command line writes and the registrar takes away.
type Links struct {
	dir string

	mu     sync.Mutex
	known  map[string]bool // names of files
	looked time.Time
}

// Open is for a directory, which need not be there.
func Open(dir string) *Links { return &Links{dir: dir} }

// A link is what is kept of one.
type link struct {
	Account string    `json:"account"`
	Until   time.Time `json:"until"`
}

// Make makes a link for an account and returns its token, which is kept nowhere. Links that the account had are void, as are those whose
// time is over.
func (l *Links) Make(account string, now time.Time) (token string, err error) {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return "", fmt.Errorf("make the directory of links: %w", err)
	}
	if err := l.Void(account, now); err != nil {
		return "", err
	}
	raw := make([]byte, tokenSize)
	_, _ = rand.Read(raw) // never fails
	text, err := json.Marshal(link{account, now.Add(Life).UTC().Truncate(time.Second)})
	if err != nil {
		return "", err
	}
	token = base64.RawURLEncoding.EncodeToString(raw)
	if err := wholefile.Write(filepath.Join(l.dir, name(token)), text, 0o600); err != nil {
		return "", fmt.Errorf("keep a link: %w", err)
	}
	return token, nil
}

// Void takes away the links of an account, and those whose time is over.
func (l *Links) Void(account string, now time.Time) error {
	files, err := os.ReadDir(l.dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("look for links: %w", err)
	}
	for _, f := range files {
		kept, err := l.read(f.Name())
		if err == nil && kept.Account != account && now.Before(kept.Until) {
			continue
		}
		if err := os.Remove(filepath.Join(l.dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("take an old link away: %w", err)
		}
	}
	return nil
}

// find is the account for which a token is, now; empty if it is none, or not any more. A token that nobody made costs a look into memory.
func (l *Links) find(token string, now time.Time) string {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenSize || !l.has(name(token), now) {
		return ""
	}
	kept, err := l.read(name(token))
	if err != nil || !now.Before(kept.Until) || !username.Valid(kept.Account) {
		return ""
	}
	return kept.Account
}

// take takes the link away; false: somebody else has.
func (l *Links) take(token string) bool { return os.Remove(filepath.Join(l.dir, name(token))) == nil }

// has says whether there is such a file, or was a moment ago.
func (l *Links) has(name string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := now.Sub(l.looked); age >= look || age < 0 {
		l.known, l.looked = map[string]bool{}, now
		files, _ := os.ReadDir(l.dir)
		for _, f := range files[:min(len(files), maxLinks)] {
			l.known[f.Name()] = true
		}
	}
	return l.known[name]
}

func (l *Links) read(name string) (kept link, err error) {
	data, err := wholefile.Read(filepath.Join(l.dir, name), maxFile)
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	return kept, err
}

// name is the file of a token: a token that is long and random needs no slow hash.
func name(token string) string {
	sum := sha256.Sum256([]byte("ewindow phone link\n" + token))
	return hex.EncodeToString(sum[:])
}
