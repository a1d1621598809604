package main

import (
	"fmt"
	"os"
	"path/filepath"

	"ewindow/endpoint/status"
	"ewindow/registrar/signal/ask"
	"ewindow/registrar/signal/owner"
)

type statusCmd struct {
	State string `type:"path" env:"STATE_DIRECTORY" help:"The state directory of the window, as for run."`
	JSON  bool   `name:"json" help:"For programs: everything that is known, as JSON."`
}

// Run is the command `ewindow status`.
func (c *statusCmd) Run() error {
	dir, err := stateDir(c.State)
	if err != nil {
		return err
	}
	return ask.Print[status.Status](os.Stdout, dir, "window", c.JSON)
}

// ownedState is stateDir for commands that write there: root goes on as the user of the window.
func ownedState(flag string) (string, error) {
	dir, err := stateDir(flag)
	if err != nil {
		return "", err
	}
	return dir, owner.Become(dir)
}

// stateDir is the state directory that a flag names, or the usual one.
func stateDir(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/ewindow", nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no state directory: %w; name one with --state", err)
	}
	return filepath.Join(home, ".local", "state", "ewindow"), nil
}
