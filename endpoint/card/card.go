// Package card reads the file that somebody writes onto a window's card before it is put into the machine: the code of an invitation, and what else the
// window cannot ask for before it is on the network.
//
//	code          = reg.example.org/7K3MQ-…
//	wifi_name     = Café Nord
//	wifi_password = …
//	wifi_country  = DE
//
// What is secret is blanked where it stands once it has been used: the card can be read by any computer.
package card

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ewindow/dialplan/diagnostic"
	"ewindow/dialplan/wholefile"
	"ewindow/registrar/signal/joining"
)

// Limit is how many bytes a card's file may have.
const Limit = 8 << 10

// A Card is what such a file says. What it does not say is empty.
type Card struct {
	Code        string
	AcceptRules string // the version of the exchange rules that whoever wrote it accepts
	WiFi        WiFi

	Camera, Screen, Microphone, Speaker string // words of the window's file
	Rotate                              int
}

// keys are all that a card's file can say, in the order in which they are named to people.
var keys = []string{"code", "accept_rules", "wifi_name", "wifi_password", "wifi_country", "camera", "screen", "microphone", "speaker", "rotate"}

// Read reads a card's file. Errors: fs.ErrNotExist; diagnostic.List, which names lines and never what is secret in them.
func Read(path string) (*Card, error) {
	data, err := wholefile.Read(path, Limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("read what the card says: %w; take the card out, and look at the file on a computer", err)
	}
	return Parse(filepath.Base(path), data)
}

// Brief is an error of Read as a screen has room for it: the first line that is wrong, and how many there are. Others stay as they are.
func Brief(err error) error {
	var wrong diagnostic.List
	if !errors.As(err, &wrong) || len(wrong) == 0 {
		return err
	}
	d := wrong[0]
	place := fmt.Sprintf("in %s, line %d", d.File, d.Line)
	if n := len(wrong) - 1; n > 0 {
		place += fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Errorf("%s: %s; %s", place, d.What, d.Do)
}

// A setting is one line `key = value` of the file.
type setting struct {
	key, value string
	line       int // from 1
	at, end    int // bytes of the file that the value takes, quotes and all
	column     int // of the value, in characters from 1
}

// Parse reads the text of a card's file. name is for messages. Error: diagnostic.List.
func Parse(name string, data []byte) (*Card, error) {
	settings, wrong := lines(name, data)
	c, said := &Card{}, map[string]setting{}
	for _, s := range settings {
		if before, twice := said[s.key]; twice && before.value != "" && s.value != "" {
			wrong = append(wrong, s.wrong(name, fmt.Sprintf("%s stands in line %d already", s.key, before.line), "keep one of them"))
			continue
		}
		if what, do := c.set(s.key, s.value); what != "" {
			wrong = append(wrong, s.wrong(name, what, do))
		}
		if s.value != "" || said[s.key].value == "" {
			said[s.key] = s
		}
	}
	if len(wrong) == 0 {
		if c.WiFi.Password != "" && c.WiFi.Name == "" {
			wrong = append(wrong, said["wifi_password"].wrong(name, "wifi_password is without wifi_name", "write the name of the Wi-Fi: wifi_name = …"))
		}
		if c.WiFi.Name != "" && c.WiFi.Country == "" {
			wrong = append(wrong, said["wifi_name"].wrong(name, "the country is missing, without which the radio stays off", "write where the window is, in two letters: wifi_country = DE"))
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return c, nil
}

// wrong is what is wrong with a value. What stands there is not repeated: it may be secret.
func (s setting) wrong(name, what, do string) diagnostic.Diagnostic {
	return problem(name, s.line, s.column, what, do)
}

func problem(name string, line, column int, what, do string) diagnostic.Diagnostic {
	return diagnostic.Diagnostic{File: name, Line: line, Column: column, EndColumn: column + 1, Severity: diagnostic.Error, Kind: diagnostic.Meaning, What: what, Do: do}
}

// lines are the settings of a file, as any computer's editor writes it: with a mark in front, with either end of line.
func lines(name string, data []byte) (all []setting, wrong diagnostic.List) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) || bytes.IndexByte(data, 0) >= 0 {
		return nil, diagnostic.List{problem(name, 1, 1, "this is no plain text", "save the file as text in UTF-8")}
	}
	at := 0
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		at = len("\ufeff")
	}
	for n := 1; at < len(data); n++ {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i
		}
		s, problem := one(name, string(data[at:end]), n)
		switch {
		case problem != nil:
			wrong = append(wrong, *problem)
		case s != nil:
			s.at, s.end = s.at+at, s.end+at
			all = append(all, *s)
		}
		at = end + 1
	}
	return all, wrong
}

// one reads one line. An empty one, or one that begins with #, says nothing.
func one(name, line string, n int) (*setting, *diagnostic.Diagnostic) {
	if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
		return nil, nil
	}
	bad := func(column int, what, do string) (*setting, *diagnostic.Diagnostic) {
		d := problem(name, n, column, what, do)
		return nil, &d
	}
	if !utf8.ValidString(line) {
		return bad(1, "this line is no plain text", "save the file as text in UTF-8")
	}
	equals := strings.IndexAny(line, "=:")
	if equals < 0 {
		return bad(1, "this line is not of the form key = value", "one looks like wifi_name = Café Nord; a line that begins with # is for people")
	}
	key := strings.ToLower(strings.TrimSpace(line[:equals]))
	if !slices.Contains(keys, key) {
		return bad(1, "what stands before the sign is nothing that a card can say", "the words are "+strings.Join(keys, ", "))
	}
	at := equals + 1 + len(line[equals+1:]) - len(strings.TrimLeft(line[equals+1:], " \t"))
	value := strings.TrimSpace(line[equals+1:])
	s := &setting{key: key, value: value, line: n, at: at, end: at + len(value), column: utf8.RuneCountInString(line[:at]) + 1}
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' { // for spaces at its ends
		s.value = value[1 : len(value)-1]
	}
	return s, nil
}

// set takes one setting. what is empty if it is as it should be.
func (c *Card) set(key, value string) (what, do string) {
	if value == "" { // nothing, or used and blanked
		return "", ""
	}
	switch key {
	case "code":
		if _, err := joining.Parse(value); err != nil {
			what, do, _ = strings.Cut(err.Error(), "; ")
			return what, do
		}
		c.Code = value
	case "accept_rules":
		c.AcceptRules = value
	case "wifi_name", "wifi_password", "wifi_country":
		return c.WiFi.set(key, value)
	case "camera":
		c.Camera = value
	case "screen":
		c.Screen = value
	case "microphone":
		c.Microphone = value
	case "speaker":
		c.Speaker = value
	case "rotate":
		degrees, err := strconv.Atoi(value)
		if err != nil || !slices.Contains([]int{0, 90, 180, 270}, degrees) {
			return "rotate is 0, 90, 180 or 270", "by so many degrees the screen is turned clockwise"
		}
		c.Rotate = degrees
	}
	return "", ""
}
