package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
)

// piScreen is a screen whose decoder in hardware has passed its trial, and is used from the next picture on.
func piScreen(t *testing.T, p *pi, x *xserver) *child {
	t.Helper()
	k := start(t, screenRole(protocol.ScreenConfig{Sink: "x11:" + x.display, Title: "Milano", Width: 1280, Height: 720}), p.env...)
	k.event(protocol.Ready, errBetter.Error(), 10*time.Second)
	return k
}

// moves waits for pictures that are newer than one, in their order, and returns the number of the last.
func (x *xserver) moves(t *testing.T, newer uint32) uint32 {
	t.Helper()
	last, first := newer, uint32(0)
	x.shows("the picture", whole, 5*time.Second, func(seed uint16, counter uint32, ok bool) bool {
		if !ok || counter <= last {
			return false
		}
		if first == 0 {
			first = counter
		}
		last = counter
		return counter > first+5
	})
	return last
}

// A decoder in hardware that passes its trial decodes.
func TestHardwareDecodes(t *testing.T) {
	t.Parallel()
	p, x := newPi(t), startX(t, 1280, 720)
	k := piScreen(t, p, x)
	cam := start(t, cameraRole(testCamera()))
	go relay(cam, k, nil)
	k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
	x.moves(t, 0)
	if n := p.count(k.cmd.Process.Pid, "decode", "picture "); n < 5 {
		t.Errorf("it decoded %d pictures", n)
	}
}

// One that fails in the middle of a call gives way to software, and the pictures go on.
func TestSoftwareDecodesOn(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{"hangs": "decode.hang 40", "is stuck": "decode.stuck 40", "is gone": "decode.gone 40"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, x := newPi(t, fault), startX(t, 1280, 720)
			k := piScreen(t, p, x)
			cam := start(t, cameraRole(testCamera()))
			go relay(cam, k, nil)
			k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
			k.until(name, 10*time.Second, func() bool { return p.count(k.cmd.Process.Pid, "decode", name) > 0 })
			k.event(protocol.Ready, "v4l2h264dec", 5*time.Second)
			last := x.moves(t, 0)
			x.moves(t, last)
			if k.count(protocol.Failed) > 0 {
				t.Errorf("the screen was interrupted: %s", k.said())
			}
		})
	}
}

// A picture of which the driver says that it is not whole is not shown, and another keyframe is asked for.
func TestHardwareThatSeesDamage(t *testing.T) {
	t.Parallel()
	p, x := newPi(t, "decode.damage 40"), startX(t, 1280, 720)
	k := piScreen(t, p, x)
	cam := start(t, cameraRole(testCamera()))
	go relay(cam, k, nil)
	k.command(protocol.Command{Card: &protocol.Card{Picture: true, Title: "Munich"}})
	k.event(protocol.Keyframe, errDamaged.Error(), 10*time.Second)
	p.does()
	x.moves(t, x.moves(t, 0))
	if n := p.count(k.cmd.Process.Pid, "decode", "pictures in on"); n < 2 {
		t.Errorf("the decoder began %d times", n)
	}
}

// A decoder that gives other pictures, or too late, or none, is not used.
func TestTrialsOfDecoders(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(decoderToTry{"v4l2h264dec", 1280, 720})
	if err != nil {
		t.Fatal(err)
	}
	for fault, text := range map[string]string{
		"":                "passes",
		"decode.hold 1":   "passes", // some give a picture when the next one comes
		"decode.hold 3":   "holds back more than 2",
		"decode.hang 5":   "gave 5 pictures of",
		"decode.grey 7":   "picture 7, of 1280x720, is not the one that was coded",
		"decode.gone 5":   "", // which GStreamer says in many ways, or not at all
		"decode.absent 1": "",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := newPi(t, fault)
			cmd := program("try-decoder", string(body))
			cmd.Env = append(cmd.Env, p.env...)
			out, err := cmd.CombinedOutput()
			if (err == nil) != (text == "passes") || err != nil && !strings.Contains(string(out), text) {
				t.Errorf("%v: %s, expected %q", err, out, text)
			}
		})
	}
}
