package main

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan"
	"ewindow/dialplan/nesting"
	"ewindow/dialplan/wholefile"
	"ewindow/registrar/answers"
)

type testCmd struct{ planFiles }

// Run runs the expect blocks, and says how many passed. The status is 1 if one fails, or if the plan has other errors.
func (c *testCmd) Run(s streams) error {
	plan, err := loadPlan(c.Files)
	var wrong *planError
	switch {
	case errors.As(err, &wrong):
		failed := 0
		for _, d := range wrong.all {
			if d.Kind == dialplan.Unmet {
				failed++
			}
		}
		if failed < len(wrong.all) {
			return err // expectations are looked at only where the plan has no other error
		}
		all, err := c.expectations()
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s%d of %s passed", wrong.all.Text(), all-failed, answers.Count(all, "expectation"))
		return &planError{wrong.all, text}
	case err != nil:
		return err
	}
	n := len(plan.Expectations())
	if n == 0 {
		fmt.Fprintln(s.out, `the plan expects nothing; write expect "name" { … } for what must stay true`)
		return nil
	}
	fmt.Fprintf(s.out, "%d of %s passed\n", n, answers.Count(n, "expectation"))
	return nil
}

// expectations is how many expect blocks the files have. It reads the files, since there is no plan where one fails.
func (c *testCmd) expectations() (int, error) {
	names, err := fileNames(c.Files)
	if err != nil {
		return 0, &exitError{status: 2, text: err.Error()}
	}
	n := 0
	for _, name := range names {
		src, err := wholefile.Read(name, dialplan.MaxSize)
		if err != nil {
			return 0, &exitError{status: 2, text: err.Error()}
		}
		file, _ := nesting.Parse(src, name)
		for _, b := range file.Body.(*hclsyntax.Body).Blocks {
			if b.Type == "expect" {
				n++
			}
		}
	}
	return n, nil
}
