package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/config"
	"ewindow/endpoint/join"
	"ewindow/endpoint/trust"
	"ewindow/registrar/pki"
	"ewindow/registrar/signal/archive"
	"ewindow/scripts/lab/somebody"
)

// backUp makes a window that knows a partner, and its backup. What is typed is the passphrase.
func backUp(t *testing.T) (c backupCmd, typed string, own string) {
	t.Helper()
	dir := t.TempDir()
	c = backupCmd{File: filepath.Join(dir, "milano.age"), Config: filepath.Join(dir, "etc", "window.hcl"), State: filepath.Join(dir, "state")}
	for _, d := range []string{filepath.Dir(c.Config), c.State} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(dir, "a secret") // somewhere of this machine's
	text := fmt.Sprintf("# ours\nregistrar   = \"sips:reg.example.org\"\npin = \"sha256:%064d\"\nspace = \"milano\"\nsecret_file = %q # from the admin\ncamera = \"v4l2:/dev/video2\"\n", 0, secret)
	for path, text := range map[string]string{secret: "k7u2\n", c.Config: text} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.write(terminal(""), io.Discard); err == nil || !strings.Contains(err.Error(), "no window has kept its key in "+c.State) {
		t.Errorf("before the first start: %v", err)
	}
	key, pins, err := trust.Open(c.State, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer pins.Close()
	if err := pins.Meet("munich", []byte(somebody.Key(t))); err != nil {
		t.Fatal(err)
	}
	registrar, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: "reg.example.org"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certify := func(space string) {
		t.Helper()
		der, err := registrar.Device(space, key.Signer().Public(), time.Now())
		if err == nil {
			err = join.KeepCertificate(c.State, der)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	typed = "stairs web squirrel\n"
	certify("munich")
	if err := c.write(terminal(typed+typed), io.Discard); err == nil || !strings.Contains(err.Error(), "media.crt is no certificate of milano and its key") {
		t.Errorf("of another window: %v", err)
	}
	certify("milano")
	if err := c.write(terminal(typed+typed), io.Discard); err != nil { // the window runs meanwhile
		t.Fatal(err)
	}
	if info, err := os.Stat(c.File); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	return c, typed, key.Words().String()
}

func terminal(typed string) *archive.Terminal {
	return archive.NewTerminal(strings.NewReader(typed), io.Discard)
}

// On another machine a backup makes the same window: the same key, the same partners, the same file, and a secret that it finds.
func TestBackup(t *testing.T) {
	c, typed, own := backUp(t)
	dir := t.TempDir()
	r := restoreCmd{File: c.File, Config: filepath.Join(dir, "etc", "milano.hcl"), State: filepath.Join(dir, "var", "state")}
	var out strings.Builder
	if err := r.read(terminal(typed), &out); err != nil {
		t.Fatal(err)
	}
	contains(t, "restored", out.String(), "this machine is the window milano now", "Turn the other one off first", fmt.Sprintf("ewindow run -c %q --state %q", r.Config, r.State))
	cfg, err := config.Load(r.Config)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Secret != "k7u2" || cfg.Space != "milano" || cfg.Camera != "v4l2:/dev/video2" || cfg.SecretFile != "milano.secret" {
		t.Errorf("%+v", cfg)
	}
	text, err := os.ReadFile(r.Config)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "the file", string(text), "# ours\n", "# from the admin\n")
	key, pins, err := trust.Open(r.State, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if got := key.Words().String(); got != own {
		t.Errorf("the key is %s, was %s", got, own)
	}
	if err := pins.Close(); err != nil {
		t.Error(err)
	}
	contains(t, "partners", says(r.State, "", trustCmd{}), "munich")
	for path, mode := range map[string]os.FileMode{r.Config: 0o644, filepath.Join(dir, "etc", "milano.secret"): 0o600, filepath.Join(r.State, trust.KeyFile): 0o600, filepath.Join(r.State, join.CertificateFile): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestRestoreBesideAWindow(t *testing.T) {
	c, typed, _ := backUp(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "window.hcl")
	for want, r := range map[string]restoreCmd{
		c.Config + " is there; nothing was written": {File: c.File, Config: c.Config, State: c.State},
		"no such file": {File: c.File + "x", Config: config, State: dir},
	} {
		if err := r.read(terminal(typed), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	r := restoreCmd{File: c.File, Config: config, State: dir}
	if err := r.read(terminal("another one\n"), io.Discard); err == nil || !strings.Contains(err.Error(), "the passphrase or key is another one") {
		t.Errorf("%v", err)
	}
	bad := &archive.Archive{Of: archive.Window, Name: "milano", Files: []archive.File{{Name: "window.hcl"}, {Name: "secret"}, {Name: trust.KeyFile, Data: []byte("x")}, {Name: trust.PinsFile}}}
	if err := sound(bad); err == nil || !strings.Contains(err.Error(), "are damaged") {
		t.Errorf("garbled keys: %v", err)
	}
	key := filepath.Join(dir, trust.KeyFile)
	if err := os.WriteFile(key, []byte("of another window"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.read(terminal(typed), io.Discard); err == nil || !strings.Contains(err.Error(), key+" is here, and is another than the backup's") {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("something was written: %v, %v", left, err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	for range 2 { // also after half of it
		if err := r.read(terminal(typed), io.Discard); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(config); err != nil {
			t.Fatal(err)
		}
	}
}
