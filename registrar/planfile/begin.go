package planfile

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ewindow/dialplan"
)

// A Start is the plan that a registrar begins with.
type Start struct {
	Good
	Failure error // why it is not the one in the files but the last good one; nil if it is the one in the files
}

// Begin reads the files. If they have errors, it says so in the log and takes the last good plan that is kept in dir
// (none if dir is empty); the error is the files' own, if there is none.
func Begin(paths []string, dir string, log *slog.Logger, now time.Time) (*Start, error) {
	good, failure := load(paths, now)
	if failure == nil {
		keepOrSay(dir, good, log)
		return &Start{Good: *good}, nil
	}
	if dir == "" {
		return nil, failure
	}
	last, damage := Last(dir)
	if damage != nil {
		log.Error("a kept copy of the dialplan cannot be used", "err", damage)
	}
	if last == nil {
		return nil, failure
	}
	report(log, failure, "the last good plan is served")
	log.Error("THE DIALPLAN IS NOT IN FORCE: it has errors, and the last good one is served until they are put right",
		"revision", last.Plan.Revision(), "loaded", last.Loaded.Format(time.RFC3339), "errors", count(failure))
	return &Start{Good: *last, Failure: failure}, nil
}

// keepOrSay keeps the plan. Not being able to is no reason not to serve it.
func keepOrSay(dir string, g *Good, log *slog.Logger) {
	if dir == "" {
		return
	}
	if err := keep(dir, g); err != nil {
		log.Error("the dialplan is in force, but a restart would not find it as the last good one", "err", err)
	}
}

// report says each error with its place.
func report(log *slog.Logger, err error, so string) {
	var all dialplan.Diagnostics
	if !errors.As(err, &all) {
		log.Error("dialplan cannot be read; "+so, "err", err)
		return
	}
	for _, d := range all {
		log.Error("dialplan has an error; "+so, "at", fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column), "err", d.Error())
	}
}

func count(err error) int {
	var all dialplan.Diagnostics
	if errors.As(err, &all) {
		return len(all)
	}
	return 1
}
