package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Machine is this computer, apart from its devices.
type Machine struct {
	Sys   string // the kernel's tree, "/sys"
	State string // the window's directory
}

// Limits of the machine.
const (
	leastFree = 50 << 20 // bytes of disk: what the window keeps is small, and the system's log is not
	hot       = 80.0     // °C: from here on a Raspberry Pi slows down
	tooHot    = 85.0
)

// Check looks at disk, heat and power.
func (m Machine) Check() Check {
	return Check{"looks at the machine", "", func(context.Context) []Finding {
		found := []Finding{m.disk()}
		for _, f := range []func() (Finding, bool){m.heat, m.power} {
			if finding, known := f(); known {
				found = append(found, finding)
			}
		}
		return found
	}}
}

func (m Machine) disk() Finding {
	f, err := os.CreateTemp(m.State, ".doctor-*")
	if err == nil {
		_, err = f.WriteString("it can be written")
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return fail("disk", "make room, or look whether the card is worn: a worn card becomes read-only", "%s cannot be written: %v", m.State, err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(m.State, &fs); err != nil {
		return fail("disk", "have the disk checked", "%s: %v", m.State, err)
	}
	free := fs.Bavail * uint64(fs.Bsize)
	if free < leastFree {
		return warn("disk", "make room: journalctl --vacuum-size=20M frees what the log has", "%d MB are free at %s", free>>20, m.State)
	}
	return pass("disk", "%.1f GB are free at %s", float64(free)/(1<<30), m.State)
}

// heat is that of the hottest part that the kernel tells of; false: it tells of none.
func (m Machine) heat() (Finding, bool) {
	found, _ := filepath.Glob(filepath.Join(m.Sys, "class/thermal/thermal_zone*/temp"))
	most, known := 0.0, false
	for _, path := range found {
		if n, err := number(path); err == nil && n > 0 {
			most, known = max(most, float64(n)/1000), true
		}
	}
	const remedy = "give it air, or a heat sink: it slows down when it is hot"
	switch {
	case most >= tooHot:
		return fail("heat", remedy, "%.0f °C", most), known
	case most >= hot:
		return warn("heat", remedy, "%.0f °C", most), known
	}
	return pass("heat", "%.0f °C", most), known
}

// power is whether a Raspberry Pi has had too little since it started (raspberrypi-hwmon); false: this machine does not tell.
func (m Machine) power() (Finding, bool) {
	names, _ := filepath.Glob(filepath.Join(m.Sys, "class/hwmon/hwmon*/name"))
	for _, path := range names {
		if name, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(name)) != "rpi_volt" {
			continue
		}
		low, err := number(filepath.Join(filepath.Dir(path), "in0_lcrit_alarm"))
		if err != nil {
			return Finding{}, false
		}
		if low != 0 {
			return warn("power", "use the power supply that is made for this board, and a short cable", "the voltage is too low: camera and network may fail at any time"), true
		}
		return pass("power", "the voltage is right"), true
	}
	return Finding{}, false
}

func number(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}
