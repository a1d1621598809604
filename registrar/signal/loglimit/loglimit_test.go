package loglimit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const megabyte = 1_000_000

var begin = time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)

// A diary is a log in simulated time.
type diary struct {
	*Handler
	text  bytes.Buffer
	times []time.Time // of each line
	now   time.Time
}

func newDiary() *diary {
	d := &diary{now: begin}
	d.Handler = New(d, []string{"aor", "role", "peer"}, func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) })
	return d
}

func (d *diary) Write(b []byte) (int, error) {
	d.times = append(d.times, d.now)
	return d.text.Write(b)
}

func (d *diary) log(message string, args ...any) {
	r := slog.NewRecord(d.now, slog.LevelInfo, message, 0)
	r.Add(args...)
	_ = d.Handle(context.Background(), r)
}

// day lets cause happen every so often, and flushes now and then as Run does.
func (d *diary) day(every time.Duration, cause func(i int)) {
	minute := d.now.Add(time.Minute)
	end := d.now.Add(24 * time.Hour)
	for i := 0; d.now.Before(end); i++ {
		cause(i)
		if d.now = d.now.Add(every); !d.now.Before(minute) {
			minute = minute.Add(time.Minute)
			d.Flush(d.now)
		}
	}
}

// most is the highest number of lines in any minute.
func (d *diary) most() int {
	most, from := 0, 0
	for i, at := range d.times {
		for at.Sub(d.times[from]) >= time.Minute {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// said adds up the counts of what was left out, and the lines that were written for themselves.
func (d *diary) said() (left, written int) {
	for line := range strings.Lines(d.text.String()) {
		if _, n, ok := strings.Cut(line, "left_out="); ok {
			var k int
			_, _ = fmt.Sscan(n, &k)
			left += k
		}
		if !strings.Contains(line, "log lines were left out") {
			written++
		}
	}
	return left, written
}

func block(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10 + byte(i>>16), byte(i >> 8), byte(i), 0}), 24)
}

// Whatever strangers do for a day, they have five lines a minute and a megabyte, and nothing is lost from the counts.
func TestStrangersDay(t *testing.T) {
	long := strings.Repeat("x", 200)
	for name, test := range map[string]struct {
		every time.Duration
		line  func(d *diary, i int)
	}{
		"one block, one kind":         {time.Second, func(d *diary, i int) { d.log("authentication failed", "aor", long, Stranger(block(1))) }},
		"one block, a name each time": {time.Second, func(d *diary, i int) { d.log("authentication failed", "aor", i, Stranger(block(1))) }},
		"ten kinds":                   {time.Second, func(d *diary, i int) { d.log(fmt.Sprint("kind ", i%10), "aor", long, Stranger(block(1))) }},
		"a thousand blocks":           {time.Second, func(d *diary, i int) { d.log("authentication failed", "aor", long, Stranger(block(i%1000))) }},
		"a block each time":           {time.Second / 2, func(d *diary, i int) { d.log("authentication failed", "aor", long, Stranger(block(i))) }},
		"endless values":              {10 * time.Second, func(d *diary, i int) { d.log("panic", "stack", strings.Repeat("y", 60_000), Stranger(block(i))) }},
		"now and then":                {29 * time.Second, func(d *diary, i int) { d.log("authentication failed", "aor", "bar", Stranger(block(i%3))) }},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDiary()
			caused := 0
			d.day(test.every, func(i int) { caused++; test.line(d, i) })
			for range 120 { // afterwards, everything that was left out is said
				d.now = d.now.Add(time.Minute)
				d.Flush(d.now)
			}
			if n := d.text.Len(); n > megabyte {
				t.Errorf("%d bytes", n)
			}
			if n := d.most(); n > 5 {
				t.Errorf("%d lines in a minute", n)
			}
			if left, written := d.said(); left+written != caused {
				t.Errorf("%d lines and %d left out, want %d together", written, left, caused)
			}
			if n := len(d.strangers.sources); n > maxSources {
				t.Errorf("%d sources are remembered", n)
			}
		})
	}
}

