package version

import (
	"strings"
	"testing"

	"ewindow/registrar/signal/header"
)

const media = "application/vnd.ewindow.programme+json"

func speaks(oldest, newest int) Document { return Document{media, oldest, newest} }

// What a window of one build asks for, and a registrar of another one answers. Version 2 and 3 are made up.
func TestBothSides(t *testing.T) {
	for _, c := range []struct {
		name              string
		window, registrar Document
		want              int // 0: 406
	}{
		{"of one build", speaks(1, 1), speaks(1, 1), 1},
		{"a window that is newer", speaks(1, 2), speaks(1, 1), 1},
		{"a registrar that is newer", speaks(1, 1), speaks(1, 2), 1},
		{"both newer", speaks(1, 2), speaks(1, 2), 2},
		{"newer by two", speaks(1, 3), speaks(1, 1), 1},
		{"one newer than the other", speaks(1, 3), speaks(1, 2), 2},
		{"a window that forgot the old version", speaks(2, 2), speaks(1, 1), 0},
		{"a registrar that forgot it", speaks(1, 1), speaks(2, 2), 0},
		{"ends that overlap", speaks(1, 2), speaks(2, 3), 2},
	} {
		got, ok := c.registrar.Choose(header.Elements(c.window.Accept()))
		if got != c.want || ok != (c.want != 0) {
			t.Errorf("%s: Accept: %s: %d, %v; want %d", c.name, c.window.Accept(), got, ok, c.want)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		accept string // as of a peer that is no window of ours, or one from before there were versions
		want   int
	}{
		{"", 1},
		{media, 1},
		{strings.ToUpper(media) + ";VERSION=2", 2},
		{"text/plain, " + media + ";version=2;q=0.5", 2},
		{media + `;version="2"`, 2},
		{media + ";version=2;q=0, " + media + ";version=1", 1},
		{"*/*", 1},
		{"application/*", 1},
		{"application/*;version=2", 2},
		{"text/*", 0},
		{"text/plain", 0},
		{media + ";version=9", 0},
		{media + ";version=0", 0},
		{media + ";version=-1", 0},
		{media + ";version=two", 0},
		{media + ";version=99999999999999999999", 0},
		{media + "x;version=1", 0},
	} {
		var list []string
		if c.accept != "" {
			list = header.Elements(c.accept)
		}
		if got, ok := speaks(1, 2).Choose(list); got != c.want || ok != (c.want != 0) {
			t.Errorf("%q: %d, %v; want %d", c.accept, got, ok, c.want)
		}
	}
	if plain := (Document{Type: "text/plain"}); plain.Accept() != "text/plain" {
		t.Errorf("without versions: %s", plain.Accept())
	} else if _, ok := plain.Choose([]string{"text/plain"}); !ok {
		t.Error("without versions it is not acceptable")
	}
}
