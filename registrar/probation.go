package main

import (
	"maps"
	"slices"

	"ewindow/dialplan"
	"ewindow/registrar/answers"
)

// probationFlags say who is on probation, for commands that answer questions about a plan.
type probationFlags struct {
	Probation map[string]string `help:"Answer as while this space is on probation and may link with its sponsor alone. May be given several times." placeholder:"SPACE=SPONSOR"`
}

// load reads a plan, and puts it under the probations.
func (f probationFlags) load(paths []string) (*dialplan.Plan, error) {
	plan, err := loadPlan(paths)
	if err != nil {
		return nil, err
	}
	on := dialplan.Probations{}
	for _, space := range slices.Sorted(maps.Keys(f.Probation)) {
		for _, name := range []string{space, f.Probation[space]} {
			if _, is := plan.Space(name); !is {
				return nil, answers.UnknownSpace(plan, name)
			}
		}
		on[space] = dialplan.Probation{Sponsor: f.Probation[space]}
	}
	return plan.Under(on), nil
}
