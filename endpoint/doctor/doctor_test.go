package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
	"ewindow/registrar/pki"
)

// says is all that was found, a line each.
func says(found []Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

func wants(t *testing.T, name string, found []Finding, wants ...string) {
	t.Helper()
	text := says(found)
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("%s: no %q in\n%s", name, w, text)
		}
	}
	for _, f := range found {
		if f.Part == "" || f.Text == "" || f.Verdict != Pass && f.Remedy == "" && !strings.Contains(f.Text, "not looked for") {
			t.Errorf("%s: what is that, and what to do? %+v", name, f)
		}
	}
}

// What fails is not looked at twice, and what was stopped finds nothing more.
func TestExamine(t *testing.T) {
	var said []string
	check := func(needs string, f Finding) Check {
		return Check{f.Part, needs, func(context.Context) []Finding { return []Finding{f} }}
	}
	checks := []Check{check("", fail("registrar", "call", "away")), check("registrar", pass("account", "in")), check("", pass("camera", "there"))}
	tell := func(s string) { said = append(said, s) }
	Examine(t.Context(), checks, tell, func(f Finding) { tell(f.String()) })
	want := "registrar|fail  registrar   away\n                  → call|camera|pass  camera      there"
	if got := strings.Join(said, "|"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	Examine(ctx, checks, func(string) { t.Error("it goes on") }, func(Finding) {})
}

func TestMachine(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		wants []string
	}{
		"a computer without sensors": {nil, []string{"pass  disk"}},
		"a cool Raspberry Pi":        {map[string]string{"class/thermal/thermal_zone0/temp": "54321\n", "class/hwmon/hwmon1/name": "rpi_volt\n", "class/hwmon/hwmon1/in0_lcrit_alarm": "0\n"}, []string{"pass  heat        54 °C", "pass  power"}},
		"a hot one":                  {map[string]string{"class/thermal/thermal_zone0/temp": "50000\n", "class/thermal/thermal_zone1/temp": "81000\n"}, []string{"warn  heat        81 °C", "give it air"}},
		"one that is too hot":        {map[string]string{"class/thermal/thermal_zone0/temp": "86000\n"}, []string{"fail  heat        86 °C"}},
		"a weak supply":              {map[string]string{"class/hwmon/hwmon0/name": "cpu\n", "class/hwmon/hwmon1/name": "rpi_volt\n", "class/hwmon/hwmon1/in0_lcrit_alarm": "1\n"}, []string{"warn  power       the voltage is too low", "power supply"}},
		"sensors that say nonsense":  {map[string]string{"class/thermal/thermal_zone0/temp": "warm\n", "class/hwmon/hwmon1/name": "rpi_volt\n"}, []string{"pass  disk"}},
	} {
		sys := t.TempDir()
		for path, text := range c.files {
			path = filepath.Join(sys, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		found := Machine{Sys: sys, State: t.TempDir()}.Check().Look(t.Context())
		wants(t, name, found, c.wants...)
		if lines := len(c.wants); c.files == nil && len(found) != lines {
			t.Errorf("%s: %v", name, found)
		}
	}
	wants(t, "no disk", Machine{Sys: t.TempDir(), State: filepath.Join(t.TempDir(), "none")}.Check().Look(t.Context()), "fail  disk", "cannot be written")
}

// web is a registrar as far as TLS and HTTP go.
func web(t *testing.T) (id *pki.Identity, addr string) {
	t.Helper()
	id, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: "reg.example.org"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	config := id.ServerConfig()
	config.NextProtos = []string{"http/1.1", "sip/2"}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return id, l.Addr().String()
}

func TestRegistrar(t *testing.T) {
	id, addr := web(t)
	good := Registrar{Host: "reg.example.org", Domain: "reg.example.org", Pin: id.Pin(), Now: time.Now,
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("::ffff:127.0.0.1")}, nil
		},
		Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}}
	for name, c := range map[string]struct {
		change func(*Registrar)
		wants  []string
	}{
		"well":           {func(*Registrar) {}, []string{"pass  name        reg.example.org is 127.0.0.1\n", "pass  registrar   reached at " + addr, "pass  clock"}},
		"by its address": {func(r *Registrar) { r.Host = "127.0.0.1" }, []string{"pass  registrar"}},
		"no such name": {func(r *Registrar) {
			r.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
		}, []string{"fail  name", "no such host", "fail  registrar"}},
		"nobody there": {func(r *Registrar) {
			r.Dial = func(context.Context) (net.Conn, error) { return nil, errors.New("nobody listens; start it") }
		}, []string{"fail  registrar   it is not reached: nobody listens\n", "5061 or 443"}},
		"a slow clock":    {func(r *Registrar) { r.Now = func() time.Time { return time.Now().Add(-time.Hour) } }, []string{"fail  clock", "off by -", "set-ntp"}},
		"another's clock": {func(r *Registrar) { r.Pin = "sha256:" + strings.Repeat("0", 64) }, []string{"warn  clock"}},
	} {
		r := good
		c.change(&r)
		wants(t, name, r.Check().Look(t.Context()), c.wants...)
	}
}

