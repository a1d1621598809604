package window

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/metrics"
	"ewindow/endpoint/status"
	"ewindow/media"
	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

// Why pictures are refused is said for as long as that keeps the screen from showing any.
func TestFiguresSayWhyPicturesAreRefused(t *testing.T) {
	s := media.Stats{VideoHeld: 7, VideoRefused: 5, VideoRefusal: "too large", VideoHeldSince: time.Unix(1, 0)}
	if f := figures(s); f.Refused != "too large" || f.Held != 7 {
		t.Errorf("while it lasts: %+v", f)
	}
	s.VideoHeldSince = time.Time{}
	if f := figures(s); f.Refused != "" || f.Held != 7 {
		t.Errorf("when it is over: %+v", f)
	}
}

// Figures are rounded to one decimal, also below zero.
func TestRounded(t *testing.T) {
	for x, want := range map[float64]float64{50.06: 50.1, -50.06: -50.1, -0.06: -0.1, 0.04: 0} {
		if got := round(x); got != want {
			t.Errorf("%v is rounded to %v", x, got)
		}
	}
}

// Calls that come to nothing in a row are one, so that the last that was up is not lost in a night of them.
func TestPastCallsInARow(t *testing.T) {
	simulate(t, func(l *lab) {
		l.w.remember(status.PastCall{Peer: "munich", Ours: true, Up: time.Now(), Why: "the plan says so"})
		for range 3 {
			for range 40 {
				l.w.remember(status.PastCall{Peer: "munich", Ours: true, Status: 480, Why: "they are closed or not there"})
			}
			l.w.remember(status.PastCall{Peer: "desk", Status: 486, Why: "Busy Here"})
		}
		p := l.w.past
		if len(p) != 7 || p[0].Up.IsZero() || p[1].Before != 39 || p[2].Before != 0 || p[5].Before != 39 {
			t.Errorf("%+v", p)
		}
	})
}

// Why a stand-in is used, and what to do, is known for as long as it is used.
func TestReasonOfAStandIn(t *testing.T) {
	simulate(t, func(l *lab) {
		say := func(e protocol.Event) status.Device {
			l.w.tell(deviceReport{protocol.Sound, e})
			time.Sleep(time.Second)
			all := l.w.Status().Devices
			return all[len(all)-1]
		}
		say(protocol.Event{Kind: protocol.Missing, Text: "speaker: none"})
		for range 20 {
			say(protocol.Event{Kind: protocol.Missing, Text: "microphone: plug it in"})
		}
		d := say(protocol.Event{Kind: protocol.Ready, Lacks: "No microphone", Text: "opus"})
		if d.Reason != "speaker: none; microphone: plug it in" || d.Why != "opus" || d.Missing != "No microphone" {
			t.Errorf("%+v", d)
		}
		say(protocol.Event{Kind: protocol.Missing, Text: "microphone: plug it in"})
		say(protocol.Event{Kind: protocol.Failed, Text: "killed"})
		if d := say(protocol.Event{Kind: protocol.Ready, Text: "opus"}); d.Reason != "" || d.Missing != "" {
			t.Errorf("when it is there again: %+v", d)
		}
	})
}

// What a call's quality is judged by is in the status of the call, in the log when it is over, and in the metrics.
func TestFiguresOfACallAreEverywhere(t *testing.T) {
	simulate(t, func(l *lab) {
		p := plan("milano")
		p.Links[0].Until = nine.Add(time.Hour + time.Minute)
		p.Links = p.Links[:1]
		l.online(p)
		f := l.far(negotiate.DTLS)
		defer f.close()
		l.called(f, "a")
		time.Sleep(3 * time.Second)
		w := httptest.NewRecorder()
		metrics.Handler("v1", l.w.Status).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if w.Code != 200 {
			t.Fatal(w.Body)
		}
		text := strings.Join(strings.Fields(l.w.Status().All(time.UTC)), " ")
		l.log.Take()
		time.Sleep(time.Until(p.Links[0].Until.Add(time.Second)))
		_, line, _ := strings.Cut(l.log.Take(), `msg="call over"`)
		line, _, _ = strings.Cut(line, "\n")
		for _, c := range []struct{ log, metric, status string }{
			{"loss_before", "video_packets_missed_total", "missed "}, {"loss_after", "video_packets_lost_total", " for good"},
			{"freezes", "video_freezes_total", "stood still "}, {"frozen_s", "video_frozen_seconds_total", " s in all"},
			{"rtt_ms", "round_trip_seconds", "round trip "}, {"delay_ms", "video_buffer_delay_seconds", ""}, {"sound_delay_ms", "audio_buffer_delay_seconds", "waits "},
			{"kbps_in", "receive_bytes_per_second", " kbit/s"}, {"kbps_out", "send_bytes_per_second", " kbit/s"}, {"budget_kbps", "video_target_bytes_per_second", ""},
			{"encoded_kbps", "video_encoded_bytes_per_second", ""}, {"fps_in", "video_receive_frames_per_second", " pictures/s"}, {"fps_out", "video_send_frames_per_second", " pictures/s"},
			{"sends", "video_width_pixels", ""}, {"encoder", "", "encoder "}, {"concealed", "audio_frames_concealed_total", " concealed"},
			{"queue_ms", "send_queue_seconds", ""}, {"resent", "video_packets_resent_total", "sent again"}, {"redundancy", "send_redundancy_ratio", " of what we send"},
			{"drift_ppm", "audio_clock_drift_ratio", ""}, {"erle_db", "", ""}, {"gain_db", "", ""},
		} {
			if !strings.Contains(line, " "+c.log+"=") {
				t.Errorf("the log has no %s: %s", c.log, line)
			}
			if c.metric != "" && !strings.Contains(w.Body.String(), "\newindow_call_"+c.metric+`{peer="munich",role="partner"} `) {
				t.Errorf("the metrics have no %s", c.metric)
			}
			if !strings.Contains(text, c.status) {
				t.Errorf("the status has no %q:\n%s", c.status, text)
			}
		}
		for _, m := range []string{"ewindow_encoder_info{", "ewindow_echo_return_loss_enhancement_decibels ", "ewindow_registrar_up 1", "go_goroutines "} {
			if !strings.Contains(w.Body.String(), "\n"+m) {
				t.Errorf("the metrics have no %s", m)
			}
		}
	})
}
