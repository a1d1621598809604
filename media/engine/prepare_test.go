package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The list of plugins is made beforehand only where it is missing, or older than a folder of plugins.
func TestListed(t *testing.T) {
	home, lib := t.TempDir(), t.TempDir()
	list := filepath.Join(home, ".cache", "gstreamer-1.0", "registry.x86_64.bin")
	system, own := filepath.Join(lib, "x86_64-linux-gnu", "gstreamer-1.0"), filepath.Join(home, "plugins")
	for _, folder := range []string{filepath.Dir(list), system, own} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"HOME": home}
	now := time.Now()
	made := func(path string, ago time.Duration) {
		t.Helper()
		if err := os.Chtimes(path, now, now.Add(-ago)); err != nil {
			t.Fatal(err)
		}
	}
	is := func(want bool, what string) {
		t.Helper()
		if got := listed(func(name string) string { return env[name] }, lib); got != want {
			t.Errorf("%s: %t", what, got)
		}
	}
	is(false, "no list")
	if err := os.WriteFile(list, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	made(list, time.Hour)
	made(system, 2*time.Hour)
	is(true, "newer than the plugins")
	made(system, time.Minute)
	is(false, "a plugin was installed since")
	made(system, 2*time.Hour)
	env["GST_PLUGIN_PATH"] = own
	is(false, "a folder of the owner's has changed since")
	made(own, 2*time.Hour)
	is(true, "both are older")
	env["GST_REGISTRY_1_0"] = filepath.Join(home, "none")
	is(false, "another list, which is not there")
}
