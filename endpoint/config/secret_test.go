package config

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What happens to the file, step by step, and what the window makes of it.
func TestSecretFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	put := func(text string) func() error { return func() error { return os.WriteFile(path, []byte(text), 0o600) } }
	if err := put("first\n")(); err != nil {
		t.Fatal(err)
	}
	f := &SecretFile{path: path, space: "milano", secret: "first"}
	for _, step := range []struct {
		name   string
		do     func() error
		secret string // that is new; empty: nothing is
		log    string // lines, by a word of each
	}{
		{"nothing", func() error { return nil }, "", ""},
		{"written again", put("first"), "", ""},
		{"another", put("second\n"), "second", "another secret is in the secret's file"},
		{"byte order mark", put("\ufeffthird\r\n"), "third", "another secret is in the secret's file"},
		{"half written", put(""), "", "is empty; put the secret there"},
		{"still so", func() error { return nil }, "", ""},
		{"gone", func() error { return os.Remove(path) }, "", "no such file or directory; ewindow-registrar account add milano prints one"},
		{"back", put("third"), "", ""},
		{"replaced", func() error {
			if err := os.WriteFile(path+".new", []byte("fourth"), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, "fourth", "another secret is in the secret's file"},
	} {
		var log bytes.Buffer
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		secret, changed := f.look(slog.New(slog.NewTextHandler(&log, nil)))
		if secret != step.secret || changed != (step.secret != "") {
			t.Errorf("%s: got %q, %v, want %q", step.name, secret, changed, step.secret)
		}
		if !strings.Contains(log.String(), step.log) || (step.log == "") != (log.Len() == 0) {
			t.Errorf("%s: logged %q, want %q", step.name, log.String(), step.log)
		}
		if secret != "" && strings.Contains(log.String(), secret) {
			t.Errorf("%s: the secret is in the log", step.name)
		}
	}
}

// The window's file is read with its secret.
func TestLoadSecret(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ text, want, err string }{
		{"s3cret\n", "s3cret", ""},
		{"\ufeffs3cret", "s3cret", ""},
		{" \n", "", "is empty"},
	} {
		for name, text := range map[string]string{"window.hcl": good, "secret": test.text} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Load(filepath.Join(dir, "window.hcl"))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: %v", test.text, err)
			}
			continue
		}
		if err != nil || c.Secret != test.want || c.SecretSource.secret != test.want {
			t.Errorf("%q: %v", test.text, err)
		}
	}
}
