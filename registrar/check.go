package main

import (
	"errors"
	"fmt"

	"ewindow/dialplan"
)

type checkCmd struct {
	Files []string `arg:"" name:"file" help:"Dialplan files, or directories of *.hcl files."`
}

// Run prints file:line:column: what is wrong; what to do. The status is 1 for errors in the plan, 2 if it cannot be
// read.
func (c *checkCmd) Run(s streams) error {
	plan, err := loadPlan(c.Files)
	if err != nil {
		return err
	}
	for _, w := range plan.Warnings() {
		fmt.Fprintf(s.out, "warning: %v\n", w)
	}
	fmt.Fprintf(s.out, "%s, %s: no errors\n", count(len(plan.Spaces()), "space"), count(len(plan.Links()), "link"))
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// loadPlan reads a plan. Diagnostics become the text of the error as they are, one a line.
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

func (e *planError) Error() string { return e.all.Error() }
