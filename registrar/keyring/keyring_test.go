package keyring

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/registrar/signal/mediakey"

	"ewindow/scripts/lab/somebody"
)

var silent = slog.New(slog.DiscardHandler)

func of(r *Ring, account string) mediakey.Public {
	key, _ := r.Of(account)
	return key
}

// runs runs r until the returned function is called.
func runs(t *testing.T, r *Ring) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestKeysOutliveARestart(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "keys.json"), somebody.Key(t)
	r := Open(path, silent)
	end := runs(t, r)
	if first, changed, err := r.Note("munich", key, time.Now()); !first || changed || err != nil {
		t.Errorf("%v %v %v", first, changed, err)
	}
	end()
	again := Open(path, silent)
	if of(again, "munich") != key || of(again, "milano") != "" {
		t.Error("forgotten")
	}
	if first, changed, _ := again.Note("munich", key, time.Now()); first || changed {
		t.Error("the same key is news")
	}
	end = runs(t, again)
	again.Keep(func(account string) bool { return account != "munich" })
	end()
	if of(Open(path, silent), "munich") != "" {
		t.Error("the key of an account that is gone has come back")
	}
}

func TestAKeyMayNotChangeAllTheTime(t *testing.T) {
	r, now := Open(filepath.Join(t.TempDir(), "keys.json"), silent), time.Now()
	last := somebody.Key(t)
	if _, _, err := r.Note("munich", last, now); err != nil {
		t.Fatal(err)
	}
	for range changes {
		last = somebody.Key(t)
		if _, changed, err := r.Note("munich", last, now); !changed || err != nil {
			t.Fatal(changed, err)
		}
	}
	next := somebody.Key(t)
	if _, _, err := r.Note("munich", next, now.Add(within-time.Second)); !errors.Is(err, ErrTooOften) || of(r, "munich") != last {
		t.Errorf("one too many: %v", err)
	}
	if _, changed, err := r.Note("munich", next, now.Add(within)); !changed || err != nil || of(r, "munich") != next {
		t.Errorf("an hour later: %v", err)
	}
}

func TestADamagedFileIsMadeAnew(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "keys.json"), somebody.Key(t)
	for _, bad := range []string{"", "{", `{"munich":{"public":"MFkw"}}`} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		r := Open(path, silent)
		if of(r, "munich") != "" {
			t.Errorf("%q: a key", bad)
		}
		end := runs(t, r)
		if _, _, err := r.Note("munich", key, time.Now()); err != nil {
			t.Error(err)
		}
		end()
		if of(Open(path, silent), "munich") != key {
			t.Errorf("%q: not made anew", bad)
		}
	}
}

func TestWordsAreComputedAsideAndKept(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "keys.json"), somebody.Key(t)
	synctest.Test(t, func(t *testing.T) {
		r := Open(path, silent)
		if _, _, err := r.Note("munich", key, time.Now()); err != nil {
			t.Fatal(err)
		}
		end := runs(t, r)
		synctest.Wait()
		end()
	})
	if _, words := Open(path, silent).Of("munich"); words != mediakey.WordsOf(key).String() {
		t.Errorf("%q", words)
	}
}
