package rig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBaresipConfiguration(t *testing.T) {
	dir := t.TempDir()
	if err := writeBaresip(dir, "10.77.0.2", ":101"); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(dir, "config"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"sip_listen 10.77.0.2:5060", "video_source x11grab,:101", "video_size 1280x720", "video_bitrate 2000000"} {
		if !strings.Contains(string(config), line+"\n") {
			t.Errorf("config has no line %q", line)
		}
	}
	accounts, err := os.ReadFile(filepath.Join(dir, "accounts"))
	if err != nil || !strings.Contains(string(accounts), "<sip:window@10.77.0.2>;regint=0;answermode=auto") {
		t.Errorf("accounts: %q, %v", accounts, err)
	}
}
