package main

import (
	"context"
	"errors"
	"fmt"

	"ewindow/dialplan"
	"ewindow/registrar/answers"
)

// planFiles are the files of a plan, as an argument of most commands.
type planFiles struct {
	Files []string `arg:"" name:"file" help:"Dialplan files, or directories of *.hcl files: together one plan."`
}

type checkCmd struct {
	planFiles
	probationFlags
	JSON     bool `name:"json" help:"Print one JSON array of all errors and warnings, for editors."`
	Accounts bool `help:"Compare with the accounts and the record of members in --state too: who has none, which are of no use, and what cannot be while somebody is on probation."`
	stateFlags
}

// Run prints file:line:column, what is wrong, the line, and what to do. The status is 1 for errors in the plan, 2 if
// it cannot be read.
func (c *checkCmd) Run(s streams) error {
	state := ""
	if c.Accounts {
		state = c.State
	}
	plan, err := c.loadWith(c.Files, state)
	var wrong *planError
	if err != nil && !(c.JSON && errors.As(err, &wrong)) {
		return err
	}
	var found dialplan.Diagnostics
	if wrong != nil {
		found = wrong.all
	} else {
		found = plan.WarningsFrom(s.clock())
	}
	if c.Accounts && plan != nil {
		different, err := c.compare(plan, s)
		if err != nil {
			return &exitError{status: 2, text: err.Error()}
		}
		found = append(found, different...)
	}
	if c.JSON {
		text, err := answers.JSON(found)
		if err != nil {
			return err
		}
		if _, err := s.out.Write(text); err != nil || wrong == nil {
			return err
		}
		return &exitError{status: 1}
	}
	fmt.Fprint(s.out, found.Text())
	fmt.Fprintln(s.out, summary(plan, len(found)))
	return nil
}

// compare finds where the plan and the accounts differ.
func (c *checkCmd) compare(plan *dialplan.Plan, s streams) (_ dialplan.Diagnostics, err error) {
	ctx := context.Background()
	db, err := accountFlags{c.stateFlags}.openToRead(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	accounts, err := db.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = a.Name
	}
	return plan.CompareAccounts(names, c.store()), nil
}

// summary is one line about a plan without errors.
func summary(plan *dialplan.Plan, warnings int) string {
	s := answers.Count(len(plan.Spaces()), "space") + ", " + answers.Count(len(plan.Links()), "link")
	for _, c := range []struct {
		n    int
		what string
	}{{len(plan.Rotations()), "rotation"}, {len(plan.Phones()), "phone"}, {len(plan.Expectations()), "expectation"}} {
		if c.n > 0 {
			s += ", " + answers.Count(c.n, c.what)
		}
	}
	s += ": no errors"
	if warnings > 0 {
		s += ", " + answers.Count(warnings, "warning")
	}
	return s
}

// loadPlan reads a plan. Errors in it are a planError; if it cannot be read, the status will be 2.
func loadPlan(paths []string) (*dialplan.Plan, error) {
	plan, err := dialplan.Load(paths...)
	var wrong dialplan.Diagnostics
	switch {
	case errors.As(err, &wrong):
		return nil, newPlanError(wrong)
	case err != nil:
		return nil, &exitError{status: 2, text: err.Error()}
	}
	return plan, nil
}

// A planError is errors in a plan, and how they are told.
type planError struct {
	all  dialplan.Diagnostics
	text string
}

func newPlanError(all dialplan.Diagnostics) *planError {
	return &planError{all, all.Text() + answers.Count(len(all), "error")}
}

// Error is the text for people, without the end of its last line.
func (e *planError) Error() string { return e.text }
