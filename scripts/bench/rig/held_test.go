package rig

import (
	"os"
	"testing"
)

func TestHeldBy(t *testing.T) {
	held, err := HeldBy(os.Getpid())
	if err != nil || len(held) == 0 {
		t.Fatalf("%+v, %v", held, err)
	}
	for _, h := range held {
		if h.PID == os.Getpid() && (h.Own < 1<<18 || h.FDs < 3 || h.Name == "") {
			t.Errorf("%+v", h)
		}
	}
	if _, err := HeldBy(1 << 30); err == nil {
		t.Error("a process that there is not")
	}
}
