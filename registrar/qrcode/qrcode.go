// Package qrcode draws what a camera is to read: for a terminal, and as an image.
package qrcode

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the light margin around a symbol, in modules (ISO/IEC 18004 wants four; a terminal has few lines, and readers are content with two).
const quiet = 2

// Text draws s with half blocks, two rows of modules a line, for a terminal that is dark or light: both colours are drawn.
func Text(s string) (string, error) {
	code, err := qr.Encode(s, qr.L)
	if err != nil {
		return "", fmt.Errorf("draw a QR symbol: %w", err)
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("\x1b[30;107m") // black on white, whatever the terminal's colours are
		for x := -quiet; x < code.Size+quiet; x++ {
			b.WriteString(halves[[2]bool{code.Black(x, y), code.Black(x, y+1)}])
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String(), nil
}

// halves are the characters for a dark upper and a dark lower module.
var halves = map[[2]bool]string{{false, false}: " ", {true, false}: "▀", {false, true}: "▄", {true, true}: "█"}

// PNG is the symbol of s as an image.
func PNG(s string) ([]byte, error) {
	code, err := qr.Encode(s, qr.M)
	if err != nil {
		return nil, fmt.Errorf("draw a QR symbol: %w", err)
	}
	return code.PNG(), nil
}
