package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
)

// workEvery is how often it is said whether the camera keeps up.
const workEvery = time.Second

// labour is what the camera had done when that was last said.
type labour struct {
	at     time.Time
	done   map[uint32]done  // by the number of the stream
	waited map[string]int64 // by thread, ns
}

// done is the pictures that an encoder was given and has made.
type done struct{ given, made uint64 }

// work says whether the streams keep up: whoever wants them decides what is to be done. Of one that has just begun, or while a still
// picture stands in for the camera, nothing is said: a bitrate changes every second, and is no excuse.
func (k *camera) work(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.labour.at) < workEvery {
		return
	}
	was := k.labour
	k.labour = labour{at: now, done: map[uint32]done{}, waited: waitedFor("/proc/self")}
	passed := now.Sub(was.at).Seconds()
	worst := protocol.Event{Kind: protocol.Work, Waited: longest(was.waited, k.labour.waited, now.Sub(was.at))}
	for _, s := range k.streams {
		is := done{s.given.Load(), s.units.Load()}
		k.labour.done[s.Number] = is
		before, known := was.done[s.Number]
		if !known {
			continue
		}
		given, made := float64(is.given-before.given)/passed, float64(is.made-before.made)/passed
		if wanted := float64(s.FPS); worst.Wanted == 0 || made/wanted < worst.Made/worst.Wanted {
			worst.Wanted, worst.Given, worst.Made = wanted, given, made
		}
	}
	if worst.Wanted > 0 && k.device != stillPicture {
		k.p.event(worst)
	}
}

// waitedFor is how long each thread of a process has waited for a processor so far, in ns, while it could have run (proc(5),
// schedstat); empty where the kernel does not count.
func waitedFor(process string) map[string]int64 {
	threads, _ := os.ReadDir(process + "/task")
	waited := make(map[string]int64, len(threads))
	for _, t := range threads {
		if ns, ok := waitedBy(process + "/task/" + t.Name() + "/schedstat"); ok {
			waited[t.Name()] = ns
		}
	}
	return waited
}

// waitedBy reads how long a thread has waited; ok is false if it has ended. Go's files would ask the kernel four times as often,
// which is much for all threads.
func waitedBy(schedstat string) (ns int64, ok bool) {
	fd, err := unix.Open(schedstat, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	var text [128]byte
	n, err := unix.Read(fd, text[:])
	fields := strings.Fields(string(text[:max(n, 0)]))
	if err != nil || len(fields) != 3 {
		return 0, false
	}
	ns, err = strconv.ParseInt(fields[1], 10, 64)
	return ns, err == nil
}

// longest is the share of a time that the thread waited that waited longest.
func longest(before, now map[string]int64, passed time.Duration) float64 {
	most := int64(0)
	for t, ns := range now {
		if was, known := before[t]; known {
			most = max(most, ns-was)
		}
	}
	return min(float64(most)/float64(passed), 1)
}