var ten = time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)

func TestBeside(t *testing.T) {
	well := func() status.Status {
		return status.Status{Space: "milano", At: ten,
			Registration: status.Registration{Online: true, Since: ten},
			Plan:         status.Plan{Received: ten, Until: ten.AddDate(0, 0, 14), Partner: "munich"},
			Calls:        []status.Call{{Peer: "munich", Up: true, Path: "srflx", Figures: status.Figures{FPSIn: 30, Expected: 1000}}},
			Devices:      []status.Device{{Role: "camera", On: true, Device: "v4l2 /dev/video0", Encoder: "x264enc"}}}
	}
	for name, c := range map[string]struct {
		change func(*status.Status)
		wants  []string
	}{
		"well":              {func(*status.Status) {}, []string{"pass  account", "pass  plan", "pass  line        munich by srflx", "pass  camera      v4l2 /dev/video0, encoder x264enc"}},
		"away":              {func(s *status.Status) { s.Registration = status.Registration{Why: "its secret is wrong; make another"} }, []string{"fail  account     the registrar is away: its secret is wrong\n", "→ make another"}},
		"never there":       {func(s *status.Status) { s.Registration = status.Registration{} }, []string{"fail  account"}},
		"one of two ways":   {func(s *status.Status) { s.Registration.Ways = []status.Way{{Online: true}, {Why: "refused"}} }, []string{"warn  account"}},
		"no plan":           {func(s *status.Status) { s.Plan = status.Plan{} }, []string{"warn  plan", "explain milano"}},
		"a plan that ended": {func(s *status.Status) { s.Plan.Until = ten }, []string{"fail  plan"}},
		"nobody planned":    {func(s *status.Status) { s.Plan.Partner = "" }, []string{"warn  plan"}},
		"nobody now":        {func(s *status.Status) { s.Plan.Partner, s.Plan.Next = "", status.Change{At: ten, Partner: "munich"} }, []string{"pass  plan", "munich from"}},
		"no call":           {func(s *status.Status) { s.Calls = nil }, []string{"warn  partner", "not called yet"}},
		"a call that failed": {func(s *status.Status) {
			s.Calls, s.Past = nil, []status.PastCall{{Peer: "munich", Why: "they are closed"}}
		}, []string{"warn  partner", "they are closed"}},
		"no way":              {func(s *status.Status) { s.Calls[0].Path, s.Calls[0].Tried = "", "host" }, []string{"fail  ways", "443"}},
		"silence":             {func(s *status.Status) { s.Calls[0].Silent = ten }, []string{"fail  line"}},
		"a bad line":          {func(s *status.Status) { s.Calls[0].Figures.Gone = 20 }, []string{"warn  line", "2.00 % for good", "cable"}},
		"no camera":           {func(s *status.Status) { s.Devices[0].Missing, s.Devices[0].Reason = "No camera", "there is none" }, []string{"fail  camera      No camera: there is none", "plug it in"}},
		"a camera that fails": {func(s *status.Status) { s.Devices[0].Down, s.Devices[0].Failures = true, 3 }, []string{"fail  camera", "3 times"}},
		"a slow machine":      {func(s *status.Status) { s.Devices[0].Busy = "pictures are made smaller" }, []string{"warn  camera", "smaller picture"}},
		"a camera at rest":    {func(s *status.Status) { s.Devices[0].On = false }, []string{"pass  camera      off"}},
	} {
		s := well()
		c.change(&s)
		wants(t, name, Beside(s).Look(t.Context()), c.wants...)
	}
}

