package main

import "bytes"

// NAL unit types (H.264 table 7-1).
const (
	nalIDR = 5
	nalSPS = 7
	nalPPS = 8
)

// scan looks through an access unit (H.264 Annex B): key says that it is an IDR picture with both parameter sets,
// largest is the size of its largest NAL unit in bytes.
func scan(au []byte) (key bool, largest int) {
	var seen [32]bool
	for {
		i := bytes.Index(au, []byte{0, 0, 1})
		if i < 0 {
			break
		}
		au = au[i+3:]
		if len(au) == 0 {
			break
		}
		seen[au[0]&31] = true
		end := bytes.Index(au, []byte{0, 0, 1})
		if end < 0 {
			end = len(au)
		}
		largest = max(largest, len(bytes.TrimRight(au[:end], "\x00")))
	}
	return seen[nalIDR] && seen[nalSPS] && seen[nalPPS], largest
}
