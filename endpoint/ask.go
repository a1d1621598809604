package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"ewindow/endpoint/status"
	"ewindow/registrar/signal/ask"
	"ewindow/registrar/signal/owner"
)

type statusCmd struct {
	State string `type:"path" env:"STATE_DIRECTORY" help:"The state directory of the window, as for run."`
	All   bool   `help:"All that is known, and not what fits a screen: sound, repair, encoders, earlier calls and faults."`
	JSON  bool   `name:"json" help:"For programs: everything that is known, as JSON."`
}

// Run is the command `ewindow status`.
func (c *statusCmd) Run() error {
	dir, err := stateDir(c.State)
	if err != nil {
		return err
	}
	if !c.All || c.JSON {
		return ask.Print[status.Status](os.Stdout, dir, "window", c.JSON)
	}
	s, err := ask.Read[status.Status](dir, "window")
	if err != nil {
		return err
	}
	_, err = io.WriteString(os.Stdout, s.All(time.Local))
	return err
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
