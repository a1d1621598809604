package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"ewindow/endpoint/status"
)

var (
	info    = prometheus.NewDesc("ewindow_info", "1 for the window of this space, and the version of its program.", []string{"space", "version"}, nil)
	path    = prometheus.NewDesc("ewindow_call_path_info", "1 for the way that a call's media go: host, srflx, relay/udp …", []string{"role", "peer", "path"}, nil)
	encoder = prometheus.NewDesc("ewindow_encoder_info", "1 for the encoder of pictures in use.", []string{"encoder"}, nil)
)

// window is what there is once.
var window = []family[*status.Status]{
	gauge("registrar_up", "1 while the window is registered.", func(s *status.Status) float64 { return number(s.Registration.Online) }),
	gauge("registrar_change_timestamp_seconds", "Since when it is registered, or is not; 0 before the first try.",
		func(s *status.Status) float64 { return unix(s.Registration.Since) }),
	gauge("plan_expected", "1 while the plan names a partner.", func(s *status.Status) float64 { return number(s.Plan.Partner != "") }),
	gauge("plan_received_timestamp_seconds", "When the plan was received; 0 without one.", func(s *status.Status) float64 { return unix(s.Plan.Received) }),
	gauge("calls", "Calls that there are.", func(s *status.Status) float64 { return float64(len(s.Calls)) }),
}

// device is what there is of each device process.
var device = []family[*status.Device]{
	gauge("device_up", "1 unless the process of this role is down, or a stand-in is used for its device.",
		func(d *status.Device) float64 { return number(!d.Down && d.Missing == "") }, "device"),
	counter("device_failures_total", "How often a process of this role failed.",
		func(d *status.Device) float64 { return float64(d.Failures) }, "device"),
}

// echo is what the sound's process measures.
var echo = []family[*status.Device]{
	gauge("echo_delay_seconds", "How long sound takes from the speaker to the microphone; 0 while that is not known.",
		func(d *status.Device) float64 { return d.EchoMS / 1000 }),
	gauge("echo_return_loss_enhancement_decibels", "By how much the echo canceller weakens the echo (ERLE); 0 while that is not known.",
		func(d *status.Device) float64 { return d.ERLE }),
	gauge("microphone_gain_decibels", "By how much the microphone's sound is amplified, for who speaks quietly or loudly.",
		func(d *status.Device) float64 { return d.GainDB }),
	counter("howls_total", "How often howling was stopped: sound that goes around between two rooms, and grows.",
		func(d *status.Device) float64 { return float64(d.Howls) }),
	gauge("microphone_clock_drift_ratio", "By how much the microphone's clock is faster than the machine's; 1e-6 is a ppm.",
		func(d *status.Device) float64 { return d.DriftPPM / 1e6 }),
}

