// Package card draws what a screen says: texts that fill it, and small ones that lie over a picture; and the ground
// of the test camera's picture. It draws with Pango and Cairo and knows no pipelines.
package card

/*
#cgo CFLAGS: -O2 -Wall -Wextra
#cgo pkg-config: pangocairo
#cgo LDFLAGS: -lm
#include <stdlib.h>
#include "card.h"
*/
import "C"

import "unsafe"

// Image has BGRA pixels, premultiplied, Width*4 bytes a row.
type Image struct {
	Pixels        []byte
	Width, Height int
}

// Texts are the parts of a card; any may be empty.
type Texts struct{ Title, Reason, Next, Notice string }

func blank(width, height int) Image {
	return Image{Pixels: make([]byte, width*height*4), Width: width, Height: height}
}

// text makes C strings; a NUL would end one early, so it ends there.
func text(s string) *C.char { return C.CString(s) }

func free(s ...*C.char) {
	for _, c := range s {
		C.free(unsafe.Pointer(c))
	}
}

// Full draws a card that fills a screen, legible from four metres.
func Full(width, height int, t Texts) Image {
	i := blank(width, height)
	title, reason, next, notice := text(t.Title), text(t.Reason), text(t.Next), text(t.Notice)
	defer free(title, reason, next, notice)
	C.ew_card((*C.uchar)(&i.Pixels[0]), C.int(width), C.int(height), title, reason, next, notice)
	return i
}

// Label draws one line that lies over a picture of the given size. With warn it has the colour of a notice.
func Label(pictureWidth, pictureHeight int, s string, warn bool) Image {
	c := text(s)
	defer free(c)
	var w, h, flag C.int
	if warn {
		flag = 1
	}
	most := C.int(pictureWidth * 9 / 10)
	C.ew_label(nil, &w, &h, C.int(pictureHeight), most, flag, c)
	i := blank(int(w), int(h))
	C.ew_label((*C.uchar)(&i.Pixels[0]), &w, &h, C.int(pictureHeight), most, flag, c)
	return i
}

// TestPicture draws the ground of the test camera's picture with the name of its space.
func TestPicture(width, height int, name string) Image {
	i := blank(width, height)
	c := text(name)
	defer free(c)
	C.ew_test_picture((*C.uchar)(&i.Pixels[0]), C.int(width), C.int(height), c)
	return i
}

// Digits draws 0 to 9 white on black in cells of one size.
func Digits(size int) [10]Image {
	var d [10]Image
	for n := range d {
		i := blank(size*3/4, size*5/4)
		c := text(string(rune('0' + n)))
		C.ew_glyph((*C.uchar)(&i.Pixels[0]), C.int(i.Width), C.int(i.Height), C.int(size), c)
		free(c)
		d[n] = i
	}
	return d
}
