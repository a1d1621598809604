package main

import (
	"runtime"
	"testing"
	"time"
)

// A thread that could run and gets no processor is seen to wait; the longest counts, and none that has just begun.
func TestWaitedFor(t *testing.T) {
	before := map[string]int64{"a": 5e9, "b": 1e9}
	if share := longest(before, map[string]int64{"a": 5e9 + 100e6, "b": 1e9 + 400e6, "c": 9e9}, time.Second); share != 0.4 {
		t.Errorf("%v of the time, want 0.4", share)
	}
	if share := longest(before, map[string]int64{"a": 8e9}, time.Second); share != 1 {
		t.Errorf("%v of the time, want all of it", share)
	}
	if share := longest(nil, before, time.Second); share != 0 {
		t.Errorf("%v of the time without knowledge", share)
	}
	if n := len(waitedFor("/proc/self")); n < runtime.NumCPU() {
		t.Skipf("the kernel counts for %d threads", n)
	}
}
