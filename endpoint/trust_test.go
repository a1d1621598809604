package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"ewindow/endpoint/trust"
	"ewindow/registrar/signal/ask"
	"ewindow/registrar/signal/mediakey"
	"ewindow/scripts/lab/somebody"
)

// says runs a command and returns what it writes; with an error, that.
func says(dir, in string, c trustCmd) string {
	var out strings.Builder
	if err := c.talk(dir, strings.NewReader(in), &out); err != nil {
		return out.String() + "error: " + err.Error()
	}
	return out.String()
}

func contains(t *testing.T, what, got string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q is not in\n%s", what, want, got)
		}
	}
}

// On a read-only disk a window that runs cannot be asked, and whoever asks is told so instead of to wait.
func TestTrustOnAReadOnlyDisk(t *testing.T) {
	inUse := fmt.Errorf("%w in /var/lib/ewindow", trust.ErrInUse)
	contains(t, "frozen", ofFrozen("/var/lib/ewindow", true, inUse).Error(), "the window runs, and cannot be asked", "the disk of /var/lib/ewindow is read-only", "trust.sock")
	if err := ofFrozen("/var/lib/ewindow", false, inUse); err != inUse {
		t.Error(err)
	}
}

// What somebody does at a window: with the window that runs, which alone has the pins then, and with its files when none does.
func TestTrust(t *testing.T) {
	silent := slog.New(slog.DiscardHandler)
	for _, runs := range []bool{true, false} {
		dir := t.TempDir()
		contains(t, "before the first start", says(dir, "", trustCmd{}), "error: no window keeps its key in "+dir)
		key, pins, err := trust.Open(dir, silent)
		if err != nil {
			t.Fatal(err)
		}
		munich, other := somebody.Key(t), somebody.Key(t)
		words, otherWords := mediakey.WordsOf(munich).String(), mediakey.WordsOf(other).String()
		if err := pins.Meet("munich", []byte(munich)); err != nil {
			t.Fatal(err)
		}
		ours := pins
		if runs {
			ctx, end := context.WithCancel(t.Context())
			defer end()
			socket, err := ask.ListenAt(dir, trust.Socket, "window", silent)
			if err != nil {
				t.Fatal(err)
			}
			go ask.Take(ctx, socket, func(q trust.Question) trust.Answer { return pins.Answer(key.Public(), q) })
		} else if err := pins.Close(); err != nil {
			t.Fatal(err)
		}
		contains(t, "list", says(dir, "", trustCmd{}), "this window: "+mediakey.WordsOf(key.Public()).String(), "munich: "+words, "not yet confirmed", "ewindow trust munich")
		contains(t, "nobody answers", says(dir, "", trustCmd{Peer: "munich"}), words, "error: nothing is confirmed: nobody answered")
		contains(t, "no", says(dir, "no\n", trustCmd{Peer: "munich"}), "error: nothing is confirmed; if the words there are others")
		contains(t, "yes?", says(dir, "y\n", trustCmd{Peer: "munich"}), "error: nothing is confirmed")
		contains(t, "wrong words", says(dir, "", trustCmd{Peer: "munich", Words: otherWords}), "error: these are not the words", words)
		contains(t, "no words", says(dir, "", trustCmd{Peer: "munich", Words: "a b"}), "error: --words: 2 words")
		contains(t, "a stranger", says(dir, "yes\n", trustCmd{Peer: "potsdam"}), "error: no key of potsdam has been seen")
		contains(t, "still", says(dir, "", trustCmd{}), "not yet confirmed")
		contains(t, "yes", says(dir, "Yes\n", trustCmd{Peer: "munich"}), "Confirmed: the window of munich has the key "+words)
		contains(t, "confirmed", says(dir, "", trustCmd{}), "munich: "+words+"\n  confirmed here on ", " by ", ", not yet there")

		if !runs {
			if ours, err = trust.OpenPins(dir, silent); err != nil {
				t.Fatal(err)
			}
		}
		if err := ours.Meet("munich", []byte(other)); err == nil {
			t.Fatal("another key was taken")
		}
		if !runs {
			contains(t, "in use", says(dir, "", trustCmd{}), "error: another program works on the keys")
			_ = ours.Close()
		}
		contains(t, "changed", says(dir, "", trustCmd{}), "munich: "+words+"\n  changed on ", otherWords, "no picture until")
		contains(t, "question", says(dir, "", trustCmd{Peer: "munich"}), "munich was     "+words, "munich is now  "+otherWords)
		contains(t, "words", says(dir, "", trustCmd{Peer: "munich", Words: strings.ToUpper(otherWords)}), "Confirmed: the window of munich has the key "+otherWords)
		contains(t, "confirmed anew", says(dir, "", trustCmd{}), "munich: "+otherWords+"\n  confirmed here on ")

		contains(t, "forget nobody", says(dir, "", trustCmd{Forget: true}), "error: which partner?")
		contains(t, "forget", says(dir, "", trustCmd{Peer: "munich", Forget: true}), "is forgotten")
		contains(t, "forgotten", says(dir, "", trustCmd{}), "no key of a partner has been seen yet")
		if runs {
			_ = pins.Close()
		}
	}
}
