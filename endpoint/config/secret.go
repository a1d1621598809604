package config

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ewindow/dialplan/wholefile"
)

// maxSecret bounds its file, in bytes.
const maxSecret = 1024

// lookEvery is how often the secret's file is read: it is small, and may lie where no notification comes from.
const lookEvery = time.Second

// A SecretFile holds a window's secret. An admin may put another one there while the window runs.
type SecretFile struct {
	path  string
	space string

	secret string // the last that was read
	told   string // what is wrong with the file, as far as it was said
}

// read reads the secret. Editors of some systems put a byte order mark before it.
func (f *SecretFile) read() (string, error) {
	b, err := wholefile.Read(f.path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("read the secret of %s: %w; ewindow-registrar account add %s prints one", f.space, err, f.space)
	}
	secret := strings.TrimSpace(strings.TrimPrefix(string(b), "\ufeff"))
	for _, r := range secret {
		if r < ' ' || r > '~' {
			return "", fmt.Errorf("%s holds more than a secret, or is not plain text; put one line there, the secret that ewindow-registrar account add %s printed", f.path, f.space)
		}
	}
	if secret == "" {
		return "", fmt.Errorf("%s is empty; put the secret there that ewindow-registrar account add %s printed", f.path, f.space)
	}
	return secret, nil
}

// look reads the file again and says whether another secret is there. One that cannot be read, as while it is written,
// leaves the old one in use.
func (f *SecretFile) look(log *slog.Logger) (secret string, changed bool) {
	secret, err := f.read()
	if err != nil {
		if f.told != err.Error() {
			f.told = err.Error()
			log.Warn("the secret's file cannot be used; the window keeps the secret that it has", "err", err)
		}
		return "", false
	}
	f.told = ""
	if secret == f.secret {
		return "", false
	}
	f.secret = secret
	log.Info("another secret is in the secret's file; the window uses it from now on", "file", f.path)
	return secret, true
}

// Watch calls use with each secret that is put into the file, until ctx ends.
func (f *SecretFile) Watch(ctx context.Context, log *slog.Logger, use func(secret string)) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if secret, changed := f.look(log); changed {
				use(secret)
			}
		}
	}
}
