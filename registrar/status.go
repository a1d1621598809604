package main

import (
	"encoding/json"
	"fmt"
	"time"

	"ewindow/registrar/signal/ask"
	"ewindow/registrar/status"
)

type statusCmd struct {
	stateFlags
	JSON bool `name:"json" help:"For programs: everything that is known, as JSON."`
}

// Run asks the registrar that runs with the state directory.
func (c *statusCmd) Run(s streams) error {
	st, err := ask.Read[status.Status](c.State, "registrar")
	if err != nil {
		return err
	}
	if !c.JSON {
		_, err = fmt.Fprint(s.out, st.Text(time.Local))
		return err
	}
	out := json.NewEncoder(s.out)
	out.SetIndent("", "  ")
	return out.Encode(st)
}
