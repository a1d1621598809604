package rig

import (
	"fmt"
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	out := newTail()
	for i := range 100 {
		fmt.Fprintf(out, "progress %d\rline %d\n\n", i, i)
	}
	fmt.Fprint(out, "unfinished")
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != tailLines+1 || got[tailLines] != "unfinished" || got[tailLines-1] != "line 99" || got[0] != "progress 80" {
		t.Errorf("%d lines, from %q to %q", len(got), got[0], got[len(got)-1])
	}
	fmt.Fprint(out, strings.Repeat("x", 100_000))
	if n := len(out.String()); n > 110_000 {
		t.Errorf("keeps %d bytes", n)
	}
}
