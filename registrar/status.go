package main

import (
	"ewindow/registrar/signal/ask"
	"ewindow/registrar/status"
)

type statusCmd struct {
	stateFlags
	JSON bool `name:"json" help:"For programs: everything that is known, as JSON."`
}

// Run asks the registrar that runs with the state directory.
func (c *statusCmd) Run(s streams) error {
	return ask.Print[status.Status](s.out, c.State, "registrar", c.JSON)
}
