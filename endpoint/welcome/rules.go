package welcome

import (
	"context"
	"fmt"
	"strings"

	"ewindow/endpoint/join"
	"ewindow/media/engine/protocol"
	"ewindow/registrar/signal/joining"
)

// A page of rules has so many lines of so many letters, which a screen shows legibly for who stands at its keyboard: fewer on one that stands upright.
const pageLines, pageWidth, uprightWidth = 10, 46, 36

// Accept shows the exchange rules, page by page, and returns when somebody has accepted them or not. In the terminal they stand whole. Whoever wrote the card may
// have accepted this version there.
func (s *Screen) Accept(ctx context.Context, r joining.Rules) error {
	if s.byCard && s.cfg.Card.AcceptRules == r.Version {
		return nil
	}
	s.look(false)
	s.typed = ""
	version, text := join.Printable(r.Version), strings.TrimSpace(join.Printable(r.Text))
	s.say(fmt.Sprintf("\nThe exchange rules, %s:\n\n%s\n", version, text))
	width := pageWidth
	if s.cfg.Rotate%180 != 0 {
		width = uprightWidth
	}
	all := pages(text, width)
	warned := len(s.warnings) // each is a page before the rules
	for at := 0; ; {
		last := at == warned+len(all)-1
		if at < warned {
			w := s.warnings[at]
			s.devices.Show(protocol.Card{Title: heading, Reason: w.What, Next: w.Do, Notice: "Return: on"})
		} else {
			s.devices.Show(s.rulesCard(version, all, at-warned))
		}
		s.prompt(join.Asked + ": ")
		h, err := s.next(ctx, nil)
		switch {
		case err != nil:
			return err
		case h.key == "Escape":
			return join.ErrNotAccepted
		case h.key == "Enter" && s.typed != "":
			if strings.EqualFold(strings.TrimSpace(s.typed), "yes") {
				return nil
			}
			return join.ErrNotAccepted
		case s.typed == "" && (h.key == "Enter" || h.key == "PageDown" || h.key == " "):
			at = min(at+1, warned+len(all)-1)
		case s.typed == "" && (h.key == "PageUp" || h.key == "Backspace"):
			at = max(at-1, 0)
		case h.key != "" && (last || h.terminal): // who types at the screen has seen all of its pages
			s.edit(h.key)
		}
	}
}

// rulesCard is one page. What to do stands below it.
func (s *Screen) rulesCard(version string, all []string, at int) protocol.Card {
	c := protocol.Card{Title: fmt.Sprintf("The exchange rules, %s", version), Notice: all[at] + "\n\n"}
	if len(all) > 1 {
		c.Title += fmt.Sprintf(" (%d of %d)", at+1, len(all))
	}
	switch {
	case !s.hears():
		c.Notice += "No keyboard is heard here. Accept them in a terminal:\n" + s.command()
	case s.typed != "":
		c.Notice += join.Asked + ": " + s.typed + cursor
	case at < len(all)-1:
		c.Notice += "Return: the next page. Escape: not accepted."
	default:
		c.Notice += join.Asked + ", and Return. Escape: no."
	}
	return c
}

// pages breaks a text into lines that a screen has room for, and these into pages; at least one.
func pages(text string, width int) (all []string) {
	var lines []string
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(text, "\t", "  "), "\n") {
		lines = append(lines, wrap(paragraph, width)...)
	}
	for len(lines) > pageLines {
		cut := pageLines
		for i := pageLines; i > pageLines/2; i-- { // rather between two paragraphs
			if lines[i] == "" {
				cut = i
				break
			}
		}
		all = append(all, strings.Join(lines[:cut], "\n"))
		for lines = lines[cut:]; len(lines) > 1 && lines[0] == ""; {
			lines = lines[1:]
		}
	}
	return append(all, strings.Join(lines, "\n"))
}

// wrap breaks a line at its spaces, and words that are longer than a line anywhere.
func wrap(s string, width int) (lines []string) {
	line, long := "", 0
	for word := range strings.FieldsSeq(s) {
		wide := 0
		for _, r := range word {
			wide += cells(r)
		}
		if line != "" && long+1+wide > width {
			lines, line, long = append(lines, line), "", 0
		}
		if line != "" {
			line, long = line+" ", long+1
		}
		for _, r := range word {
			if long+cells(r) > width {
				lines, line, long = append(lines, line), "", 0
			}
			line, long = line+string(r), long+cells(r)
		}
	}
	return append(lines, line)
}

// cells is how many letters' room one takes: of the scripts of East Asia two.
func cells(r rune) int {
	if r >= 0x1100 {
		return 2
	}
	return 1
}
