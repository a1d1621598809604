package main

import (
	"errors"
	"log/slog"
	"time"

	"ewindow/dialplan"
	"ewindow/registrar/metrics"
	"ewindow/registrar/planfile"
	"ewindow/registrar/proxy"
)

// beginPlan reads the dialplan, or finds the last good one. Its warnings are logged.
func (c *serveCmd) beginPlan(log *slog.Logger) (*planfile.Start, error) {
	start, err := planfile.Begin(c.Dialplan, c.State, log, time.Now())
	if err != nil {
		var wrong dialplan.Diagnostics
		if errors.As(err, &wrong) {
			return nil, newPlanError(wrong)
		}
		return nil, &exitError{status: 2, text: err.Error()}
	}
	for _, w := range start.Plan.Warnings() {
		log.Warn("dialplan", "warning", w.Error())
	}
	return start, nil
}

// watcher keeps the server's plan equal to the files.
func (c *serveCmd) watcher(server *proxy.Server, start *planfile.Start, counted *metrics.Registry, log *slog.Logger) *planfile.Watcher {
	return planfile.New(planfile.Config{
		Paths: c.Dialplan, Keep: c.State, Current: start, Changed: server.SetPlan, Log: log,
		Result: func(g *planfile.Good) {
			counted.Reloaded(g != nil)
			if g != nil {
				counted.PlanInForce(g.Plan.Revision(), g.Loaded)
			}
		},
	})
}
