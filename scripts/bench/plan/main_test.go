package main

import (
	"bytes"
	"regexp"
	"testing"
)

// A small network is measured, and an edit of it is noticed.
func TestMeasure(t *testing.T) {
	var out bytes.Buffer
	if err := measure(&out, 20); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`20 spaces, 11 rules`, `check: .* \d+\.\d ms .*it finds 0\n`, `the longest has [1-9]\d{3,} bytes`, `it finds [1-9]\d* changes`, `memory of the parsed plan +\d`} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("it does not print %s:\n%s", want, out.String())
		}
	}
}
