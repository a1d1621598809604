package status

import (
	"fmt"
)

// call is a call, and how its media does.
func (t *text) call(c *Call) {
	t.line("call", "%s", join("; ", c.Role+" "+c.Peer+" ("+c.Name+")", t.stands(c), t.flags(c)))
	if c.Unanswered != "" {
		t.line("", "%s", c.Unanswered)
	}
	f := &c.Figures
	if !c.Up {
		t.line("", "%s", join("; ", c.Media, goes(c)))
		return
	}
	t.line("line", "%s", join("; ", goes(c), c.Media, kind(c)))
	trip := ""
	if f.RTT != 0 {
		trip = fmt.Sprintf("round trip %v ms", f.RTT)
	}
	t.line("", "%s", join("; ", fmt.Sprintf("in %v pictures/s, %v kbit/s, loss %v %%", f.FPSIn, f.KbpsIn, f.Loss),
		fmt.Sprintf("out %v pictures/s, %v kbit/s", f.FPSOut, f.KbpsOut)+may(c), trip))
	t.line("", "%s", join("; ", fmt.Sprintf("missed %d packets (%v %%), %d for good (%v %%)", f.Missed, f.LossBefore(), f.Gone, f.LossAfter()),
		fmt.Sprintf("stood still %d times, %v s in all", f.Freezes, f.Frozen)))
	if !t.all {
		return
	}
	if w := waits(f); w != "" {
		t.line("", "%s", w)
	}
	t.line("", "%s", join("; ", fmt.Sprintf("sound: %d frames of %d concealed, %d more came with later packets", f.Concealed, f.SoundIn, f.Recovered),
		fmt.Sprintf("waits %v ms for what comes unevenly", f.SoundDelay), drifts(f)))
	t.line("", "repair: %d packets sent again, %d came again; %d repair packets sent, %d packets mended; %d copies of each frame of sound; all that is %v %% of what we send",
		f.Resent, f.Repairs, f.Parity, f.Mended, f.Copies, f.Redundancy)
}

// stands is what a call has come to.
func (t *text) stands(c *Call) string {
	state := "we call since "
	switch {
	case c.Up:
		state = "up since "
	case !c.Ours:
		state = "calls us since "
	}
	return state + t.when(c.Since)
}

// flags are what is not as usual in a call.
func (t *text) flags(c *Call) (flags string) {
	for _, f := range []struct {
		on   bool
		word string
	}{{c.Leaving, "being replaced"}, {c.Held, "on hold"}, {c.NoVideo || c.Blank && !c.Starved, "sends no picture"},
		{c.Starved, "the line has no room for its pictures"}, {!c.Hidden.IsZero(), "so it does not see us"}} {
		if f.on {
			flags = join(", ", flags, f.word)
		}
	}
	if c.Figures.Refused != "" {
		flags = join(", ", flags, "its pictures are refused: "+c.Figures.Refused)
	}
	if !c.Silent.IsZero() {
		flags = join(", ", flags, "silent since "+t.when(c.Silent))
	}
	return flags
}

// goes is by what way a call's media go.
func goes(c *Call) string {
	switch {
	case c.Path != "":
		return "by " + c.Path
	case c.Tried != "":
		return "no way through the routers yet; tried " + c.Tried
	}
	return ""
}

// kind is who could listen, of keys that the two ends have not agreed on between them.
func kind(c *Call) string {
	switch c.Keys {
	case "sdes":
		return "its keys went by the registrar"
	case "none":
		return "anybody on the way can listen"
	}
	return ""
}

// may is what our pictures are, and may take.
func may(c *Call) string {
	if c.Figures.Budget == 0 {
		return ""
	}
	return fmt.Sprintf(" of %d, the encoder makes %v (%s)", c.Figures.Budget, c.Figures.Encoded, c.Sends)
}

// drifts is how the clock of their sound goes.
func drifts(f *Figures) string {
	if f.DriftPPM == 0 {
		return ""
	}
	return fmt.Sprintf("their clock is off by %v ppm", f.DriftPPM)
}

// waits is what is late, and why.
func waits(f *Figures) string {
	if f.Delay == 0 && f.Queue < 1 {
		return ""
	}
	return fmt.Sprintf("waits %v ms for repair here, %v ms in queues there", f.Delay, f.Queue)
}

func (t *text) device(d *Device) {
	encoder, failures, why := "", "", ""
	if d.Encoder != "" {
		encoder = "encoder " + d.Encoder
	}
	if d.Avoided != "" {
		encoder += " in place of " + d.Avoided + ", which failed"
	}
	switch {
	case d.Failures == 1:
		failures = "its process failed at " + t.when(d.Failed) + ": " + d.Failure
	case d.Failures > 1:
		failures = fmt.Sprintf("its process failed %d times, last at %s: %s", d.Failures, t.when(d.Failed), d.Failure)
	}
	state := ""
	switch {
	case !d.On:
		state = "off"
	case d.Down:
		state = "down, a new process is on its way"
	}
	echo := ""
	if t.all {
		echo, why = hears(d), d.Why
	}
	t.line(d.Role, "%s", join("; ", state, d.Device, encoder, d.Busy, echo, join(": ", d.Missing, d.Reason), failures, why))
}

// hears is how sound comes from a device's speaker to its microphone.
func hears(d *Device) (echo string) {
	if d.EchoMS != 0 {
		echo = fmt.Sprintf("echo comes after %v ms", d.EchoMS)
	}
	if d.ERLE != 0 {
		echo += fmt.Sprintf(" and is weakened by %v dB", d.ERLE)
	}
	if d.GainDB != 0 {
		echo = join("; ", echo, fmt.Sprintf("the microphone is amplified by %v dB", d.GainDB))
	}
	if d.DriftPPM != 0 {
		echo = join("; ", echo, fmt.Sprintf("the microphone's clock is off by %v ppm", d.DriftPPM))
	}
	if d.Howls != 0 {
		echo = join("; ", echo, fmt.Sprintf("howling stopped %d times", d.Howls))
	}
	return echo
}