// A block has one line a minute for each kind, with the count of those before; another block's first line still comes.
func TestStrangers(t *testing.T) {
	d := newDiary()
	for range 100 {
		d.log("authentication failed", "peer", "10.0.1.7:5060", Stranger(block(1)))
	}
	d.log("panic", Stranger(block(1)))
	d.log("authentication failed", Stranger(block(2)))
	d.now = d.now.Add(59 * time.Second)
	d.log("authentication failed", Stranger(block(1)))
	d.now = d.now.Add(2 * time.Second)
	d.log("authentication failed", Stranger(block(1)))
	d.log("authentication failed", Stranger(block(1)))
	d.now = d.now.Add(5 * time.Minute)
	d.Flush(d.now)
	want := []string{
		`msg="authentication failed" peer=10.0.1.7:5060 block=10.0.1.0/24`,
		`msg=panic block=10.0.1.0/24`,
		`msg="authentication failed" block=10.0.2.0/24`,
		`msg="log lines were left out" by=strangers left_out=100 most="10.0.1.0/24 authentication failed: 100"`,
		`msg="authentication failed" block=10.0.1.0/24`,
		`msg="log lines were left out" by=strangers left_out=1 most="10.0.1.0/24 authentication failed: 1"`,
	}
	got := strings.Split(strings.TrimSpace(d.text.String()), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.HasSuffix(got[i], want[i]) {
			t.Fatalf("line %d of\n%s", i, d.text.String())
		}
	}
}

// Nobody who has proved who it is makes the log grow by more than half a megabyte in a day, by one message or by all, so
// that two who do it to each other stay below one; and the most frequent message leaves room for the rare ones.
func TestCausesDay(t *testing.T) {
	for name, test := range map[string]struct {
		every time.Duration
		line  func(d *diary, i int)
	}{
		"a phone that registers in a loop": {time.Second, func(d *diary, i int) {
			d.log("registered", "aor", "reception", "peer", fmt.Sprintf("10.0.1.7:%d", i%60000), "transport", "UDP", "bindings", 1)
		}},
		"a phone that does all of it in a loop": {time.Second, func(d *diary, i int) {
			d.log(fmt.Sprint("kind ", i%15), "aor", "reception", "call_id", fmt.Sprint(i), "reason", strings.Repeat("x", 200))
		}},
		"the media line": {5 * time.Second, func(d *diary, i int) {
			d.log("media", "peer", "munich", "call_id", "6f1c6f1c6f1c6f1c6f1c6f1c", "fps_in", 29.9, "fps_out", 30, "kbps_in", 2011.2, "kbps_out",
				1998.1, "loss", 0.1, "lost", i, "rtt_ms", 21.5, "held", false)
		}},
		"a device that fails every second": {time.Second, func(d *diary, i int) {
			d.log([]string{"device process is replaced", "device process prints", "device failed"}[i%3], "role", "camera", "why", strings.Repeat("x", 500))
		}},
		"a line that flaps": {time.Second, func(d *diary, i int) {
			d.log([]string{"offline", "not registered", "registered", "no subscription to the plan", "plan received", "call up",
				"re-INVITE: the line is silent", "hang up", "call ended"}[i%9], "call_id", fmt.Sprint(i), "err", strings.Repeat("x", 100))
		}},
		"the program itself": {time.Second, func(d *diary, i int) {
			d.log("bindings were not written; trying again", "err", "no space left on device")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDiary()
			caused := 0
			d.day(test.every, func(i int) { caused++; test.line(d, i) })
			if n := d.text.Len(); n > megabyte/2 {
				t.Errorf("%d bytes", n)
			}
			for range 1500 {
				d.now = d.now.Add(time.Minute)
				d.Flush(d.now)
			}
			if left, written := d.said(); left+written != caused {
				t.Errorf("%d lines and %d left out, want %d together", written, left, caused)
			}
			t.Logf("%d bytes of %d lines", d.text.Len(), caused)
		})
	}
	d := newDiary()
	d.day(time.Second, func(i int) {
		d.log("media", "peer", "munich", "text", strings.Repeat("x", 300))
		if i%7200 == 0 {
			d.log("call up", "peer", "munich", "i", i)
		}
	})
	if n := strings.Count(d.text.String(), `msg="call up"`); n != 12 {
		t.Errorf("%d of 12 rare lines were written beside a frequent one", n)
	}
}

