package main

import (
	"fmt"
	"os"

	"ewindow/endpoint/config"
)

type checkCmd struct {
	File string `arg:"" type:"path" help:"The window's file, window.hcl."`
}

// Run is the command `ewindow check`: it says all that is wrong in the file, and in the secret's file that it names.
func (c *checkCmd) Run() error {
	cfg, err := config.Load(c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "%s is the window %s at the registrar %s: no errors\n", c.File, cfg.Space, cfg.Domain)
	return nil
}
