package main

import (
	"os"
	"strings"
	"syscall"
)

// awake has Go's runtime print its state every 25 days, the most that it takes. Its monitor (sysmon) then sleeps for 10 ms at a time, and
// looks. Otherwise it sleeps whenever there is nothing to do and is woken whenever there is again, for three system calls at least: in a
// call that is some hundred times a second in each process, and was a third of all that this program took of a processor.
const awake = "schedtrace=2147483647"

// calm starts this program anew, in its own place, with such a runtime, which reads its settings only then. Device processes
// inherit it. It returns where that is done already, or cannot be.
func calm() {
	set := os.Getenv("GODEBUG")
	if strings.Contains(set, "schedtrace=") {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	if set != "" {
		set += ","
	}
	if os.Setenv("GODEBUG", set+awake) == nil {
		_ = syscall.Exec(self, os.Args, os.Environ())
	}
}
