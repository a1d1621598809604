package main

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
)

// Sound goes before other work, on from where the process was started, wherever the system allows it.
func TestFavour(t *testing.T) {
	if os.Getenv("EWINDOW_FAVOURED") != "" {
		before, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Fatal(err)
		}
		favour(protocol.Sound)
		if now, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err != nil || now-before != favours[protocol.Sound] {
			t.Fatalf("nice %d, before %d, %v", 20-now, 20-before, err)
		}
		return
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NICE, &limit); os.Geteuid() != 0 && (err != nil || limit.Cur < 25) {
		t.Skip("this system does not allow it")
	}
	cmd := exec.Command("nice", "-n", "5", os.Args[0], "-test.run", "^TestFavour$", "-test.cpu", "1")
	cmd.Env = append(os.Environ(), "EWINDOW_FAVOURED=1")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
}
