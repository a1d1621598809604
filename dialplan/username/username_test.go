package username

import (
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	for s, want := range map[string]bool{
		"milano": true, "bar-2": true, "a": true, "long_window": true, "a" + strings.Repeat("b", 62): true,
		"": false, "Milano": false, "2nd": false, "-x": false, "_x": false, "a.b": false, "a+b": false, "a b": false,
		"a\n": false, "zürich": false, "a@b": false, "a%20": false, "a" + strings.Repeat("b", 63): false,
	} {
		if got := Valid(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}
