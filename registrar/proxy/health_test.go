package proxy

import (
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"ewindow/registrar/signal/health"
)

// reports is a REGISTER that tells of a window's health.
func (p *peer) reports(body string, extra ...string) {
	p.l.t.Helper()
	p.ask(p.healthy(body, extra...))
}

func (p *peer) healthy(body string, extra ...string) msg {
	return msg{method: "REGISTER", uri: "sip:" + domain, to: fmt.Sprintf("<sip:%s@%s>", p.name, domain), body: body,
		extra: strings.Join(append([]string{"Expires: 600", "Content-Type: " + health.ContentType, "Content-Disposition: " + health.Disposition}, extra...), "\n")}
}

// said is what the registrar knows of a window by its own words.
func (l *lab) said(account string) string {
	h := l.server.Status().Account(account).Health
	if h == nil {
		return "nothing"
	}
	return h.Version
}

// taken is how often what a window tells of itself was read.
func (l *lab) taken() (n float64) {
	w := httptest.NewRecorder()
	l.server.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	_, line, _ := strings.Cut(w.Body.String(), `window_health_told_total{what="taken"} `)
	_, _ = fmt.Sscan(line, &n)
	return n
}

// What a window tells is known at once, and forgotten when it says good-bye, when its connection ends, when its time is over, and with its account.
func TestHealthLivesAsLongAsTheWindow(t *testing.T) {
	for how, end := range map[string]func(l *lab, p *peer){
		"good-bye": func(l *lab, p *peer) {
			p.ask(msg{method: "REGISTER", uri: "sip:" + domain, to: "<sip:milano@" + domain + ">", extra: "Expires: 0"})
			p.response(200)
		},
		"its time is over":      func(l *lab, p *peer) { time.Sleep(11 * time.Minute) },
		"its connection ends":   func(l *lab, p *peer) { p.hangUp() },
		"its account is gone":   func(l *lab, p *peer) { l.removeAccount("milano") },
		"its secret is another": func(l *lab, p *peer) { l.server.AccountChanged("milano") },
	} {
		t.Run(how, func(t *testing.T) {
			simulate(t, always, func(l *lab) {
				milano := l.join("milano", "TLS")
				milano.reports(`{"version":"v1"}`)
				milano.response(200)
				if got := l.said("milano"); got != "v1" || l.said("munich") != "nothing" {
					t.Errorf("%q, and of munich %q", got, l.said("munich"))
				}
				milano.reports(`{"version":"v2"}`)
				milano.response(200)
				if got := l.said("milano"); got != "v2" {
					t.Errorf("told again: %q", got)
				}
				end(l, milano)
				time.Sleep(2 * time.Second)
				if a := l.server.Status().Account("milano"); a.Health != nil || len(l.server.registrar.healths.of) != 0 {
					t.Errorf("afterwards: %+v", a.Health)
				}
			})
		})
	}
}

// What is no health costs no registration, and takes no health's place; nothing of it is printed raw.
func TestHealthThatIsNotTaken(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.reports(`{"version":"v1"}`)
		milano.response(200)
		for _, bad := range []string{"x", "[]", strings.Repeat("[", 4000), `{"version":1}`, `{"version":"` + strings.Repeat("x", health.MaxSize) + `"}`, "\x1b[2J\x1b]0;x\x07"} {
			time.Sleep(time.Minute)
			milano.reports(bad)
			milano.response(200)
			if got := l.said("milano"); got != "v1" {
				t.Errorf("%.20q: %q", bad, got)
			}
		}
		time.Sleep(time.Minute)
		for _, m := range []msg{milano.healthy(`{"version":"packed"}`, "Content-Encoding: gzip"), milano.healthy(`{"version":"other"}`)} {
			if !strings.Contains(m.extra, "gzip") {
				m.extra = strings.Replace(m.extra, health.ContentType, "application/json", 1)
			}
			milano.ask(m)
			milano.response(200)
		}
		if got := l.said("milano"); got != "v1" {
			t.Errorf("%q", got)
		}
		if n := strings.Count(l.log.String(), "what a window tells of itself cannot be read"); n != 1 {
			t.Errorf("%d lines of log for 7 in a row", n)
		}
		time.Sleep(time.Minute)
		milano.reports(`{"version":"\u001b[2J\u202ev3","devices":[{"role":"camera","missing":"\u001b]0;x\u0007No camera"}],"fault":{"what":"\r\n\u009b2J"}}`)
		milano.response(200)
		if got := l.said("milano"); got != "[2Jv3" {
			t.Errorf("%q", got)
		}
		st := l.server.Status()
		text := st.Text(time.UTC) + st.Detail("milano", time.UTC)
		if strings.ContainsFunc(text, func(c rune) bool { return c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) }) {
			t.Errorf("%q", text)
		}
		_ = munich
	})
}

// A window speaks for itself alone, by TLS; a phone does not speak of windows.
func TestHealthOfSomebodyElse(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, _ := l.pair()
		m := milano.healthy(`{"version":"evil"}`)
		m.to = "<sip:munich@" + domain + ">"
		milano.ask(m)
		milano.response(403)
		phone := l.join("reception", "TLS")
		phone.reports(`{"version":"evil"}`)
		phone.response(200)
		clear := l.join("potsdam", "TCP")
		clear.reports(`{"version":"evil"}`)
		clear.nextFinal()
		stranger := l.join("munich", "TLS")
		stranger.ask2(stranger.healthy(`{"version":"evil"}`), "wrong")
		stranger.response(401)
		for _, a := range l.server.Status().Accounts {
			if a.Health != nil {
				t.Errorf("%s: %+v", a.Name, a.Health)
			}
		}
	})
}

// A megabyte is not even held.
func TestHealthOfAMegabyte(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano := l.join("milano", "TLS")
		milano.reports(`{"version":"v1"}`)
		milano.response(200)
		m := milano.healthy(strings.Repeat("x", 1<<20), fmt.Sprintf("Content-Length: %d", 1<<20))
		text := strings.ReplaceAll(milano.text(m), "\n", "\r\n")
		go func() { _, _ = milano.conn.Write([]byte(text)) }()
		milano.response(513)
		time.Sleep(time.Second)
		milano.connect()
		milano.reports(`{"version":"v2"}`)
		milano.response(200)
		if got := l.said("milano"); got != "v2" {
			t.Errorf("%q", got)
		}
	})
}

// A thousand a second are answered, a few of them are read, and nothing grows; what comes afterwards is read again.
func TestAThousandHealthsASecond(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano := l.join("milano", "TLS")
		milano.reports(`{"version":"v0"}`)
		milano.response(200)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		begun := time.Now()
		const many = 1000
		for i := range many {
			milano.reports(fmt.Sprintf(`{"version":"v%d","trust":"%s"}`, i, strings.Repeat("x", 3000)))
			milano.response(200)
		}
		synctest.Wait()
		took := time.Since(begun)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
			t.Errorf("the heap has grown by %d bytes", grown)
		}
		if n := len(l.server.registrar.healths.of); n != 1 {
			t.Errorf("%d are kept", n)
		}
		taken := l.taken()
		if most := float64(healthsAtOnce) + took.Seconds()/healthEvery.Seconds() + 1; taken > most || taken < 2 {
			t.Errorf("%v of %d were read in %v, want %v at most", taken, many, took, most)
		}
		time.Sleep(10 * time.Second)
		milano.reports(`{"version":"last"}`)
		milano.response(200)
		if got := l.said("milano"); got != "last" {
			t.Errorf("afterwards %q", got)
		}
	})
}
