package dialplan

import "ewindow/dialplan/diagnostic"

// What is wrong in a plan, or suspicious: see package diagnostic.
type (
	// A Diagnostic is one thing.
	Diagnostic = diagnostic.Diagnostic
	// Diagnostics are all of them.
	Diagnostics = diagnostic.List
	// A File is one file of a plan, already read.
	File = diagnostic.File
)

// How bad it is, and what it is about.
const (
	Error   = diagnostic.Error
	Warning = diagnostic.Warning
	Syntax  = diagnostic.NotHCL
	Meaning = diagnostic.Meaning
	Unmet   = diagnostic.Unmet
)
