package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ewindow/scripts/bench/rig"
	"ewindow/scripts/lab/impair"
	"ewindow/scripts/stage"
)

const (
	startLimit = 40 * time.Second // until the first picture
	settle     = 5 * time.Second  // from there to the measurement
	tapped     = "-tap"           // ending of the directory for what the encoder makes
)

// measurement is one run of one system on one line.
type measurement struct {
	options
	row
	system string
	run    int
	dir    string
}

// outcome is what came of it.
type outcome struct {
	figures
	first    time.Duration // from the call to the first picture
	back     time.Duration // cut: from its end to the next picture
	before   float64       // drop: kbit/s into the line before it
	down, up time.Duration // drop: from the change of the line to its rate; -1: never
	others   float64       // percent of a core that all else took meanwhile
	late     time.Duration // by how much the bench itself passed packets on too late, on average
	sent     float64       // kbit/s into the line
	rates    []float64     // the same, second by second
	codec    string        // of a peer that chooses one, else empty
}

func (o outcome) String() string {
	return fmt.Sprintf("frozen %.2f %%, %.1f fps, p50 %.0f ms, p95 %.0f ms, broken %.2f %%, first picture after %.0f ms, longest still %.0f ms (sent %.0f kbit/s, the line was late by %.1f ms, all else took %.0f %% of a core)",
		o.frozen, o.fps, o.p50, o.p95, o.broken, millis(o.first), millis(o.longest), o.sent, millis(o.late), o.others)
}

func millis(d time.Duration) float64 { return d.Seconds() * 1000 }

// take sets everything up, measures and takes it down again.
func (m measurement) take(ctx context.Context) (o outcome, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := errors.Join(os.RemoveAll(m.dir), os.RemoveAll(m.dir+tapped)); err != nil {
		return o, err
	}
	below := 0
	if m.system == "chromium" {
		below = rig.ChromiumBelow
	}
	x, closeAll, err := rig.OpenScreens(ctx, below)
	if err != nil {
		return o, err
	}
	defer closeAll()
	glass := rig.Glass{Program: filepath.Join(m.bin, "glass")}
	drawing, err := glass.Draw(ctx, x.Camera)
	if err != nil {
		return o, err
	}
	defer drawing.Stop()
	ends, err := rig.MakeEnds(ctx)
	if err != nil {
		return o, err
	}
	defer ends.Remove()
	devices, err := ends.LayLine(ctx)
	if err != nil {
		return o, err
	}
	relay := impair.NewRelay(devices[0], devices[1], m.line, uint64(m.run)+1)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	broken := make(chan error, 1)
	wg.Go(func() { broken <- relay.Run(ctx) })
	watch, err := glass.Watch(ctx, x.Window[1])
	if err != nil {
		return o, err
	}
	defer watch.Stop()
	var apart *stage.Namespace
	if m.system == relayed {
		if apart, err = ends.Part(ctx); err != nil {
			return o, err
		}
		defer apart.Remove()
	}
	s, done, err := m.start(ctx, ends, apart, x)
	defer func() { err = errors.Join(err, done(err)) }()
	if err != nil {
		return o, err
	}
	saw, err := m.observe(ctx, s, relay, watch, &o)
	if m.logs != "" {
		err = errors.Join(err, m.keep(watch.Looks(), x.Window[1]))
	}
	select {
	case broke := <-broken:
		err = errors.Join(err, broke)
	default:
	}
	if w, ours := s.(*rig.Windows); ours && err == nil {
		s.Stop() // decoding takes the machine for a while
		saw.clean, err = decode(ctx, glass, *w.Tap)
	}
	if err == nil {
		m.conclude(saw, &o)
	}
	if err == nil && m.charts != "" && m.run == 0 {
		err = m.draw(saw)
	}
	return o, err
}

// seen is what a run was seen to do.
type seen struct {
	looks      []rig.Look
	clean      *clean // of ours
	samples    []sample
	begin, end time.Time
	at         []time.Time // when something happened to the line
}

// keep writes what the glass saw into the directory for logs (Unix time in seconds, age in ms, PSNR in dB), and what the screen
// shows at the end.
func (m measurement) keep(looks []rig.Look, screen string) error {
	eyes, err := stage.OpenEyes(screen, "")
	if err != nil {
		return err
	}
	defer eyes.Close()
	if err := eyes.Save(m.log("png")); err != nil {
		return err
	}
	var b strings.Builder
	for _, l := range looks {
		fmt.Fprintf(&b, "%.4f %.1f %.1f\n", float64(l.At.UnixMicro())/1e6, millis(l.Age), l.PSNR)
	}
	return os.WriteFile(m.log("glass"), []byte(b.String()), 0o644)
}

// log is a file of this run.
func (m measurement) log(of string) string {
	return filepath.Join(m.logs, fmt.Sprintf("%s-%d-%s.%s", m.name, m.run+1, m.system, of))
}

