package window

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media/effort"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
	"ewindow/registrar/signal/lasting"
)

// deviceHandler is the window as the devices see it.
type deviceHandler struct {
	*stage
	window *Window
}

var _ engine.Handler = deviceHandler{}

// deviceReport is what a device process says.
type deviceReport struct {
	role  protocol.Role
	event protocol.Event
}

// Event takes what a device process reports to the loop. It needs no levels and no progress.
func (h deviceHandler) Event(role protocol.Role, e protocol.Event) {
	switch e.Kind {
	case protocol.Starting, protocol.Ready, protocol.Missing, protocol.Failed, protocol.Keyframe, protocol.Echo, protocol.Work:
		h.window.post(deviceReport{role, e})
	}
}

func (w *Window) device(ctx context.Context, r deviceReport) {
	if r.event.Kind == protocol.Work && !w.works(&r.event) {
		return // no news
	}
	d := w.roles[r.role]
	d.Role = string(r.role)
	e := &r.event
	switch e.Kind {
	case protocol.Starting:
		w.log.Debug("device starts", "role", r.role, "text", e.Text)
		if d.Device == "" && !d.Down { // else what it was, or why it failed, says more
			d.Reason = "it starts and " + e.Text
		}
	case protocol.Ready:
		w.faults[r.role].ready(e, len(w.lacks[r.role]) > 0, w.trouble.lasts())
		w.encoderFault(d.Avoided, e)
		d.Avoided = e.Avoided
		d.Since, d.Device, d.Encoder, d.Missing, d.Why = time.Now(), e.Device, e.Encoder, e.Lacks, e.Text
		d.Down, d.Reason = false, strings.Join(w.lacks[r.role], "; ")
		delete(w.lacks, r.role)
	case protocol.Missing:
		w.faults[r.role].missing.Met(e.Text, "text", e.Text)
		w.lack(r.role, e.Text)
	case protocol.Failed:
		w.faults[r.role].failed.Met(e.Text, "text", e.Text)
		d.Failures++
		d.Failed, d.Failure, d.Down = time.Now(), e.Text, true
		d.Since = d.Failed
		delete(w.lacks, r.role) // the next process says it again
	case protocol.Echo:
		w.echo(ctx, &d, e)
	case protocol.Work:
		d.Busy = w.busy()
	}
	w.roles[r.role] = d
	w.deviceFault(r.role, e, d.Reason)
	if r.role == protocol.Screen && e.Kind == protocol.Keyframe {
		w.stage.askShown()
	}
	w.step(ctx, Device{Role: d.Role, Missing: d.Missing})
}

// works takes whether the camera keeps up, and says whether our pictures are to be others from now on.
func (w *Window) works(e *protocol.Event) bool {
	r := effort.Report{Wanted: e.Wanted, Given: e.Given, Made: e.Made, Waited: e.Waited}
	return w.effort.Report(time.Now(), r, steps)
}

// busy says in words what this machine makes less of, and logs it; empty if it does all.
func (w *Window) busy() (text string) {
	if w.effort.Step() == 0 {
		w.faults[protocol.Camera].busy.Well()
		return ""
	}
	f := at(w.cfg.Video, w.effort.Step())
	if text = fmt.Sprintf("this machine is too busy: %d pictures a second", f.FPS); f.Width < w.cfg.Video.Width {
		text += fmt.Sprintf(" of %d×%d", f.Width, f.Height)
	}
	w.faults[protocol.Camera].busy.Met(text, "text", text)
	return text
}

// echo takes how the echo does.
func (w *Window) echo(ctx context.Context, d *status.Device, e *protocol.Event) {
	if path := round(e.PathMS); path != d.EchoMS {
		level := slog.LevelDebug // it wanders a little wherever there are two clocks
		if d.EchoMS == 0 {
			level = slog.LevelInfo
		}
		w.log.Log(ctx, level, "echo path found", "role", d.Role, "path_ms", path)
	}
	if e.Howls > d.Howls {
		w.faults[protocol.Sound].howls.Met("", "role", d.Role, "text", "sound goes around between the two rooms; turn a microphone or a speaker down")
	} else {
		w.faults[protocol.Sound].howls.Well()
	}
	d.Howls = e.Howls
	d.EchoMS, d.ERLE, d.GainDB, d.DriftPPM = round(e.PathMS), round(e.ERLE), round(e.Gain), round(e.Drift)
}

// deviceFaults is what is wrong with the devices of a role, as the log has it.
type deviceFaults struct {
	log                          *slog.Logger
	failed, missing, howls, busy lasting.Fault
}

func newDeviceFaults(log *slog.Logger) *deviceFaults {
	return &deviceFaults{
		log:     log,
		failed:  lasting.Fault{Log: log, Level: slog.LevelError, What: "device failed", Over: "device fails no more"},
		missing: lasting.Fault{Log: log, Level: slog.LevelWarn, What: "device missing", Over: "device there again"},
		busy:    lasting.Fault{Log: log, Level: slog.LevelWarn, What: "fewer pictures are made", Over: "all pictures are made again"},
		howls:   lasting.Fault{Log: log, Level: slog.LevelWarn, What: "howling stopped", Over: "howling is over"},
	}
}

// ready logs that a process has its devices, which is no news while it fails again and again, or while calls do.
func (f *deviceFaults) ready(e *protocol.Event, lacks, calling bool) {
	level := slog.LevelInfo
	if f.failed.Lasts() || f.missing.Lasts() || calling {
		level = slog.LevelDebug
	}
	f.log.Log(context.Background(), level, "device ready", "device", e.Device, "encoder", e.Encoder, "text", e.Text)
	f.failed.Well()
	if !lacks && e.Lacks == "" {
		f.missing.Well()
	}
}

// maxLacks bounds what a process is heard on before it is ready.
const maxLacks = 4

// lack keeps why a process uses a stand-in until it is ready with that.
func (w *Window) lack(role protocol.Role, text string) {
	if l := w.lacks[role]; !slices.Contains(l, text) && len(l) < maxLacks {
		w.lacks[role] = append(l, text)
	}
}

// arrange gives the devices what the calls need now.
func (w *Window) arrange() {
	var legs []*leg
	var fs []engine.Formats
	var shown *leg
	now := time.Now()
	about := w.state.Shown(now)
	for i := range w.state.Calls {
		c := &w.state.Calls[i]
		l := w.legs[c.ID]
		if l == nil || l.session == nil {
			continue
		}
		f, hidden := formats(w.cfg.Video, l.description), !c.Hidden.IsZero()
		f.Video = l.scale.choose(now, f.Video, l.kbps, l.session.Stats().Offered, w.effort.Step())
		l.sends = f.Video
		if hidden {
			f.Video = engine.VideoFormat{}
		}
		l.session.HoldVideo(hidden)
		legs, fs = append(legs, l), append(fs, f)
		if shown == nil || c == about {
			shown = l
		}
	}
	w.stage.set(legs, fs, shown)
}
