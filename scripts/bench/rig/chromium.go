package rig

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// chromiumPage is the page that each of them shows.
//
//go:embed chromium.html
var chromiumPage []byte

// chromiumLimit is how long two browsers may take until they are in a call.
const chromiumLimit = 60 * time.Second

// Chromium is two of Debian's Chromium in a WebRTC call: pictures in the codec that they agree on by themselves, and a tone.
// They film a display as a shared screen, said to be in motion, since they know no other camera that a glass could draw on. What
// a server of the web would pass on between them is passed on here, past the line.
type Chromium struct {
	Dir   string // for what they read and write
	Ends  *Ends  // joined
	tasks []*Task
	tools [2]*devtools
}

// Start is System's. Their screens have to be ChromiumBelow pixels higher than the picture.
func (c *Chromium) Start(ctx context.Context, x Screens) error {
	program, err := exec.LookPath("chromium")
	if err != nil {
		return fmt.Errorf("%w; install chromium (make bench does)", err)
	}
	ctx, cancel := context.WithTimeout(ctx, chromiumLimit)
	defer cancel()
	for end := range c.tools {
		// A page that was given no microphone learns of no address but the one by which the rest of the world is reached.
		if err := c.Ends[end].IP(ctx, "route add default via "+c.Ends.Address(1-end)); err != nil {
			return err
		}
		if err := c.run(end, program, x); err != nil {
			return err
		}
	}
	for _, d := range c.tools {
		if err := d.attach(ctx, "film"); err != nil {
			return err
		}
		if _, err := d.call(ctx, "film"); err != nil {
			return err
		}
	}
	const bitrate = Kbps * 1000
	offer, err := c.tools[0].call(ctx, "offer")
	if err != nil {
		return err
	}
	answer, err := c.tools[1].call(ctx, "answer", offer, bitrate)
	if err != nil {
		return err
	}
	_, err = c.tools[0].call(ctx, "accept", answer, bitrate)
	return err
}

// ChromiumBelow is how much room Chromium needs below the picture, in pixels: it says there that the screen is shared.
const ChromiumBelow = 80

// run starts the browser at an end. It shows itself on --display, and films $DISPLAY.
func (c *Chromium) run(end int, program string, x Screens) error {
	dir := filepath.Join(c.Dir, fmt.Sprint("chromium", end))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	page := filepath.Join(dir, "window.html")
	if err := os.WriteFile(page, chromiumPage, 0o644); err != nil {
		return err
	}
	d, theirs, err := openDevtools()
	if err != nil {
		return err
	}
	c.tools[end] = d
	cmd := c.Ends.Command(context.Background(), end, program, chromiumArguments(dir, page, x.Window[end])...)
	cmd.Env = append(os.Environ(), "DISPLAY="+x.Camera, "HOME="+dir, "DBUS_SESSION_BUS_ADDRESS=disabled:", "DBUS_SYSTEM_BUS_ADDRESS=disabled:")
	cmd.ExtraFiles = theirs
	t, err := StartTask(cmd)
	for _, f := range theirs {
		_ = f.Close()
	}
	if err != nil {
		return err
	}
	c.tasks = append(c.tasks, t)
	return nil
}

func chromiumArguments(dir, page, display string) []string {
	return []string{
		"--display=" + display, "--user-data-dir=" + dir, "--remote-debugging-pipe",
		"--no-sandbox", "--test-type", // root has no other choice, and no bar is to say so
		"--log-level=3", // all that is missing of a desktop
		"--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-extensions", "--password-store=basic",
		"--kiosk", "--window-position=0,0", fmt.Sprintf("--window-size=%d,%d", Width, Height+ChromiumBelow), "--force-device-scale-factor=1", "--hide-scrollbars",
		"--disable-gpu", // there is none; drawing by a simulated one costs more
		"--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
		"--auto-select-desktop-capture-source=Entire screen", "--autoplay-policy=no-user-gesture-required",
		"--disable-features=WebRtcHideLocalIpsWithMdns", // nobody answers for made-up names here
		"file://" + page,
	}
}

// Codec is what the picture comes as, such as "video/VP8".
func (c *Chromium) Codec(ctx context.Context) (string, error) { return c.tools[1].call(ctx, "codec") }

// Processes is System's.
func (c *Chromium) Processes() []int { return processes(c.tasks) }

// Stop is System's.
func (c *Chromium) Stop() string {
	said := stopAll(c.tasks)
	for _, d := range c.tools {
		if d != nil {
			d.close()
		}
	}
	return said
}