// start starts the system; the first window in the namespace apart, if there is one. done, which is never nil, ends it, and tells of a failure what the system printed last.
func (m measurement) start(ctx context.Context, ends *rig.Ends, apart *stage.Namespace, x rig.Screens) (s rig.System, done func(error) error, err error) {
	closeLog := func() error { return nil }
	switch m.system {
	case "gstreamer":
		s = &rig.GStreamer{Ends: ends}
	case "chromium":
		s = &rig.Chromium{Dir: m.dir, Ends: ends}
	case "baresip":
		s = &rig.Baresip{Dir: m.dir, Ends: ends}
	default:
		w := &rig.Windows{Dir: m.dir, Bin: m.bin, Ends: ends, Apart: apart, Tap: &rig.Tap{Dir: m.dir + tapped}}
		if m.logs != "" {
			f, err := os.Create(m.log("log"))
			if err != nil {
				return nil, func(error) error { return nil }, err
			}
			w.Log, closeLog = f, f.Close
		}
		s = w
	}
	done = func(failed error) error {
		said := s.Stop()
		if failed != nil && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "%s printed last:\n%s", m.system, said)
		}
		return closeLog()
	}
	return s, done, s.Start(ctx, x)
}

// observe watches a system that has been started, and fills in what is measured beside the picture.
func (m measurement) observe(ctx context.Context, s rig.System, relay *impair.Relay, watch *rig.Watch, o *outcome) (saw seen, err error) {
	called, budget := time.Now(), func() int { return 0 }
	first, err := watch.First(ctx, startLimit)
	if err != nil {
		return saw, err
	}
	if w, ours := s.(*rig.Windows); ours {
		since, ok := w.Called()
		if !ok {
			return saw, errors.New("a picture, and no call")
		}
		called, budget = since, w.Budget
	}
	o.first = first.Sub(called)
	saw.begin = first
	if !m.atOnce {
		saw.begin = saw.begin.Add(settle)
	}
	total := max(time.Duration(m.seconds)*time.Second, m.shortest())
	saw.end = saw.begin.Add(total)
	from, err := rig.LookAtMachine()
	if err != nil {
		return saw, err
	}
	if saw.samples, saw.at, err = follow(ctx, relay, saw.begin, total, m.events(total), budget); err != nil {
		return saw, err
	}
	to, err := rig.LookAtMachine()
	if err != nil {
		return saw, err
	}
	saw.looks, o.others = watch.Looks(), rig.Others(from, to)
	var late time.Duration
	var arrived int
	for _, c := range relay.Counts() {
		late, arrived = late+c.Late, arrived+c.Arrived
	}
	o.late = late / time.Duration(max(1, arrived))
	switch s := s.(type) {
	case *rig.Chromium:
		o.codec, err = s.Codec(ctx)
	case *rig.Windows:
		err = m.went(s.Paths())
	}
	return saw, err
}

// went is nil if the media went as the system is called.
func (m measurement) went(by [2]string) error {
	for _, path := range by {
		if strings.HasPrefix(path, "relay") != (m.system == relayed) {
			return fmt.Errorf("the media of %s went by %q and %q", m.system, by[0], by[1])
		}
	}
	return nil
}

// follow lets happen on the line what is planned, and looks at its counters, until the time is over. at is when each event was.
func follow(ctx context.Context, relay *impair.Relay, begin time.Time, total time.Duration, plan []event, budget func() int) (samples []sample, at []time.Time, err error) {
	tick := time.NewTicker(sampled)
	defer tick.Stop()
	for now := time.Now(); now.Before(begin.Add(total)); {
		samples = append(samples, sample{now, relay.Counts()[0].Bytes, budget()})
		for len(plan) > 0 && now.Sub(begin) >= plan[0].at {
			relay.Set(plan[0].set)
			if plan[0].cut > 0 {
				relay.Cut(plan[0].cut)
			}
			plan, at = plan[1:], append(at, time.Now())
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case now = <-tick.C:
		}
	}
	return samples, at, nil
}

// conclude fills in what is concluded from what was seen. The figures of a cut are those of the time after it.
func (m measurement) conclude(saw seen, o *outcome) {
	from, at := saw.begin, saw.at
	switch {
	case m.name == "cut" && len(at) == 1:
		from = at[0].Add(m.events(saw.end.Sub(saw.begin))[0].cut)
		var ok bool
		if o.back, ok = firstAfter(saw.looks, from); !ok {
			o.back = -1
		}
	case m.name == "drop" && len(at) == 2:
		plan := m.events(saw.end.Sub(saw.begin))
		limit := float64(plan[0].set.Kbps)
		o.before = rate(saw.samples, saw.begin, at[0])
		o.down, o.up = -1, -1
		if d, ok := settled(saw.samples, at[0], at[1], func(r float64) bool { return r <= 1.05*limit }); ok {
			o.down = d
		}
		if d, ok := settled(saw.samples, at[1], saw.end, func(r float64) bool { return r >= 0.9*o.before }); ok {
			o.up = d
		}
	}
	o.figures, o.sent = judge(saw.looks, saw.clean, from, saw.end), rate(saw.samples, from, saw.end)
	for t := saw.begin; !t.Add(second).After(saw.end); t = t.Add(second) {
		o.rates = append(o.rates, rate(saw.samples, t, t.Add(second)))
	}
}

// note says what the row is about beside the figures; cell makes a text of the values of all runs.
func (r row) note(cell func(format string, value func(outcome) float64) string) string {
	switch r.name {
	case "cut":
		return "picture back after " + cell("%.0f ms", func(o outcome) float64 { return millis(o.back) })
	case "drop":
		return "from " + cell("%.0f kbit/s", func(o outcome) float64 { return o.before }) +
			" to 0.5 Mbit/s within " + cell("%.0f ms", func(o outcome) float64 { return millis(o.down) }) +
			", back within " + cell("%.0f ms", func(o outcome) float64 { return millis(o.up) })
	}
	return ""
}
