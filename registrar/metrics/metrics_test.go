package metrics

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func scrape(t *testing.T, m *Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	m := New()
	for i := range 1000 { // a stranger may invent methods
		m.Request(fmt.Sprintf("METHOD%d", i), 405)
	}
	m.Request("INVITE", 200)
	m.AuthFailure("refused")
	m.Reloaded(true)
	m.PlanInForce("cafe", time.Unix(50, 0))
	m.PlanInForce("beef", time.Unix(100, 0))
	m.Reloaded(false)
	m.CertExpiry("own", time.Unix(300, 0))
	m.CertExpiry("acme", time.Unix(200, 0))
	m.CertExpiry("acme", time.Time{})
	m.CertLoaded("given", false)
	m.Panic()
	m.KeysInClear("out")
	m.Silent()
	m.HandshakeFailed("not_tls")
	m.StoreRepaired()
	m.HealthTold("taken")
	err := m.Observe(func() State {
		return State{Registered: map[string]bool{"milano": true, "munich": false}, Expected: []Link{{"milano", "munich", true}},
			Windows: map[string]Window{"milano": {Version: "v1.2.0", Lacking: map[string]bool{"camera": true}, ClockOff: -3.5}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	got := scrape(t, m)
	for _, want := range []string{
		`sip_requests_total{code="405",method="other"} 1000`, `sip_requests_total{code="200",method="INVITE"} 1`,
		`sip_auth_failures_total{reason="refused"} 1`, "sip_panics_total 1", "dialplan_last_reload_successful 0",
		"dialplan_last_reload_timestamp_seconds 100", `dialplan_last_good_revision{revision="beef"} 1`,
		`cert_expiry_timestamp_seconds{which="own"} 300`, `cert_last_load_successful{which="given"} 0`,
		`sip_keys_in_clear_total{direction="out"} 1`, "sip_udp_silent_total 1", `tls_handshake_failures_total{reason="not_tls"} 1`, "store_repairs_total 1",
		`ewindow_registered{space="milano"} 1`, `ewindow_registered{space="munich"} 0`,
		`ewindow_window_device_up{device="camera",space="milano"} 0`, `ewindow_window_device_up{device="screen",space="milano"} 1`,
		`ewindow_window_clock_offset_seconds{space="milano"} -3.5`, `ewindow_window_info{space="milano",version="v1.2.0"} 1`, `window_health_told_total{what="taken"} 1`,
		`ewindow_link_expected{peer="munich",space="milano"} 1`, `ewindow_link_up{peer="munich",space="milano"} 1`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(got, `which="acme"`) {
		t.Error("a certificate that is not there expires")
	}
	if strings.Contains(got, "cafe") {
		t.Error("the revision before is still there")
	}
	if strings.Contains(got, "METHOD1") {
		t.Error("a method made up by a stranger has a label of its own")
	}
}
