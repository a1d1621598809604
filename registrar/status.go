package main

import (
	"fmt"
	"io"
	"time"

	"ewindow/registrar/signal/ask"
	"ewindow/registrar/status"
)

type statusCmd struct {
	Account string `arg:"" optional:"" placeholder:"SPACE" help:"Only what concerns this space, or phone."`
	stateFlags
	JSON bool `name:"json" help:"For programs: everything that is known, as JSON."`
}

// Run asks the registrar that runs with the state directory.
func (c *statusCmd) Run(s streams) error {
	now, err := ask.Read[status.Status](c.State, "registrar")
	if err != nil {
		return err
	}
	if c.Account != "" {
		if now.Account(c.Account) == nil {
			return fmt.Errorf("%.80q is not in the plan, and not registered; `ewindow-registrar status` has all", c.Account)
		}
		if !c.JSON {
			_, err := io.WriteString(s.out, now.Detail(c.Account, time.Local))
			return err
		}
		now = now.Of(c.Account)
	}
	return ask.Write(s.out, now, c.JSON)
}
