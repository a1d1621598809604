package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"ewindow/endpoint/status"
)

// scene is something that happens to a window on a real machine.
type scene struct {
	name, what string
	play       func(context.Context, *world) error
}

// What a window in a scene has. A computed machine has no time for all devices at once, so most scenes are about some.
const (
	pictures   = "camera = \"auto\"\nscreen = \"auto\"\nmicrophone = \"none\"\nspeaker = \"none\"\n"
	soundAlone = "camera = \"test\"\nscreen = \"none\"\nmicrophone = \"alsa:plughw:CARD=Loopback,DEV=1\"\nspeaker = \"alsa:plughw:CARD=Loopback,DEV=0\"\n"
)

var scenes = []scene{
	{"join", "a code is typed at the machine's own screen", joinAtScreen},
	{"pictures", "camera by V4L2, screen by KMS; the camera is unplugged in the call, and plugged in again", unplugCamera},
	{"sound", "microphone and speaker by ALSA, whose loop is the room's echo; the card is unplugged and plugged in again", unplugSound},
	{"clock", "the clock says 2015, and there is no time server", wrongClock},
	{"full", "the disk is full", fullDisk},
	{"power", "the power goes at random moments, from the first start on", powerCuts},
	{"figures", "memory, writes to the disk, and how long it all takes", figures},
}

func decode(text string, v any) error {
	at := strings.IndexByte(text, '{') // before it stands what was logged
	if at < 0 {
		return fmt.Errorf("no JSON: %q", text)
	}
	return json.Unmarshal([]byte(text[at:]), v)
}

// joinAtScreen is what a volunteer does: switch on, type the code, read, agree.
func joinAtScreen(ctx context.Context, w *world) error {
	if err := w.boot(ctx); err != nil {
		return err
	}
	code, err := w.network.Invite(inside)
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := w.do(ctx, "mkdir -p /etc/systemd/system/ewindow.service.d && cp /usr/share/doc/ewindow/examples/join-at-screen.conf /etc/systemd/system/ewindow.service.d/ &&"+
		" systemctl daemon-reload && systemctl restart ewindow"); err != nil {
		return err
	}
	asks := func(words string) error {
		return until(ctx, patience, func() string {
			out, err := w.do(ctx, "cat /dev/vcs1; journalctl -u ewindow -o cat -n 20 --no-pager")
			if err != nil {
				return err.Error()
			}
			if !strings.Contains(out, words) {
				return fmt.Sprintf("nothing asks %q: %s", words, strings.TrimSpace(out))
			}
			return ""
		})
	}
	if err := asks("The code of the invitation"); err != nil {
		return err
	}
	w.notes("the screen asks for the code %.0f s after the unit's start", time.Since(began).Seconds())
	if err := errors.Join(w.picture("asks"), w.types(strings.ToLower(strings.TrimSpace(code)))); err != nil {
		return err
	}
	if err := errors.Join(w.picture("typed"), w.types("\n")); err != nil {
		return err
	}
	if err := asks("yes"); err != nil {
		return err
	}
	if err := errors.Join(w.picture("rules"), w.types("yes\n")); err != nil {
		return err
	}
	if err := until(ctx, patience, func() string {
		s, err := w.window(ctx)
		if err != nil {
			return err.Error()
		}
		if !s.Registration.Online {
			return "the window is not registered: " + s.Registration.Why
		}
		return ""
	}); err != nil {
		return err
	}
	w.notes("registered after %.0f s", time.Since(began).Seconds())
	if err := w.shows(ctx); err != nil {
		return err
	}
	w.notes("the partner is on the screen")
	return w.picture("joined")
}

// unplugCamera sees both pictures, and does without the camera for a while.
func unplugCamera(ctx context.Context, w *world) error {
	if err := w.boot(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := w.join(ctx, pictures); err != nil {
		return err
	}
	if err := w.shows(ctx); err != nil {
		return err
	}
	w.notes("the partner is on the KMS screen %.0f s after the window's start", time.Since(began).Seconds())
	if err := errors.Join(w.picture("call"), w.sees(ctx, 20)); err != nil {
		return err
	}
	there := func(d status.Device) string {
		if d.Missing != "" || !strings.Contains(d.Device, "/dev/video") {
			return "the camera is not there: " + d.Device + " " + d.Reason
		}
		return ""
	}
	if err := w.device(ctx, "camera", there); err != nil {
		return err
	}
	w.notes("the partner sees the V4L2 camera")
	call, err := w.callID(ctx)
	if err != nil {
		return err
	}
	if err := w.replug(ctx, "camera", "vivid", there); err != nil {
		return err
	}
	if err := w.sees(ctx, 10); err != nil {
		return err
	}
	w.notes("the partner sees it again")
	return w.sameCall(ctx, call)
}

// replug takes a device from its driver while it is in use, and gives it back once the window misses it.
func (w *world) replug(ctx context.Context, role, driver string, there func(status.Device) (lacks string)) error {
	at := "/sys/bus/platform/drivers/" + driver
	if _, err := w.do(ctx, "echo "+driver+".0 >"+at+"/unbind"); err != nil {
		return err
	}
	unplugged := time.Now()
	if err := w.device(ctx, role, func(d status.Device) string {
		if d.Missing == "" {
			return "nothing says that it is missing"
		}
		return ""
	}); err != nil {
		return err
	}
	w.notes("unplugged: missing after %.0f s", time.Since(unplugged).Seconds())
	if _, err := w.do(ctx, "echo "+driver+".0 >"+at+"/bind"); err != nil {
		return err
	}
	plugged := time.Now()
	if err := w.device(ctx, role, there); err != nil {
		return err
	}
	w.notes("plugged in: there again after %.0f s", time.Since(plugged).Seconds())
	return nil
}

// callID names the call that the partner has with the machine's window.
func (w *world) callID(ctx context.Context) (id string, err error) {
	err = w.partner(ctx, func(_ status.Status, c status.Call) string { id = c.ID; return "" })
	return id, err
}

// sameCall says whether it is that call still.
func (w *world) sameCall(ctx context.Context, id string) error {
	now, err := w.callID(ctx)
	if err == nil && now != id {
		err = errors.New("the call was not kept: there is another one now")
	}
	if err == nil {
		w.notes("the call was kept")
	}
	return err
}

// keys are QEMU's names of what is no letter and no digit.
var keys = map[rune]string{'\n': "ret", '-': "minus", '.': "dot", '/': "slash", ' ': "spc", ':': "shift-semicolon"}

// types presses the machine's keys.
func (w *world) types(text string) error {
	for _, r := range text {
		name, ok := keys[r]
		if !ok {
			name = string(r)
		}
		if err := w.machine.Press(name); err != nil {
			return err
		}
		time.Sleep(150 * time.Millisecond) // QEMU holds a key for 100 ms, and drops what comes meanwhile
	}
	return nil
}
