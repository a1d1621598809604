package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// A command is what a program's help says of one of its commands, or of the program itself.
type command struct {
	Name  string // as it is typed: "account add"; empty for the program
	Help  string // the whole text
	Flags []string
	Subs  []*command
}

var (
	listed = regexp.MustCompile(`(?m)^  ([a-z][a-z-]*(?: [a-z][a-z-]*)*)(?:$|  | [-<\[(])`)
	flags  = regexp.MustCompile(`(?m)^ {2}(?:-[a-zA-Z], | {4})(--(?:\[no-\])?[a-z][a-z0-9-]*)`)
)

// read asks a program for its help, and for that of each of its commands.
func read(program string) (*command, error) {
	top, err := ask(program, "")
	if err != nil {
		return nil, err
	}
	_, commands, ok := strings.Cut(top.Help, "\nCommands:\n")
	if !ok {
		return nil, fmt.Errorf("%s --help names no commands", program)
	}
	for _, m := range listed.FindAllStringSubmatch(commands, -1) {
		sub, err := ask(program, m[1])
		if err != nil {
			return nil, err
		}
		top.Subs = append(top.Subs, sub)
	}
	if len(top.Subs) < 3 {
		return nil, fmt.Errorf("%s --help: %d commands were found; its form has changed", program, len(top.Subs))
	}
	return top, nil
}

// ask is one command's help.
func ask(program, name string) (*command, error) {
	args := append(strings.Fields(name), "--help")
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w; make build makes the programs", program, strings.Join(args, " "), err)
	}
	c := &command{Name: name, Help: strings.TrimSpace(string(out))}
	for _, m := range flags.FindAllStringSubmatch(c.Help, -1) {
		c.Flags = append(c.Flags, strings.Replace(m[1], "[no-]", "", 1))
	}
	return c, nil
}