// call is what there is of each call. Counters begin with the call.
var call = []family[*status.Call]{
	state("up", "1 while the call is up.", func(c *status.Call) float64 { return number(c.Up) }),
	state("since_timestamp_seconds", "Since when the call is up, or is tried.", func(c *status.Call) float64 { return unix(c.Since) }),
	state("silent", "1 while nothing comes that should.", func(c *status.Call) float64 { return number(!c.Silent.IsZero()) }),
	state("blank", "1 while pictures were agreed on and none comes.", func(c *status.Call) float64 { return number(c.Blank) }),

	total("video_packets_expected", "Packets of pictures that the other side has sent, by their numbers.", func(f *status.Figures) float64 { return float64(f.Expected) }),
	total("video_packets_missed", "Packets of pictures that were missing at first: the loss before repair.", func(f *status.Figures) float64 { return float64(f.Missed) }),
	total("video_packets_lost", "Packets of pictures that never came: the loss after repair.", func(f *status.Figures) float64 { return float64(f.Gone) }),
	total("video_frames_received", "Pictures that were given to the screen.", func(f *status.Figures) float64 { return float64(f.PicturesIn) }),
	total("video_frames_held", "Pictures that could only have been shown broken, and were not.", func(f *status.Figures) float64 { return float64(f.Held) }),
	rate("video_receive_frames_per_second", "Pictures that were given to the screen in the last second.", func(f *status.Figures) float64 { return f.FPSIn }),
	total("video_freezes", "Times that the picture stood still for more than 0.15 seconds, and more than twice as long as usual.", func(f *status.Figures) float64 { return float64(f.Freezes) }),
	total("video_frozen_seconds", "For how long it did, in all.", func(f *status.Figures) float64 { return f.Frozen }),
	rate("video_buffer_delay_seconds", "How long pictures are held back for those that need repair.", func(f *status.Figures) float64 { return f.Delay / 1000 }),

	total("audio_frames_received", "Frames of sound that were to be heard.", func(f *status.Figures) float64 { return float64(f.SoundIn) }),
	total("audio_frames_concealed", "Frames of sound that were missing then.", func(f *status.Figures) float64 { return float64(f.Concealed) }),
	total("audio_frames_recovered", "Frames of sound that came with later packets alone.", func(f *status.Figures) float64 { return float64(f.Recovered) }),
	rate("audio_buffer_delay_seconds", "How long sound is held back, since it comes unevenly.", func(f *status.Figures) float64 { return f.SoundDelay / 1000 }),

	rate("audio_clock_drift_ratio", "By how much the clock of their sound is faster than ours; 1e-6 is a ppm, 0 while nobody knows.", func(f *status.Figures) float64 { return f.DriftPPM / 1e6 }),

	rate("round_trip_seconds", "The round trip; 0 while it is not known.", func(f *status.Figures) float64 { return f.RTT / 1000 }),
	rate("receive_bytes_per_second", "Coded pictures and sound that came in the last second.", func(f *status.Figures) float64 { return bytes(f.KbpsIn) }),
	rate("send_bytes_per_second", "Coded pictures and sound that were sent in the last second.", func(f *status.Figures) float64 { return bytes(f.KbpsOut) }),
	rate("send_queue_seconds", "What our packets wait for on the way.", func(f *status.Figures) float64 { return f.Queue / 1000 }),
	rate("send_redundancy_ratio", "What is sent again, copied or for repair (RFC 4588, 2198, 8627), of all that was sent in this call.", func(f *status.Figures) float64 { return f.Redundancy / 100 }),

	total("video_frames_sent", "Pictures that were sent.", func(f *status.Figures) float64 { return float64(f.PicturesOut) }),
	total("video_packets_sent", "Packets of pictures that were sent, each once.", func(f *status.Figures) float64 { return float64(f.Sent) }),
	total("video_packets_resent", "Packets that were sent again.", func(f *status.Figures) float64 { return float64(f.Resent) }),
	total("video_repair_packets_sent", "Repair packets (RFC 8627) that were sent.", func(f *status.Figures) float64 { return float64(f.Parity) }),
	total("video_packets_repaired", "Packets of pictures that repair packets brought.", func(f *status.Figures) float64 { return float64(f.Mended) }),
	rate("video_send_frames_per_second", "Pictures that were sent in the last second.", func(f *status.Figures) float64 { return f.FPSOut }),
	rate("video_target_bytes_per_second", "What our pictures may take; 0 while nobody knows.", func(f *status.Figures) float64 { return bytes(float64(f.Budget)) }),
	rate("video_encoded_bytes_per_second", "What our encoder makes.", func(f *status.Figures) float64 { return bytes(f.Encoded) }),
	rate("video_width_pixels", "Width of our pictures; 0 while none are wanted.", func(f *status.Figures) float64 { return float64(f.Width) }),
	rate("video_height_pixels", "Height of our pictures; 0 while none are wanted.", func(f *status.Figures) float64 { return float64(f.Height) }),
	rate("video_target_frames_per_second", "Pictures that our encoder is to make in a second; 0 while none are wanted.", func(f *status.Figures) float64 { return float64(f.FPS) }),
	rate("audio_copies", "Earlier frames that go with each frame of our sound.", func(f *status.Figures) float64 { return float64(f.Copies) }),
	total("keyframes_asked", "Requests for a keyframe that we sent.", func(f *status.Figures) float64 { return float64(f.Keyframes) }),
	total("keyframes_wanted", "Requests for one of our keyframes.", func(f *status.Figures) float64 { return float64(f.Wanted) }),
	total("unauthentic_packets", "Packets that came and were not the other side's, or came twice.", func(f *status.Figures) float64 { return float64(f.Unauthentic) }),
}

func state(name, help string, of func(*status.Call) float64) family[*status.Call] {
	return gauge("call_"+name, help, of, "role", "peer")
}

func rate(name, help string, of func(*status.Figures) float64) family[*status.Call] {
	return state(name, help, func(c *status.Call) float64 { return of(&c.Figures) })
}

func total(name, help string, of func(*status.Figures) float64) family[*status.Call] {
	f := rate(name+"_total", help, of)
	f.kind = prometheus.CounterValue
	return f
}

func bytes(kbps float64) float64 { return kbps * 1000 / 8 }
