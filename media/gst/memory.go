package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
)

// What a role may use of memory beyond what this process has at its start. It is what the kernel counts as data
// (RLIMIT_DATA): heaps, and 2 MiB for the stack of each thread (pipeline.Init), most of which is never touched. Measured,
// in MiB beyond the start, and resident of that (x264enc with one encoder, avdec_h264):
//
//	        360p    720p    1080p    2160p     may
//	camera  35, 13  65, 28  109, 52  311, 143  384, or a third of the machine
//	screen  61, 20  65, 27   94, 44  274, 109  447 with 1080p and below, 1015 with 2160p
//	sound    9, 5                              160
//
// A second encoder, of 720p beside 1080p, takes 40 more, and each further call about 13 of the sound.
//
// So a machine of 1 GB, the smallest, lives on while one of them is at its limit, and ordinary work comes near none of
// these limits. RLIMIT_AS will not do: Go alone reserves more than 1 GB of addresses. A cgroup needs rights that a window
// lacks.
const (
	cameraBudget = 384 << 20 // at least: it holds what several encoders need, and nothing comes to them from strangers
	cameraShare  = 3         // a third of the machine's memory: large pictures are encoded on large machines
	soundBudget  = 160 << 20
	screenBudget = 256 << 20 // and beside it:
	screenKeeps  = 64        // pictures of the largest size that is taken: in the decoder (32 at most) and on their way to the sink
)

// budget is what a process of this configuration may use beyond its start, in bytes.
func budget(c protocol.Configure, machine uint64) uint64 {
	switch {
	case c.Camera != nil:
		return max(cameraBudget, machine/cameraShare)
	case c.Screen != nil:
		pixels := min(max(c.Screen.Width*c.Screen.Height, 1920*1088), maxSide*maxSide) // 1080p is decoded whatever was agreed
		return screenBudget + screenKeeps*uint64(pixels)*3/2
	}
	return soundBudget
}

// machineMemory is what the machine has, in bytes; 0 if it does not say.
func machineMemory() uint64 {
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) != nil {
		return 0
	}
	return uint64(i.Totalram) * uint64(i.Unit)
}

// memory is the limit of this process.
type memory struct {
	role  protocol.Role
	start uint64 // what it had when it was limited, bytes
	most  uint64
}

// limitMemory bounds what this process can use, for good. Whatever goes beyond it (a picture that is a bomb, a driver
// that leaks) ends this process alone, and the parent replaces it.
func limitMemory(c protocol.Configure, p *parent) (*memory, error) {
	start, err := dataSize()
	if err != nil {
		return nil, fmt.Errorf("limit the memory of this process: %w", err)
	}
	m := &memory{role: c.Role, start: start, most: start + budget(c, machineMemory())}
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &now); err != nil {
		return nil, fmt.Errorf("limit the memory of this process: %w", err)
	}
	m.most = min(m.most, now.Max) // whoever started this process may have set less
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: m.most, Max: m.most}); err != nil {
		return nil, fmt.Errorf("limit the memory of this process to %d MiB: %w", m.most>>20, err)
	}
	pipeline.OnFatal(func(text string) { p.failed(m.exceeded(text)) })
	return m, nil
}

func (m *memory) exceeded(how string) error {
	return fmt.Errorf("this %s may use %d MiB of memory: %s", m.role, m.most>>20, how)
}

// watch waits until four fifths of the budget are used. Most of what finds no memory ends the process at once; but
// libav goes on without, and would show nothing for as long as such pictures come.
func (m *memory) watch() error {
	f, err := openStatus()
	if err != nil {
		return err
	}
	defer f.Close()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		used, err := f.dataSize()
		if err != nil {
			return err
		}
		if used > m.start+(m.most-m.start)/5*4 {
			return m.exceeded(fmt.Sprintf("it has come near that, at %d", used>>20))
		}
	}
	return nil
}

// dataSize is what the kernel counts against RLIMIT_DATA now, in bytes.
func dataSize() (uint64, error) {
	f, err := openStatus()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.dataSize()
}

// status is /proc/self/status. It is kept open, and read without Go's files, which ask the kernel five times as often.
type status struct{ fd int }

func openStatus() (status, error) {
	fd, err := unix.Open("/proc/self/status", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return status{}, fmt.Errorf("/proc/self/status: %w", err)
	}
	return status{fd}, nil
}

func (s status) Close() { _ = unix.Close(s.fd) }

func (s status) dataSize() (uint64, error) {
	var text [4096]byte
	n, err := unix.Pread(s.fd, text[:], 0)
	if err != nil {
		return 0, fmt.Errorf("/proc/self/status: %w", err)
	}
	for line := range strings.Lines(string(text[:n])) {
		if size, found := strings.CutPrefix(line, "VmData:"); found {
			kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(size), "kB")), 10, 54)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/self/status has no VmData")
}
