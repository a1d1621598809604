// Package health is what a window tells its registrar of how it does, for the operator's status and metrics alone: nothing is decided by it.
//
// It is the body of a REGISTER, so it is said by whoever may register, refreshed with the registration, and forgotten with it; no message,
// expiry or entity tag of its own is needed, as PUBLISH would (RFC 3903). A registrar that does not know it passes over it (its
// Content-Disposition says handling=optional, RFC 3261 §20.11), and a window that does not tell it is one of before.
//
// Of RFC 6035, reports of a call's quality, it has what is said of a line: loss (NLR), what the repair could not bring back (JDR), round trip
// (RTD), and the report upon an event beside the regular one. Its format has no place for the rest: it is of voice in one call, by the
// addresses of both sides, and knows no pictures, devices, versions or faults.
package health

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"ewindow/registrar/signal/plain"
)

const (
	// ContentType is the media type of an encoded Health. The encoding only grows: whoever reads passes over what it does not know.
	ContentType = "application/vnd.ewindow.health+json"
	// Disposition is its Content-Disposition.
	Disposition = "health;handling=optional"
	// MaxSize is how many bytes are read.
	MaxSize = 4 << 10

	maxWord = 64  // characters
	maxText = 120 // characters
	most    = 1e9 // of a number
)

// Health is a window at one moment. What is past is told by how long ago it was: its clock may be wrong.
type Health struct {
	Version string    `json:"version,omitempty"` // of its program
	Clock   time.Time `json:"clock,omitzero"`    // what its clock shows
	Up      float64   `json:"up_s,omitempty"`    // seconds that its program runs
	Encoder string    `json:"encoder,omitempty"`
	Devices []Device  `json:"devices,omitempty"` // those that are not as they should be
	Trust   string    `json:"trust,omitempty"`   // how it stands with the partner's key: confirmed, changed …
	Call    *Call     `json:"call,omitempty"`    // nil: none
	Fault   *Fault    `json:"fault,omitempty"`   // the last; nil: none yet
}

// Device is a device that is not as it should be.
type Device struct {
	Role     string  `json:"role"`              // camera | screen | sound
	Missing  string  `json:"missing,omitempty"` // for what a stand-in is used: "No camera"
	Down     bool    `json:"down,omitempty"`    // its process failed, and no other is ready yet
	Busy     bool    `json:"busy,omitempty"`    // the machine has no time for all its pictures
	Failures float64 `json:"failures,omitempty"`
}

// Call is the one that its screen is about.
type Call struct {
	Peer    string  `json:"peer"`  // account
	State   string  `json:"state"` // one of those below
	For     float64 `json:"for_s"` // seconds
	Path    string  `json:"path,omitempty"`
	Keys    string  `json:"keys,omitempty"` // dtls | sdes | none
	Loss    float64 `json:"loss"`           // of pictures' packets in the last minutes, in percent: missing at first
	Gone    float64 `json:"gone"`           // never came
	RTT     float64 `json:"rtt_ms,omitempty"`
	FPSIn   float64 `json:"fps_in"`
	KbpsIn  float64 `json:"kbps_in"`
	KbpsOut float64 `json:"kbps_out"`
}

// What a call has come to.
const (
	Trying  = "trying"  // it is not answered
	Picture = "picture" // its picture is seen
	Blank   = "blank"   // pictures were agreed on, and none comes
	Heard   = "heard"   // no pictures were agreed on
	Silent  = "silent"  // nothing comes
)

// Fault is something that did not work.
type Fault struct {
	What   string  `json:"what"`
	Ago    float64 `json:"ago_s"`            // seconds since it began
	Lasted float64 `json:"lasted_s"`         // or lasts
	By     string  `json:"by,omitempty"`     // what repaired it; empty while it lasts
	Before float64 `json:"before,omitempty"` // how often it was there shortly before
}

// Lacks says of a device what is wrong, in words that are fit to be printed; empty if nothing is.
func (d *Device) Lacks() string {
	switch {
	case d.Down:
		return "its " + d.Role + " is down"
	case d.Missing != "":
		return d.Missing
	case d.Busy:
		return "its machine has no time for all pictures"
	}
	return ""
}

// Encode writes it as JSON, within the bounds of what is read.
func Encode(h Health) ([]byte, error) {
	h.bound()
	b, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode health: %w", err)
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("encode health: %d bytes, at most %d are read", len(b), MaxSize)
	}
	return b, nil
}

// Decode reads what Encode wrote, or whatever somebody made: its texts are fit to be printed, its numbers have bounds.
func Decode(b []byte) (Health, error) {
	if len(b) > MaxSize {
		return Health{}, fmt.Errorf("health has %d bytes, at most %d are read", len(b), MaxSize)
	}
	var h Health
	if err := json.Unmarshal(b, &h); err != nil {
		return Health{}, fmt.Errorf("health is not readable: %w", err)
	}
	h.bound()
	return h, nil
}

// bound cuts all of it to what is printed, and leaves out what nobody knows: there is one device of each role.
func (h *Health) bound() {
	words(&h.Version, &h.Encoder, &h.Trust)
	numbers(&h.Up)
	var devices []Device
	for _, role := range []string{"camera", "screen", "sound"} {
		if i := slices.IndexFunc(h.Devices, func(d Device) bool { return d.Role == role }); i >= 0 {
			d := h.Devices[i]
			words(&d.Missing)
			numbers(&d.Failures)
			devices = append(devices, d)
		}
	}
	h.Devices = devices
	if h.Call != nil {
		c := *h.Call
		words(&c.Peer, &c.State, &c.Path, &c.Keys)
		numbers(&c.For, &c.Loss, &c.Gone, &c.RTT, &c.FPSIn, &c.KbpsIn, &c.KbpsOut)
		c.Loss, c.Gone = min(c.Loss, 100), min(c.Gone, 100)
		h.Call = &c
	}
	if h.Fault != nil {
		f := *h.Fault
		f.What = plain.Line(f.What, maxText)
		words(&f.By)
		numbers(&f.Ago, &f.Lasted, &f.Before)
		h.Fault = &f
	}
}

func words(texts ...*string) {
	for _, t := range texts {
		*t = plain.Line(*t, maxWord)
	}
}

// numbers bounds them and keeps one decimal, or two of what is small: loss for good is judged by hundredths of a percent.
func numbers(all ...*float64) {
	for _, n := range all {
		places := 10.0
		if math.Abs(*n) < 1 {
			places = 100
		}
		*n = math.Round(places*min(max(*n, 0), most)) / places
	}
}
