package config

import (
	"os"
	"strings"
)

// boardFile is where the kernel says on which board it runs, if that has a device tree.
const boardFile = "/proc/device-tree/model"

// board is the name of the board; empty where nobody says: "Raspberry Pi 3 Model B Plus Rev 1.3".
func board() string {
	name, err := os.ReadFile(boardFile)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(name), "\x00\n")
}

// slow says whether a board has four Cortex-A53, as the Raspberry Pi 3. They are taken to hold 25 pictures a second of 1280x720 each way:
// their encoder is hardware, but they scale, and decode what comes from the partner. That is an estimate, of no real one.
func slow(board string) bool {
	return strings.HasPrefix(board, "Raspberry Pi 3 ") || strings.HasPrefix(board, "Raspberry Pi Zero 2 ")
}
