package metrics

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"ewindow/endpoint/status"
)

func scrape(t *testing.T, s status.Status) string {
	t.Helper()
	w := httptest.NewRecorder()
	Handler("v1", func() status.Status { return s }).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// What the issue of a call's quality asks for is there, in base units.
func TestMetrics(t *testing.T) {
	s := status.Status{
		Space: "milano", Registration: status.Registration{Online: true, Since: time.Unix(100, 5e8)}, Plan: status.Plan{Partner: "munich"},
		Calls: []status.Call{{Role: "partner", Peer: "munich", Up: true, Since: time.Unix(200, 0), Path: "relay/udp", Figures: status.Figures{
			Expected: 1000, Missed: 50, Gone: 2, Freezes: 3, Frozen: 1.5, RTT: 20.5, Delay: 30, SoundDelay: 40, Budget: 1600, KbpsOut: 800, Encoded: 880,
			FPSIn: 29.9, FPSOut: 30, Width: 1280, Height: 720, FPS: 30, SoundIn: 500, Concealed: 4, Queue: 12, Resent: 7, Copies: 1, Redundancy: 5, DriftPPM: -50,
		}}},
		Devices: []status.Device{{Role: "camera", Encoder: "x264enc"}, {Role: "sound", Missing: "No microphone", EchoMS: 150, ERLE: 42, GainDB: 4.5, Howls: 3, DriftPPM: 100, Failures: 2}},
	}
	got := scrape(t, s)
	const of = `{peer="munich",role="partner"} `
	for _, want := range []string{
		`ewindow_info{space="milano",version="v1"} 1`, "ewindow_registrar_up 1", "ewindow_registrar_change_timestamp_seconds 100.5", "ewindow_plan_expected 1",
		"ewindow_call_up" + of + "1", "ewindow_call_since_timestamp_seconds" + of + "200", "ewindow_call_silent" + of + "0",
		"ewindow_call_video_packets_expected_total" + of + "1000", "ewindow_call_video_packets_missed_total" + of + "50", "ewindow_call_video_packets_lost_total" + of + "2",
		"ewindow_call_video_freezes_total" + of + "3", "ewindow_call_video_frozen_seconds_total" + of + "1.5", "ewindow_call_round_trip_seconds" + of + "0.0205",
		"ewindow_call_video_buffer_delay_seconds" + of + "0.03", "ewindow_call_audio_buffer_delay_seconds" + of + "0.04",
		"ewindow_call_video_target_bytes_per_second" + of + "200000", "ewindow_call_send_bytes_per_second" + of + "100000", "ewindow_call_video_encoded_bytes_per_second" + of + "110000",
		"ewindow_call_video_receive_frames_per_second" + of + "29.9", "ewindow_call_video_width_pixels" + of + "1280", "ewindow_call_video_height_pixels" + of + "720",
		"ewindow_call_audio_frames_received_total" + of + "500", "ewindow_call_audio_frames_concealed_total" + of + "4", "ewindow_call_send_queue_seconds" + of + "0.012",
		"ewindow_call_video_packets_resent_total" + of + "7", "ewindow_call_audio_copies" + of + "1", "ewindow_call_send_redundancy_ratio" + of + "0.05",
		`ewindow_call_path_info{path="relay/udp",peer="munich",role="partner"} 1`, `ewindow_encoder_info{encoder="x264enc"} 1`, `ewindow_device_up{device="camera"} 1`, `ewindow_device_up{device="sound"} 0`,
		`ewindow_device_failures_total{device="sound"} 2`, `ewindow_echo_delay_seconds 0.15`,
		`ewindow_echo_return_loss_enhancement_decibels 42`, "ewindow_microphone_gain_decibels 4.5", "ewindow_howls_total 3", `ewindow_microphone_clock_drift_ratio 0.0001`,
		"ewindow_call_audio_clock_drift_ratio" + of + "-5e-05",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if !regexp.MustCompile(`(?m)^go_goroutines \d+$`).MatchString(got) || !strings.Contains(got, "process_resident_memory_bytes ") {
		t.Error("the process's health is not there")
	}
}

// The conventions of names and units hold, as promtool has them, for a window that has everything.
func TestConventions(t *testing.T) {
	s := status.Status{Calls: []status.Call{{Role: "phone", Peer: "desk"}}, Devices: []status.Device{{Role: "camera", Encoder: "x"}, {Role: "sound"}}}
	text := scrape(t, s)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if n, all := strings.Count(text, "# HELP ewindow_"), len(window)+len(device)+len(echo)+len(call)+2; n != all {
		t.Errorf("%d metrics of %d", n, all)
	}
}

// Two calls with one account, and names that no account has, make no scrape fail.
func TestOddCalls(t *testing.T) {
	first := status.Call{Role: "partner", Peer: "munich"}
	up, leaving := first, first
	up.Up, up.Figures.Freezes = true, 7
	leaving.Leaving, leaving.Up = true, true
	odd := status.Call{Role: "phone", Peer: strings.Repeat("ü", 50) + "\xff\n\"}"}
	got := scrape(t, status.Status{Calls: []status.Call{leaving, first, up, odd, odd}})
	if !strings.Contains(got, `ewindow_call_video_freezes_total{peer="munich",role="partner"} 7`) {
		t.Error("the call that is up is not the one that counts")
	}
	if n := strings.Count(got, "\newindow_call_up{"); n != 2 {
		t.Errorf("%d calls", n)
	}
	if prometheus.NewPedanticRegistry().Register(&collector{}) != nil {
		t.Error("descriptions do not agree")
	}
}

// Nothing else is there to be asked for.
func TestNothingElse(t *testing.T) {
	h := Handler("", func() status.Status { return status.Status{} })
	for request, want := range map[[2]string]int{{"GET", "/"}: 404, {"POST", "/metrics"}: 405, {"GET", "/debug/pprof/"}: 404} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest(request[0], request[1], nil)); w.Code != want {
			t.Errorf("%v: %d", request, w.Code)
		}
	}
}
