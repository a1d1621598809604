package main

import (
	"fmt"
	"strconv"
	"strings"
)

// split takes a word of the window's file apart: "v4l2:/dev/video0" is "v4l2" and "/dev/video0".
func split(word string) (kind, rest string) {
	kind, rest, _ = strings.Cut(word, ":")
	return kind, rest
}

// quoted makes a value safe in a pipeline's text.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// An area is a rectangle of pixels.
type area struct{ width, height, x, y int }

// x11Place reads what follows "x11:": a display, and after a comma the geometry of a plain window on it.
func x11Place(rest string) (display string, window *area, err error) {
	display, geometry, plain := strings.Cut(rest, ",")
	if !strings.Contains(display, ":") {
		return "", nil, fmt.Errorf("x11:%s names no display; write x11::0 for the display :0", rest)
	}
	if !plain {
		return display, nil, nil
	}
	var a area
	if n, err := fmt.Sscanf(geometry, "%dx%d+%d+%d", &a.width, &a.height, &a.x, &a.y); err != nil || n != 4 || a.width < 16 || a.height < 16 {
		return "", nil, fmt.Errorf("x11:%s has a bad geometry; write x11:%s,640x360+0+0", rest, display)
	}
	return display, &a, nil
}

// tcpDisplay says whether a display is reached over the network, which this process may not use.
func tcpDisplay(display string) bool {
	host, _, _ := strings.Cut(display, ":")
	return host != "" && host != "unix" && !strings.HasPrefix(host, "/")
}

func number(n int) string { return strconv.Itoa(n) }
