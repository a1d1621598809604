package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// baresipModules is where Debian's packages baresip-core, baresip-x11 and baresip-ffmpeg have them.
const baresipModules = "/usr/lib/baresip/modules"

// Baresip is two of Debian's baresip in a direct call. It ignores loopback addresses, so that each needs an end.
type Baresip struct {
	Dir   string // for what they read
	Ends  *Ends  // joined
	tasks []*Task
}

// Start is System's.
func (b *Baresip) Start(ctx context.Context, x Screens) error {
	for _, module := range []string{"x11grab.so", "avcodec.so"} {
		if _, err := os.Stat(filepath.Join(baresipModules, module)); err != nil {
			return fmt.Errorf("%w; install baresip-core, baresip-x11 and baresip-ffmpeg (make bench does)", err)
		}
	}
	for _, end := range []int{1, 0} { // the one that is called first
		dir := filepath.Join(b.Dir, fmt.Sprint(end))
		if err := writeBaresip(dir, b.Ends.Address(end), x.Camera); err != nil {
			return err
		}
		args := []string{"-f", dir}
		if end == 0 {
			args = append(args, "-e", "/dial sip:window@"+b.Ends.Address(1))
		}
		cmd := b.Ends.Command(ctx, end, "baresip", args...)
		cmd.Env = append(os.Environ(), "DISPLAY="+x.Window[end])
		t, err := StartTask(cmd)
		if err != nil {
			return err
		}
		b.tasks = append(b.tasks, t)
		if end == 1 {
			if err := t.Await(ctx, "baresip is ready", 10*time.Second); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeBaresip writes a configuration directory: H.264 and Opus, the display as camera, a tone as microphone.
func writeBaresip(dir, address, camera string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	config := fmt.Sprintf(`poll_method epoll
sip_listen %s:5060
call_local_timeout 30
call_max_calls 1
module_path %s
module opus.so
module ausine.so
module aubridge.so
module avcodec.so
module x11.so
module x11grab.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
statmode_default off
audio_source ausine,440
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
video_source x11grab,%s
video_display x11,nil
video_size %dx%d
video_fps %d
video_bitrate %d
`, address, baresipModules, camera, Width, Height, FPS, Kbps*1000)
	account := fmt.Sprintf("<sip:window@%s>;regint=0;answermode=auto;audio_codecs=opus/48000/2;video_codecs=h264\n", address)
	for name, text := range map[string]string{"config": config, "accounts": account, "contacts": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Processes is System's.
func (b *Baresip) Processes() []int { return processes(b.tasks) }

// Stop is System's.
func (b *Baresip) Stop() string { return stopAll(b.tasks) }
