package pipeline

// #include "shim.h"
import "C"

// HearDamage has Damages count. Call it once, after Init.
func HearDamage() { C.ew_hear_damage() }

// Damages is how often a part of a picture could not be decoded so far, by all decoders of this process. Such a picture is
// given all the same, with something else in that place. It is counted before the picture comes; by libav's decoders alone.
func Damages() int { return int(C.ew_damages()) }
