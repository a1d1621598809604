package main

import (
	"maps"
	"slices"

	"ewindow/dialplan"
	"ewindow/registrar/answers"
	"ewindow/registrar/members"
)

// probationFlags say who is on probation, for commands that answer questions about a plan.
type probationFlags struct {
	Probation map[string]string `help:"Answer as while this space is on probation and may link with its sponsor alone. May be given several times." placeholder:"SPACE=SPONSOR"`
}

// recordFlags have the registrar's record say it too.
type recordFlags struct {
	probationFlags
	State string `help:"The registrar's state directory: answer as it does, with those on probation whom its record of members names." placeholder:"DIR"`
}

func (f recordFlags) load(paths []string) (*dialplan.Plan, error) { return f.loadWith(paths, f.State) }

// loadWith reads a plan, and puts it under the probations: those of the record in a state directory, if one is named, and those of the flags.
func (f probationFlags) loadWith(paths []string, state string) (*dialplan.Plan, error) {
	plan, err := loadPlan(paths)
	if err != nil {
		return nil, err
	}
	on := dialplan.Probations{}
	if state != "" {
		if on, err = recorded(stateFlags{state}); err != nil {
			return nil, &exitError{status: 2, text: err.Error()}
		}
	}
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

// recorded are the probations of the record in a registrar's state directory.
func recorded(f stateFlags) (dialplan.Probations, error) {
	if err := f.there(); err != nil {
		return nil, err
	}
	record, err := members.Read(f.members())
	if err != nil {
		return nil, err
	}
	return probations(record), nil
}

// probations are whom a record has on probation.
func probations(r members.Record) dialplan.Probations {
	on := dialplan.Probations{}
	for _, m := range r.Members() {
		if m.State == members.OnProbation {
			on[m.Space] = dialplan.Probation{Sponsor: m.Sponsor, Since: m.Since}
		}
	}
	return on
}
