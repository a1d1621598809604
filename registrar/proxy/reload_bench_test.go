package proxy

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
	"ewindow/dialplan/programme"
	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/pki"
	"ewindow/registrar/pki/pin"
	"ewindow/registrar/planfile"
	"ewindow/scripts/lab/memnet"
)

// BenchmarkReload is the time from an edit of the dialplan's file until the last window that it concerns has the
// NOTIFY, for 1,000 windows that are registered and subscribed over TLS: the file is seen, waited for to settle (200
// ms of it), read, checked, put in force, compared for every window, written, encrypted and read by the windows, all
// on this machine; only the network between them is in memory. Give it enough edits: -benchtime 100x.
func BenchmarkReload(b *testing.B) {
	const spaces = 1000
	for _, test := range []struct {
		name string
		plan func(edit int) string
	}{
		{"one", func(edit int) string { return bigPlan(spaces, 0, edit) }},
		{"all", func(edit int) string { return bigPlan(spaces, edit, edit) }},
	} {
		b.Run(test.name, func(b *testing.B) { benchReload(b, spaces, test.plan) })
	}
}

func benchReload(b *testing.B, spaces int, plan func(edit int) string) {
	path := filepath.Join(b.TempDir(), "dialplan.hcl")
	write := func(text string) {
		if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		if err := os.Rename(path+"~", path); err != nil {
			b.Fatal(err)
		}
	}
	write(plan(0))
	arrived := startBig(b, spaces, path)
	var took []time.Duration
	windows, edit := 0, 0
	for b.Loop() {
		concerned := differ(b, plan(edit), plan(edit+1))
		edit++
		text := plan(edit)
		began, last := time.Now(), time.Time{}
		write(text)
		for range concerned {
			select {
			case at := <-arrived:
				last = at
			case <-time.After(30 * time.Second):
				b.Fatalf("edit %d: a NOTIFY did not come", edit)
			}
		}
		took = append(took, last.Sub(began))
		windows += concerned
		select {
		case <-arrived:
			b.Fatalf("edit %d: more than %d windows were told", edit, concerned)
		case <-time.After(50 * time.Millisecond):
		}
	}
	slices.Sort(took)
	ms := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))]) / float64(time.Millisecond) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
	b.ReportMetric(ms(1), "max-ms")
	b.ReportMetric(float64(windows)/float64(len(took)), "windows/edit")
}

// startBig runs a server with its plan watched and all windows subscribed. What it returns tells of each NOTIFY.
func startBig(b *testing.B, spaces int, path string) <-chan time.Time {
	b.Helper()
	identity, err := pki.Load(pki.Config{Dir: b.TempDir(), Domain: domain}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	l := &lab{t: b, net: memnet.New(1), accounts: &accounts{names: map[string]bool{}}}
	if l.tls, err = pin.Config(identity.Pin(), domain); err != nil {
		b.Fatal(err)
	}
	state := b.TempDir()
	start, err := planfile.Begin([]string{path}, state, slog.New(slog.DiscardHandler), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	l.server, err = New(Config{
		Domain: domain, Key: bytes.Repeat([]byte{7}, 32), Plan: start.Plan, Accounts: l.accounts, TLS: identity.ServerConfig(),
		Locations: location.New(location.Config{}), Limits: flow.Limits{},
	}, l.listen())
	if err != nil {
		b.Fatal(err)
	}
	watcher := planfile.New(planfile.Config{Paths: []string{path}, Keep: state, Current: start, Changed: l.server.SetPlan})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- l.server.Run(ctx) }()
	go func() { ended <- watcher.Run(ctx, nil) }()
	b.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				b.Error(err)
			}
		}
	})
	arrived := make(chan time.Time, spaces)
	for i := range spaces { // all of them first: a partner that comes later is an edit of its own
		l.addAccount(fmt.Sprint("s", i))
	}
	for i := range spaces {
		name := fmt.Sprint("s", i)
		p := l.join(name, "TLS")
		p.ask(msg{method: "REGISTER", uri: "sip:" + domain, to: fmt.Sprintf("<sip:%s@%s>", name, domain), extra: "Expires: 3600"})
		p.response(200)
		p.ask(p.sub(3600))
		go func() { // its 200 may come after the first NOTIFY (RFC 6665 §4.1.2.4)
			for m := range p.inbox {
				if req, ok := m.(*sip.Request); ok && req.Method == sip.NOTIFY {
					arrived <- time.Now()
					p.answer(req, 200, "")
				}
			}
		}()
		<-arrived
	}
	return arrived
}

// bigPlan has n spaces, each in three links and a rotation. all changes the hours of every one, first of the first.
func bigPlan(n, all, first int) string {
	var b strings.Builder
	for i := range n {
		minute := all % 60
		if i == 0 {
			minute = first % 60
		}
		fmt.Fprintf(&b, "space \"s%d\" {\n  name     = \"City %d – Space – Room\"\n  timezone = \"Europe/Berlin\"\n"+
			"  open     = \"Mo-Su 06:00-12:00,13:00-19:%02d; Dec 24-26 off\"\n}\n", i, i, minute)
	}
	for i := range n {
		for _, far := range []int{1, 7, 31} {
			fmt.Fprintf(&b, "link \"%d and %d\" {\n  between = [s%d, s%d]\n  when    = open\n}\n", i, far, i, (i+far)%n)
		}
	}
	for i := 0; i < n; i += 4 {
		fmt.Fprintf(&b, "rotation \"tour %d\" {\n  among = [s%d, s%d, s%d, s%d]\n  every = \"1d\"\n  from  = \"2026-01-01\"\n}\n", i, i, i+1, i+2, i+3)
	}
	return b.String()
}

// differ counts the windows whose programmes two plans make different.
func differ(b *testing.B, old, next string) (n int) {
	now := time.Now()
	programmes := func(p *dialplan.Plan, space string) *programme.Programme {
		made, err := p.Programme(space, now)
		if err != nil {
			b.Fatal(err)
		}
		return made
	}
	p, q := parsePlan(b, old), parsePlan(b, next)
	for _, s := range q.Spaces() {
		if !programme.Same(programmes(p, s.Name), programmes(q, s.Name)) {
			n++
		}
	}
	return n
}
