package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// A restart with a broken dialplan serves the last good one, says so each time, and ends that as soon as it is right.
func TestRestartWithBrokenPlan(t *testing.T) {
	s := newService(t)
	path := s.args.Dialplan[0]
	s.start()
	revision := s.await(`registrar ready.*revision=(\S+)`)
	s.end()

	write(t, path, strings.Replace(plan, "timezone", "timezon", 1))
	for range 2 {
		s.start()
		s.await(`level=(ERROR) msg="dialplan has an error; the last good plan is served" at=` + path + `:2:3 `)
		s.await(`level=(ERROR) msg="THE DIALPLAN IS NOT IN FORCE`)
		if got := s.await(`registrar ready.*revision=(\S+)`); got != revision {
			t.Errorf("revision %s is served, want the last good one %s", got, revision)
		}
		scrape := get(t, "http://"+s.addr("http")+"/metrics")
		for _, want := range []string{
			"dialplan_last_reload_successful 0\n", `dialplan_last_good_revision{revision="` + revision + `"} 1`, `ewindow_registered{space="milano"} 0`,
		} {
			if !strings.Contains(scrape, want) {
				t.Errorf("/metrics has no %s", want)
			}
		}
		s.end()
	}

	s.start()
	write(t, path, plan)
	s.reload <- syscall.SIGHUP
	s.await(`dialplan (read again): it is the plan in force`)
	if scrape := get(t, "http://"+s.addr("http")+"/metrics"); !strings.Contains(scrape, "dialplan_last_reload_successful 1\n") {
		t.Error("/metrics still says that the reload failed")
	}
	s.end()
}

// The first start needs a plan without errors.
func TestFirstStartWithBrokenPlan(t *testing.T) {
	s := newService(t)
	path := write(t, s.args.Dialplan[0], strings.Replace(plan, "timezone", "timezon", 1))
	status, _, errs := command("serve", "--dialplan", path, "--state", s.args.State, "--tls", "127.0.0.1:0", "--tcp", "", "--udp", "", "--http", "", "--turn", "", "--shared", "")
	if status != 1 || !strings.HasPrefix(errs, path+":2:3: ") {
		t.Errorf("status %d, %q", status, errs)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := command("serve", "--dialplan", path, "--state", s.args.State); status != 2 || !strings.Contains(errs, "no such file") {
		t.Errorf("status %d, %q", status, errs)
	}
}