// Two causes do not know of each other, and the memory for them is bounded.
func TestManyCauses(t *testing.T) {
	d := newDiary()
	for i := range 20_000 {
		d.log("registered", "aor", fmt.Sprint("phone", i))
		if i%100 == 0 {
			d.now = d.now.Add(time.Second)
		}
	}
	if n := len(d.causes.entries); n > maxKinds+1 {
		t.Errorf("%d entries", n)
	}
	if n := len(d.causes.whole); n > maxKinds+1 {
		t.Errorf("%d names", n)
	}
	d.now = d.now.Add(24 * time.Hour)
	d.Flush(d.now)
	for i := range maxKinds - 1 { // one is for those whom there was no room for
		d.log("registered", "aor", fmt.Sprint("late", i))
		if d.causes.entries[cause{fmt.Sprint("aor=late", i), "registered"}] == nil {
			t.Fatalf("there is no room for phone %d although all others are as good as new", i)
		}
	}
}

// The most telling name counts, wherever it stands.
func TestWho(t *testing.T) {
	d := newDiary()
	l := slog.New(d.WithAttrs([]slog.Attr{slog.String("peer", "munich")}).WithGroup("g"))
	for range 2000 {
		l.Info("one", "role", "camera", "aor", "x")
		slog.New(d).Info("two", "peer", "munich", "role", "camera")
	}
	for _, want := range []cause{{"peer=munich", "one"}, {"role=camera", "two"}} {
		if want.kind == "one" {
			want.who = "aor=x" // attributes of a record are looked at in any group: a name is a name
		}
		if e := d.causes.entries[want]; e == nil || e.missed == 0 {
			t.Errorf("%v: %v in %v", want, e, d.causes.entries)
		}
	}
}

// Debugging is asked for, and passes.
func TestDebug(t *testing.T) {
	var text bytes.Buffer
	h := New(&text, nil, func(w io.Writer) slog.Handler {
		return slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})
	})
	for range 10_000 {
		slog.New(h).Debug("programme sent")
	}
	if n := strings.Count(text.String(), "\n"); n != 10_000 {
		t.Errorf("%d lines", n)
	}
}

func TestJSON(t *testing.T) {
	var text bytes.Buffer
	h := New(&text, nil, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) })
	slog.New(h).With("every", time.Minute).Info("hello", Stranger(block(1)), "in", 30*time.Second)
	for _, want := range []string{`"block":"10.0.1.0/24"`, `"in":"30s"`, `"every":"1m0s"`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%s is not in %s", want, text.String())
		}
	}
}

// A clock that is set back silences nobody.
func TestClockSetBack(t *testing.T) {
	d := newDiary()
	for range 5000 {
		d.log("registered", "aor", "bar")
	}
	for range 4 {
		d.log("authentication failed", Stranger(block(1)))
	}
	d.now = d.now.Add(-48 * time.Hour)
	for range 4 * 60 * 24 {
		d.now = d.now.Add(time.Minute)
		d.Flush(d.now)
	}
	d.text.Reset()
	d.log("registered", "aor", "bar")
	d.log("authentication failed", Stranger(block(1)))
	if n := strings.Count(d.text.String(), "\n"); n != 2 {
		t.Errorf("%d lines", n)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		l := slog.New(d)
		for range 3 {
			l.Info("authentication failed", Stranger(block(1)))
		}
		time.Sleep(2 * time.Minute)
		for range 3 {
			l.Info("authentication failed", Stranger(block(1)))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if left, written := d.said(); left != 2 || written != 2 {
			t.Errorf("left %d, written %d:\n%s", left, written, d.text.String())
		}
	})
}

func BenchmarkLeftOut(b *testing.B) {
	h := New(io.Discard, []string{"aor"}, func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) })
	l := slog.New(h)
	for b.Loop() {
		l.Info("authentication failed", "aor", "bar", "peer", "10.0.1.7:5060", Stranger(block(1)))
	}
}
