package main

import (
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
)

// favours is by how much a role's processor time goes before that of other work, in steps of nice(1): sound before all, since a
// gap of it is heard at once, and what is seen before what is only sent.
var favours = map[protocol.Role]int{protocol.Sound: 10, protocol.Screen: 2}

// favour gives the threads of this process, and all that they begin, the priority of its role, from where it was started. It is for
// the start, while there are few. A system that does not allow that (RLIMIT_NICE, CAP_SYS_NICE) leaves all as it is.
func favour(role protocol.Role) {
	nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	by := favours[role]
	if err != nil || by == 0 {
		return
	}
	nice = 20 - nice                                 // the system call's own range is 40 to 1
	threads, _ := filepath.Glob("/proc/self/task/*") // the pattern is well formed
	for _, t := range threads {
		if id, err := strconv.Atoi(filepath.Base(t)); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, max(nice-by, -20))
		}
	}
}
