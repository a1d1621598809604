// Package monitor_test looks after the alerts and the dashboard: that they are sound, and ask for what the programs tell.
package monitor_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	window "ewindow/endpoint/metrics"
	"ewindow/endpoint/status"
	registrar "ewindow/registrar/metrics"
)

// Each alert comes when it should, as promtool judges it.
func TestAlerts(t *testing.T) {
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		if out, err := exec.Command("../../bin/promtool", args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v; make setup-test fetches it\n%s", args, err, out)
		}
	}
}

// What Prometheus adds itself.
var added = map[string]bool{"up": true}

// told are the names of all metrics of both programs.
func told(t *testing.T) map[string]bool {
	t.Helper()
	r := registrar.New()
	r.Request("INVITE", 200)
	r.AuthFailure("refused")
	r.Panic()
	r.Reloaded(true)
	r.PlanInForce("cafe", time.Now())
	r.CertExpiry("own", time.Now())
	r.CertLoaded("acme", true)
	r.StoreRepaired()
	for _, err := range []error{
		r.ObserveStore(func() bool { return true }),
		r.ObserveRelay(func() registrar.Relay { return registrar.Relay{} }),
		r.Observe(func() registrar.State {
			return registrar.State{Registered: map[string]bool{"milano": true}, Expected: []registrar.Link{{A: "milano", B: "munich"}},
				Windows: map[string]registrar.Window{"milano": {Version: "v1"}}}
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w := window.Handler("v1", func() status.Status {
		return status.Status{Space: "milano", Calls: []status.Call{{Role: "partner", Peer: "munich", Path: "host"}},
			Devices: []status.Device{{Role: "camera", Encoder: "x264enc"}, {Role: "sound"}}}
	})
	names := map[string]bool{}
	for n := range added {
		names[n] = true
	}
	var text strings.Builder
	for _, handler := range []http.Handler{r.Handler(), w} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
		text.WriteString(answer.Body.String())
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) `).FindAllStringSubmatch(text.String(), -1) {
		names[m[1]] = true
	}
	return names
}

// asked are the metrics that expressions ask for: words that no label, function or keyword of PromQL is.
func asked(expressions []string) (names []string) {
	labels := regexp.MustCompile(`\{[^}]*\}|\[[^]]*\]|\b(on|by) \([^)]*\)|"[^"]*"`)
	words := regexp.MustCompile(`\b[a-z_:]+\b(\s*\()?`)
	keywords := map[string]bool{"or": true, "and": true, "unless": true}
	for _, e := range expressions {
		for _, w := range words.FindAllString(labels.ReplaceAllString(e, " "), -1) {
			if name := strings.TrimSpace(w); !strings.HasSuffix(name, "(") && !keywords[name] && name != "max" {
				names = append(names, name)
			}
		}
	}
	return names
}

// Nobody asks for what no program tells: a graph would stay empty, and an alert would never come.
func TestNames(t *testing.T) {
	var expressions []string
	alerts, err := os.ReadFile("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^ +expr: (.*)$`).FindAllStringSubmatch(string(alerts), -1) {
		expressions = append(expressions, m[1])
	}
	rules := len(expressions)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("a panel without title or question: %+v", p)
		}
		for _, target := range p.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	if rules < 10 || len(expressions) < rules+10 {
		t.Fatalf("%d rules, %d expressions", rules, len(expressions))
	}
	known, names := told(t), asked(expressions)
	if len(names) < len(expressions) {
		t.Errorf("%d names in %d expressions", len(names), len(expressions))
	}
	for _, n := range names {
		if !known[n] {
			t.Errorf("no program tells %s", n)
		}
	}
}
