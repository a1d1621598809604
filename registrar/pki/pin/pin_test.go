package pin

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	good := "sha256:" + strings.Repeat("0a", 32)
	for _, s := range []string{good, " " + strings.ToUpper(good) + "\n"} {
		if got, err := Parse(s); err != nil || got != good {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "sha256:", good[:70], good + "00", "sha1:" + good[7:], "sha256:" + strings.Repeat("zz", 32)} {
		if _, err := Config(s, "x"); err == nil || !strings.Contains(err.Error(), "is no pin; it is sha256: and 64 hex digits") {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := Config(good, ""); err == nil {
		t.Error("no server name will do")
	}
}
