package main

import (
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
	JSON bool `name:"json" help:"Print one JSON array of all errors and warnings, for editors."`
}

// Run prints file:line:column, what is wrong, the line, and what to do. The status is 1 for errors in the plan, 2 if
// it cannot be read.
func (c *checkCmd) Run(s streams) error {
	plan, err := loadPlan(c.Files)
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
	fmt.Fprint(s.out, answers.Problems(found))
	summary := fmt.Sprintf("%s, %s: no errors", answers.Count(len(plan.Spaces()), "space"), answers.Count(len(plan.Links()), "link"))
	if len(found) > 0 {
		summary += ", " + answers.Count(len(found), "warning")
	}
	fmt.Fprintln(s.out, summary)
	return nil
}

// loadPlan reads a plan. Errors in it are a planError; if it cannot be read, the status will be 2.
func loadPlan(paths []string) (*dialplan.Plan, error) {
	plan, err := dialplan.Load(paths...)
	var wrong dialplan.Diagnostics
	switch {
	case errors.As(err, &wrong):
		return nil, &planError{wrong}
	case err != nil:
		return nil, &exitError{status: 2, text: err.Error()}
	}
	return plan, nil
}

type planError struct{ all dialplan.Diagnostics }

// Error is the text for people, without the end of its last line.
func (e *planError) Error() string {
	return answers.Problems(e.all) + answers.Count(len(e.all), "error")
}
