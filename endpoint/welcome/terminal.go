package welcome

import (
	"fmt"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Keys has a terminal give each key as it is typed, and show none: on a console that a window's screen covers, the screen shows them. restore makes it as it was.
// nil without an error is no terminal.
func Keys(in *os.File) (keys <-chan string, restore func(), err error) {
	fd := int(in.Fd())
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, func() {}, nil // a file or a pipe
	}
	raw := *was
	raw.Lflag &^= unix.ICANON | unix.ECHO // Ctrl-C still ends the program
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return nil, func() {}, fmt.Errorf("have the terminal give single keys: %w", err)
	}
	typed := make(chan string)
	go func() {
		defer close(typed)
		b := make([]byte, 256)
		for {
			n, err := in.Read(b)
			if err != nil {
				return
			}
			for _, key := range read(string(b[:n])) {
				typed <- key
			}
		}
	}()
	return typed, func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, was) }, nil
}

// sequence is what terminals send for keys that are no letters (ECMA-48, and xterm's).
func sequence(s string) (key string, length int) {
	for _, k := range []struct{ sends, key string }{
		{"\x1b[5~", "PageUp"}, {"\x1b[6~", "PageDown"}, {"\x1b[A", "PageUp"}, {"\x1b[B", "PageDown"}, {"\x1bOA", "PageUp"}, {"\x1bOB", "PageDown"},
	} {
		if len(s) >= len(k.sends) && s[:len(k.sends)] == k.sends {
			return k.key, len(k.sends)
		}
	}
	if s == "\x1b" {
		return "Escape", 1
	}
	return "", len(s) // another key, or one with Alt
}

// read is the keys of what came at once.
func read(s string) (keys []string) {
	for len(s) > 0 {
		if s[0] == '\x1b' {
			key, n := sequence(s)
			if key != "" {
				keys = append(keys, key)
			}
			s = s[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		switch {
		case r == '\r' || r == '\n':
			keys = append(keys, "Enter")
		case r == 0x7f || r == 8:
			keys = append(keys, "Backspace")
		case r >= ' ' && r != 0xfffd && (r < 0x7f || r >= 0xa0):
			keys = append(keys, string(r))
		}
	}
	return keys
}
