package pipeline

// #include "shim.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// Gate sits behind a named element, the last before a sink: it counts what passes, and draws texts into it.
type Gate struct{ gst *C.EwGate }

// Patch is a bitmap that lies over pictures.
type Patch struct {
	Pixels        []byte // BGRA, premultiplied, Width*4 bytes a row
	Width, Height int
	X, Y          int // of its top left corner in the picture
}

// Gate puts a gate behind the named element. Free it after Stop and before Close.
func (p *Pipeline) Gate(element string) *Gate { return &Gate{C.ew_gate(p.elements[element])} }

// Draw replaces the patches that lie over all pictures from now on.
func (g *Gate) Draw(patches []Patch) {
	var pin runtime.Pinner
	defer pin.Unpin()
	c := make([]C.EwPatch, 0, len(patches))
	for _, p := range patches {
		if p.Width <= 0 || p.Height <= 0 || len(p.Pixels) < p.Width*p.Height*4 {
			continue
		}
		pin.Pin(&p.Pixels[0])
		c = append(c, C.EwPatch{pixels: unsafe.Pointer(&p.Pixels[0]), width: C.int(p.Width), height: C.int(p.Height),
			stride: C.int(p.Width * 4), x: C.int(p.X), y: C.int(p.Y)})
	}
	C.ew_gate_patches(g.gst, unsafe.SliceData(c), C.int(len(c)))
}

// Passed is the number of buffers that went by.
func (g *Gate) Passed() uint64 { return uint64(C.ew_gate_passed(g.gst)) }

// Free removes the gate.
func (g *Gate) Free() { C.ew_gate_free(g.gst) }
