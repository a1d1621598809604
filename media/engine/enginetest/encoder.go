package enginetest

import "ewindow/media/engine/protocol"

// Encoders of a fake camera: one that a driver can stop, and one that takes its place.
const (
	Hardware = "fake"
	Software = "x264enc"
)

// LoseEncoder has the camera's hardware fail in use, and fail each trial until MendEncoder.
func (d *Devices) LoseEncoder() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = true
	if c := d.running[protocol.Camera]; c != nil {
		c.avoided = Hardware
		c.announce()
	}
}

// MendEncoder has trials of the hardware succeed again.
func (d *Devices) MendEncoder() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = false
}

// ready is what the device says when it has what it needs, with the mutex of set held.
func (c *device) ready() protocol.Event {
	e := protocol.Event{Kind: protocol.Ready, Device: "fake " + string(c.role), Encoder: Hardware, Avoided: c.avoided, Lacks: c.set.lacks[c.role]}
	if c.avoided != "" {
		e.Encoder = Software
	}
	return e
}

// announce says it again, with the mutex of set held.
func (c *device) announce() {
	e := c.ready()
	go func() { _ = c.event(e) }() // an error means that it has ended
}

// tryAgain answers a request to try the hardware, with the mutex of set held.
func (c *device) tryAgain() {
	c.set.camera.Retries++
	if !c.set.broken {
		c.avoided = ""
	}
	c.announce()
}
