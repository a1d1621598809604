package pipeline

// #include "shim.h"
import "C"

// Gain amplifies sound (S16LE, one channel) behind a named element, and lets go where a sample would be clipped by it. It ends with
// its pipeline: it may not be used after Close.
type Gain struct{ gst *C.EwGain }

// Gain puts one behind the named element, with a factor of 1.
func (p *Pipeline) Gain(element string) *Gain { return &Gain{C.ew_gain(p.elements[element])} }

// Set is by what factor the sound is to be amplified from the next buffer on; it goes there evenly.
func (g *Gain) Set(factor float64) { C.ew_gain_set(g.gst, C.float(factor)) }