func TestDevices(t *testing.T) {
	video := engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}
	for name, c := range map[string]struct {
		set   func(*enginetest.Devices)
		wants []string
	}{
		"well":                {func(*enginetest.Devices) {}, []string{"pass  camera", "pass  encoder", "pass  screen"}},
		"a slow camera":       {func(d *enginetest.Devices) { d.SetPace(100*time.Millisecond, 20*time.Millisecond) }, []string{"warn  camera", "10.0 pictures a second of 1280×720, 30 were asked for", "more light"}},
		"no camera's process": {func(d *enginetest.Devices) { d.Refuse(protocol.Camera, errors.New("no such file")) }, []string{"fail  camera", "plugged in", "pass  screen"}},
		"no screen's process": {func(d *enginetest.Devices) { d.Refuse(protocol.Screen, errors.New("no such file")) }, []string{"fail  screen", "switched on"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			fakes := enginetest.New(enginetest.Options{Seed: 1})
			c.set(fakes)
			began := time.Now()
			wants(t, name, Devices{Config: engine.Config{Start: fakes.Start}, Video: video}.Check().Look(t.Context()), c.wants...)
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("%s: %v", name, took)
			}
			for _, r := range []protocol.Role{protocol.Camera, protocol.Sound, protocol.Screen} {
				if fakes.Running(r) {
					t.Errorf("%s: %s still runs", name, r)
				}
			}
		})
	}
	missing := &protocol.Event{Text: "camera auto: no camera on this machine; plug one in"}
	w := &watch{since: ten, until: ten.Add(4 * time.Second)}
	wants(t, "no camera", w.camera(&seen{ready: &protocol.Event{Lacks: "No camera"}, missing: missing}, video), "fail  camera      camera auto: no camera on this machine\n", "→ plug one in")
	slow := &seen{ready: &protocol.Event{Device: "v4l2", Encoder: "x264enc"}, frames: 120, work: &protocol.Event{Wanted: 30, Given: 30, Made: 14}}
	wants(t, "a slow machine", w.camera(slow, video), "pass  camera      v4l2: 30.0", "warn  encoder     x264enc makes 14 of 30")
	for level, want := range map[float64]string{-30: "pass  sound", -75: "warn  sound", -1: "warn  sound", math.Inf(-1): "warn  sound"} {
		wants(t, "a microphone", w.sound(&seen{ready: &protocol.Event{Device: "alsa", Text: "echo is cancelled"}, frames: 200, level: level}), want)
	}
	wants(t, "no microphone is wanted", w.sound(&seen{ready: &protocol.Event{Device: "microphone silence, speaker nowhere"}, frames: 200, level: -120}), "pass  sound")
	for want, leaf := range map[string]*x509.Certificate{"warn  certificate": nil, "good until 2027-03-31": {NotAfter: ten.AddDate(0, 0, 30)}, "its time was over on 2027-02-28": {NotAfter: ten.AddDate(0, 0, -1)}} {
		wants(t, "a certificate", []Finding{Certificate(leaf, ten)}, want)
	}
	wants(t, "a dead microphone", w.sound(&seen{ready: &protocol.Event{Device: "alsa"}, level: -90}), "fail  sound", "nothing comes")
}
