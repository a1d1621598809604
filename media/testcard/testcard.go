// Package testcard is the machine-readable code in the test camera's picture: who made it, and which picture it is.
// Whoever grabs a screen can tell from it what is shown there and whether it moves.
//
//	+---+---+----------+---+---+
//	| W | B | seed …   | B | W |   5 rows of 16 cells, each width/40 pixels wide and high, at the top left.
//	+---+---+          +---+---+   W and B are reference cells, white and black; between them stand
//	|  counter …               |   the seed (16 bits), the counter (32) and a checksum (24), row by row.
//	+---+---+          +---+---+
//	| W | B | checksum | W | B |
//	+---+---+----------+---+---+
//
// Cells are far larger than the blocks of a video codec, and the threshold comes from the reference cells, so the code
// outlives strong compression, scaling, and changes of brightness and contrast.
package testcard

import "hash/crc32"

// The size of the code in cells, and how many cells would fill the width of a picture. Cells are square.
const (
	Columns  = 16
	Rows     = 5
	PerWidth = 40
)

const (
	cells    = Columns * Rows
	black    = 28  // luma of a dark cell
	white    = 222 // luma of a bright cell
	contrast = 40  // least difference between bright and dark reference cells
)

// reference cells and what they hold; data bits fill the others in order.
func reference(cell int) (bright, is bool) {
	switch cell {
	case 0, Columns - 1, cells - Columns, cells - 2:
		return true, true
	case 1, Columns - 2, cells - Columns + 1, cells - 1:
		return false, true
	}
	return false, false
}

func checksum(seed uint16, counter uint32) uint32 {
	b := [6]byte{byte(seed >> 8), byte(seed), byte(counter >> 24), byte(counter >> 16), byte(counter >> 8), byte(counter)}
	return crc32.ChecksumIEEE(b[:]) & 0xffffff
}

// edge is the first pixel of the n-th cell.
func edge(n, width int) int { return (n*width + PerWidth/2) / PerWidth }

// Size is how many pixels of a picture of that width the code takes up: columns and rows.
func Size(width int) (columns, rows int) { return edge(Columns, width), edge(Rows, width) }

// fits says whether a picture is large enough for the code, and luma large enough for the picture.
func fits(luma []byte, stride, width, height int) bool {
	return width >= 2*PerWidth && stride >= width && height >= edge(Rows, width) && len(luma) >= (height-1)*stride+width
}

// Draw writes the code into the luma plane of a picture. A picture less than 80 pixels wide, or not as high as the
// code, stays as it is.
func Draw(luma []byte, stride, width, height int, seed uint16, counter uint32) {
	if !fits(luma, stride, width, height) {
		return
	}
	var bits [9]byte
	sum := checksum(seed, counter)
	copy(bits[:], []byte{byte(seed >> 8), byte(seed), byte(counter >> 24), byte(counter >> 16), byte(counter >> 8),
		byte(counter), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	bit := 0
	for cell := range cells {
		bright, is := reference(cell)
		if !is {
			bright = bits[bit/8]>>(7-bit%8)&1 == 1
			bit++
		}
		fill(luma, stride, width, cell, bright)
	}
}

func fill(luma []byte, stride, width, cell int, bright bool) {
	v := byte(black)
	if bright {
		v = white
	}
	column, row := cell%Columns, cell/Columns
	x0, x1 := edge(column, width), edge(column+1, width)
	for y := edge(row, width); y < edge(row+1, width); y++ {
		line := luma[y*stride+x0 : y*stride+x1]
		for i := range line {
			line[i] = v
		}
	}
}

// Read finds the code in the luma plane of a picture that fills width × height, whatever size it had when it was
// drawn. ok is false when there is none or its checksum is wrong.
func Read(luma []byte, stride, width, height int) (seed uint16, counter uint32, ok bool) {
	if !fits(luma, stride, width, height) {
		return 0, 0, false
	}
	var mean [cells]int
	dark, bright := 0, 255 // the brightest dark and the darkest bright reference
	for cell := range cells {
		m := look(luma, stride, width, cell)
		mean[cell] = m
		if b, is := reference(cell); is && b {
			bright = min(bright, m)
		} else if is {
			dark = max(dark, m)
		}
	}
	if bright-dark < contrast {
		return 0, 0, false
	}
	var bits [9]byte
	bit := 0
	for cell := range cells {
		if _, is := reference(cell); is {
			continue
		}
		if 2*mean[cell] > bright+dark {
			bits[bit/8] |= 1 << (7 - bit%8)
		}
		bit++
	}
	seed = uint16(bits[0])<<8 | uint16(bits[1])
	counter = uint32(bits[2])<<24 | uint32(bits[3])<<16 | uint32(bits[4])<<8 | uint32(bits[5])
	sum := uint32(bits[6])<<16 | uint32(bits[7])<<8 | uint32(bits[8])
	return seed, counter, sum == checksum(seed, counter)
}

// look is the mean luma of the middle of a cell.
func look(luma []byte, stride, width, cell int) int {
	column, row := cell%Columns, cell/Columns
	x0, x1 := edge(column, width), edge(column+1, width)
	y0, y1 := edge(row, width), edge(row+1, width)
	dx, dy := (x1-x0)/4, (y1-y0)/4
	sum, n := 0, 0
	for y := y0 + dy; y < y1-dy; y++ {
		for _, v := range luma[y*stride+x0+dx : y*stride+x1-dx] {
			sum += int(v)
			n++
		}
	}
	return sum / max(n, 1)
}
