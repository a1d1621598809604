package main

import (
	"errors"
	"strings"
	"testing"

	"ewindow/registrar/signal/joining"
)

func TestScenesAreChosenByName(t *testing.T) {
	all, err := choose("")
	if err != nil || len(all) != len(scenes) {
		t.Errorf("%d scenes without a name, %v", len(all), err)
	}
	two, err := choose("power, join")
	if err != nil || len(two) != 2 || two[0].name != "power" || two[1].name != "join" {
		t.Errorf("%v, %v", two, err)
	}
	if _, err := choose("join dance"); err == nil || !strings.Contains(err.Error(), `no scene "dance"`) {
		t.Errorf("a scene that is none: %v", err)
	}
}

func TestTableSaysWhatWasSeenAndWhatNot(t *testing.T) {
	got := table([]outcome{{scene: scene{name: "a", what: "x"}, seen: []string{"one", "two|three"}}, {scene: scene{name: "b", what: "y"}, err: errors.New("dark\nlog")}})
	want := "| scene | what | seen |\n|---|---|---|\n| a | x | one; two\\|three |\n| b | y | **dark** |\n"
	if got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
}

// Everything that a code is made of has a key.
func TestKeysOfACode(t *testing.T) {
	code := joining.Code{Host: "reg.example.org", Port: 5061}.Typed()
	for _, r := range strings.ToLower(code) {
		if letter := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'; !letter && keys[r] == "" {
			t.Errorf("no key for %q of %s", r, code)
		}
	}
}
