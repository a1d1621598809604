package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ewindow/dialplan"
	"ewindow/registrar/answers"
)

type explainCmd struct {
	Space string `arg:"" help:"The space, by the label of its block."`
	planFiles
	recordFlags
	At string `help:"The moment: \"2027-08-16 11:00\" by the clocks of the space, or with an offset (RFC 3339). Now, if it is not given." placeholder:"TIME"`
}

// Run says what the space shows at a moment, and why.
func (c *explainCmd) Run(s streams) error {
	if strings.HasSuffix(c.Space, ".hcl") {
		return fmt.Errorf("%q is a file: the space comes first, as in: explain milano %s", c.Space, c.Space)
	}
	plan, err := c.load(c.Files)
	if err != nil {
		return err
	}
	space, ok := plan.Space(c.Space)
	if !ok {
		return answers.UnknownSpace(plan, c.Space)
	}
	at, note := s.clock(), ""
	if c.At != "" {
		if at, note, err = answers.ParseTime(c.At, space.Location); err != nil {
			return fmt.Errorf("--at: %w", err)
		}
	}
	e, err := plan.Explain(c.Space, at)
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, answers.Explain(e))
	if note != "" {
		fmt.Fprintf(s.out, "\nnote: %s\n", note)
	}
	return nil
}

type weekCmd struct {
	planFiles
	recordFlags
	Space string `help:"Only this space: its days as rows, and the exact times." placeholder:"SPACE"`
	From  string `help:"The first day, as 2027-08-16. Today, if it is not given." placeholder:"DATE"`
	ICal  bool   `name:"ical" help:"Print two weeks as iCalendar, for calendars to subscribe to."`
}

// Run draws a week, or prints two as iCalendar.
func (c *weekCmd) Run(s streams) error {
	plan, err := c.load(c.Files)
	if err != nil {
		return err
	}
	from, err := c.from(plan, s.clock())
	if err != nil {
		return err
	}
	var text string
	switch {
	case c.ICal:
		var revised time.Time
		if revised, err = lastChange(c.Files); err == nil {
			text, err = answers.Calendar(plan, c.Space, from, revised)
		}
	case c.Space != "":
		text, err = answers.WeekOf(plan, c.Space, from, s.ink())
	default:
		text, err = answers.Week(plan, from, s.ink())
	}
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, text)
	return nil
}

// from is a civil date at midnight UTC: today's, if none is given, where the space is.
func (c *weekCmd) from(plan *dialplan.Plan, now time.Time) (time.Time, error) {
	if c.From != "" {
		from, err := answers.ParseDate(c.From)
		if err != nil {
			return from, fmt.Errorf("--from: %w", err)
		}
		return from, nil
	}
	if space, ok := plan.Space(c.Space); ok {
		now = now.In(space.Location)
	}
	year, month, day := now.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC), nil
}

// lastChange is when the newest of the files was written.
func lastChange(paths []string) (time.Time, error) {
	var newest time.Time
	for _, path := range paths {
		names := []string{path}
		if inside, err := filepath.Glob(filepath.Join(path, "*.hcl")); err == nil {
			names = append(names, inside...)
		}
		for _, name := range names {
			info, err := os.Stat(name)
			if errors.Is(err, fs.ErrNotExist) && name != path {
				continue // an editor's lock is a link to nowhere
			}
			if err != nil {
				return newest, &exitError{status: 2, text: fmt.Sprintf("when was the dialplan changed: %v", err)}
			}
			if !info.IsDir() && info.ModTime().After(newest) {
				newest = info.ModTime()
			}
		}
	}
	return newest, nil
}

type diffCmd struct {
	recordFlags
	Old  string `arg:"" help:"The plan as it was: a file, or a directory of *.hcl files."`
	New  string `arg:"" help:"The plan as it will be."`
	From string `help:"Since when: as 2027-08-16 or \"2027-08-16 11:00\", in UTC, or with an offset (RFC 3339). Now, if it is not given." placeholder:"TIME"`
}

// Run says which windows see somebody else under the new plan.
func (c *diffCmd) Run(s streams) error {
	from := s.clock()
	if c.From != "" {
		var err error
		if from, _, err = answers.ParseTime(c.From, time.UTC); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	old, err := c.load([]string{c.Old})
	if err != nil {
		return err
	}
	plan, err := c.load([]string{c.New})
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, answers.Diff(old, plan, from, dialplan.Diff(old, plan, from)))
	return nil
}
