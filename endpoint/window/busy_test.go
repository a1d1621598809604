package window

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

// A camera that does not keep up is asked for fewer pictures, then for smaller ones, and for all again when it does; status and
// log say so, once each.
func TestBusyMachine(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		defer f.close()
		l.called(f, "a")
		time.Sleep(2 * time.Second)
		l.log.Take()
		work := func(seconds int, e protocol.Event) {
			e.Kind = protocol.Work
			for range seconds {
				deviceHandler{l.w.stage, l.w}.Event(protocol.Camera, e)
				time.Sleep(time.Second)
			}
			synctest.Wait()
		}
		says := func(when, sends, busy string, lines int) {
			t.Helper()
			s := l.w.Status()
			camera := s.Devices[slices.IndexFunc(s.Devices, func(d status.Device) bool { return d.Role == "camera" })]
			if len(s.Calls) != 1 || s.Calls[0].Sends != sends || camera.Busy != busy {
				t.Errorf("%s: sends %+v, camera %q; want %s, %q", when, s.Calls, camera.Busy, sends, busy)
			}
			if said := l.log.Take(); strings.Count(said, "\n") != lines || busy != "" && !strings.Contains(said, busy) {
				t.Errorf("%s, %d lines wanted:\n%s", when, lines, said)
			}
		}
		full := at(l.w.cfg.Video, 0)
		half, small := at(l.w.cfg.Video, 1), at(l.w.cfg.Video, 2)
		work(10, protocol.Event{Wanted: 30, Given: 30, Made: 29, Waited: 0.4})
		says("a little late", inWords(full), "", 0)
		work(4, protocol.Event{Wanted: 30, Given: 24, Made: 20, Waited: 0.4})
		says("too late", inWords(half), "this machine is too busy: 15 pictures a second", 1)
		work(6, protocol.Event{Wanted: 15, Given: 15, Made: 7, Waited: 0.4})
		says("still", inWords(small), "this machine is too busy: 30 pictures a second of 640×360", 1)
		work(120, protocol.Event{Wanted: 30, Given: 30, Made: 30, Waited: 0.1})
		says("all is well", inWords(full), "", 1)
	})
}
